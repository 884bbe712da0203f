"""Register, run and summarise the health checks of this process."""

from __future__ import annotations

from collections.abc import Mapping

from signalscope.health._check import HealthCheck, Verdict
from signalscope.health._registry import components, overall, shared
from signalscope.health._result import Result, Status


def register(check: HealthCheck) -> HealthCheck:
    """Add a check to this process; it replaces another one, or a built-in one, of that name.

    Raises:
        ContractError: There are 50 already.

    Examples:
        >>> from signalscope import health
        >>> check = health.register(health.HealthCheck("feed", lambda: True))
        >>> "feed" in [check.name for check in health.checks()]
        True
        >>> health.unregister("feed")
    """
    return shared.register(check)


def unregister(name: str) -> None:
    """Remove a check, if there is one.

    Examples:
        >>> from signalscope import health
        >>> check = health.register(health.HealthCheck("feed", lambda: True))
        >>> health.unregister("feed")
        >>> "feed" in [check.name for check in health.checks()]
        False
    """
    shared.unregister(name)


def checks() -> list[HealthCheck]:
    """Return every check of this process by name; the built-in ones too, once an application with the router runs.

    Examples:
        >>> from signalscope import health
        >>> check = health.register(health.HealthCheck("feed", lambda: True))
        >>> "feed" in [check.name for check in health.checks()]
        True
        >>> health.unregister("feed")
    """
    return shared.checks()


async def run() -> dict[str, Verdict]:
    """Return the present result of every check by component: a remembered one, or that of a run now.

    Examples:
        >>> import asyncio
        >>> from signalscope import health
        >>> check = health.register(health.HealthCheck("feed", lambda: 0.5))
        >>> asyncio.run(health.run())["feed"].result.status
        'degraded'
        >>> health.unregister("feed")
    """
    return await shared.run()


async def summary() -> tuple[Status, Mapping[str, Result]]:
    """Return the overall status, and the result of every component, checked or reported with `report_health`.

    Examples:
        >>> import asyncio
        >>> from signalscope import health
        >>> check = health.register(health.HealthCheck("feed", lambda: False, critical=True))
        >>> status, results = asyncio.run(health.summary())
        >>> status, results["feed"].status
        ('unhealthy', 'unhealthy')
        >>> health.unregister("feed")
    """
    every = shared.with_built_in()
    verdicts = await shared.run(every)
    return overall(every, verdicts), components(verdicts)
