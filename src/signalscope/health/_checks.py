"""What a service does with its health checks: register, run, summarise."""

from __future__ import annotations

from collections.abc import Mapping

from signalscope.health._check import HealthCheck, Verdict
from signalscope.health._registry import components, overall, shared
from signalscope.health._result import Result, Status

__all__ = ["checks", "register", "run", "summary", "unregister"]


def register(check: HealthCheck) -> HealthCheck:
    """Add a check to this process; it takes the place of another one, or a built-in one, of that name.

    Raises:
        ContractError: There are 50 already.
    """
    return shared.register(check)


def unregister(name: str) -> None:
    """Take a check out, if there is one."""
    shared.unregister(name)


def checks() -> list[HealthCheck]:
    """Every check of this process by name; the built-in ones too, once an application with the router runs."""
    return shared.checks()


async def run() -> dict[str, Verdict]:
    """The present result of every check, by component: remembered ones, or those of a run now."""
    return await shared.run()


async def summary() -> tuple[Status, Mapping[str, Result]]:
    """The overall status, and that of every component, checked or reported with `report_health`."""
    every = shared.asked()
    verdicts = await shared.run(every)
    return overall(every, verdicts), components(verdicts)
