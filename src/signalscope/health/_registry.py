"""The checks of this process, their overall status, and the gauges that they feed."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager

from signalscope.contract._model import ContractError
from signalscope.health import _report as _health
from signalscope.health._builtin import built_in
from signalscope.health._check import HealthCheck, Verdict
from signalscope.health._result import Result, Status
from signalscope.recording import internal_error, observe
from signalscope.recording._fork import in_children

__all__ = ["Registry", "overall", "shared"]

_MOST = 50
#: The component with which a service says of itself how it is; it decides for everything that is reported.
SERVICE = "service"
_VALUE: Mapping[str, float] = {"healthy": 1.0, "degraded": 0.5, "unhealthy": 0.0}
_REFRESH_SECONDS = 1.0
#: A result is shown as a gauge for as long as it takes to miss some rounds of checks.
_STALE_ROUNDS, _STALE_SECONDS = 3.0, 60.0


class Registry:
    """Health checks by component.

    Args:
        make: Makes the checks that there are without registering any.
    """

    def __init__(self, make: Callable[[], Iterable[HealthCheck]] = tuple) -> None:
        self._make = make
        self._checks: dict[str, HealthCheck] = {}
        self._built_in: dict[str, HealthCheck] = {}
        self._running = 0

    def register(self, check: HealthCheck) -> HealthCheck:
        """Add a check; it takes the place of another one of that name.

        Raises:
            ContractError: There are 50 already.
        """
        if check.name not in self._checks and len(self._checks) >= _MOST:
            raise ContractError(f"health check {check.name!r} is one too many; there may be {_MOST}")
        self._checks = {**self._checks, check.name: check}
        return check

    def unregister(self, name: str) -> None:
        """Take a check out, if there is one; where there is a built-in one, that is back."""
        self._checks = {key: each for key, each in self._checks.items() if key != name}

    def build_in(self, checks: Iterable[HealthCheck]) -> None:
        """Set the checks that a running application has without registering any."""
        self._built_in = {each.name: each for each in checks}

    def checks(self) -> list[HealthCheck]:
        """Every check, by name; without a built-in one of what the service reports itself (`report_health`)."""
        reported = _health.components()
        own = {name: each for name, each in self._built_in.items() if name not in reported}
        return [each for _, each in sorted({**own, **self._checks}.items())]

    def asked(self) -> list[HealthCheck]:
        """Every check, for somebody who asks how the service is: with the built-in ones, lifespan or not.

        A server runs the lifespan of the application that it serves, not of those that are mounted in it.
        """
        if not self._built_in:
            self.build_in(self._make())
        return self.checks()

    async def run(self, checks: Iterable[HealthCheck] | None = None) -> dict[str, Verdict]:
        """The present results, by component; takes as long as the longest timeout at the most."""
        wanted = self.checks() if checks is None else list(checks)
        found = await asyncio.gather(*(each.result() for each in wanted), return_exceptions=True)
        verdicts = {}
        for check, each in zip(wanted, found, strict=True):
            if isinstance(each, Verdict):
                verdicts[check.name] = each
            elif isinstance(each, asyncio.CancelledError):
                raise each
            else:  # ours: a check's own failure is a result
                internal_error("health.check")
        return verdicts

    @asynccontextmanager
    async def kept_fresh(self, built_in: Iterable[HealthCheck] = ()) -> AsyncIterator[None]:
        """Run the checks again and again while the block runs, so that the gauges are of now.

        Args:
            built_in: Checks that there are meanwhile without having been registered.
        """
        if self._running == 0:
            self.build_in(built_in)
        self._running += 1
        task = None
        try:
            task = asyncio.get_running_loop().create_task(self._keep_fresh(), name="signalscope-health")
        except RuntimeError:  # another kind of event loop: the application starts all the same
            internal_error("health.loop")
        try:
            yield
        finally:
            self._running -= 1
            if self._running == 0:
                self.build_in(())
            if task is not None:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task

    async def _keep_fresh(self) -> None:
        busy: set[str] = set()

        async def refresh(check: HealthCheck) -> None:
            try:
                await check.result()
            except Exception:  # ours, and a later run may do
                internal_error("health.refresh")
            finally:
                busy.discard(check.name)

        async with asyncio.TaskGroup() as group:
            while True:
                try:
                    # Each by itself: a check that takes long keeps no other from being of now.
                    for check in self.checks():
                        if check.name not in busy:
                            busy.add(check.name)
                            group.create_task(refresh(check))
                except Exception:  # ours, and the next round may do
                    internal_error("health.refresh")
                await asyncio.sleep(_REFRESH_SECONDS)

    def statuses(self) -> Iterator[tuple[float, tuple[str]]]:
        """What `signal_service.health_check.status` is, of the checks whose result is of now."""
        for check, value in self._known():
            yield value, (check.name,)

    def dependencies(self) -> Iterator[tuple[float, tuple[str, str]]]:
        """What `signal_service.external_service.health` is: 1 unless the service is unhealthy."""
        for check, value in self._known():
            if check.dependency is not None:
                yield float(value > 0), (check.name, check.dependency)

    def _known(self) -> Iterator[tuple[HealthCheck, float]]:
        now = time.monotonic()
        for check in self.checks():
            latest = check.latest
            if latest is None or latest.result.status not in _VALUE:
                continue
            if now - latest.at <= max(_STALE_SECONDS, _STALE_ROUNDS * check.cache_seconds):
                yield check, _VALUE[latest.result.status]

    def forget(self) -> None:
        """Forget all results; for a forked child."""
        for check in self.checks():
            check.forget()


def overall(checks: Iterable[HealthCheck], verdicts: Mapping[str, Verdict]) -> Status:
    """The status of the service.

    * unhealthy when a critical check is unhealthy, or the service itself has reported so;
    * degraded when anything else is unhealthy or degraded;
    * healthy when everything known is;
    * unknown when nothing is known.

    Of what was reported by `report_health`, the component ``service`` alone decides when there is one.

    Args:
        checks: The checks.
        verdicts: Their results.
    """
    reported = {name: value for name, value in _health.components().items() if name not in verdicts}
    found: list[Status] = []
    if SERVICE in reported:
        found.append(_named(reported[SERVICE]))
    elif reported:
        found.append("healthy" if min(reported.values()) == 1.0 else "degraded")
    for check in checks:
        verdict = verdicts.get(check.name)
        status: Status = "unknown" if verdict is None else verdict.result.status
        if status == "unhealthy" and not check.critical:
            status = "degraded"
        found.append(status)
    known = [each for each in found if each != "unknown"]
    return min(known, key=lambda each: _VALUE[each], default="unknown")


def components(verdicts: Mapping[str, Verdict]) -> dict[str, Result]:
    """The state of every component: checked, or as it was reported."""
    found = {name: Result(_named(value), "as reported") for name, value in _health.components().items()}
    found |= {name: verdict.result for name, verdict in verdicts.items()}
    return dict(sorted(found.items()))


def known(results: Mapping[str, Result]) -> dict[str, Status]:
    """Return the status of each component whose status is known."""
    return {name: result.status for name, result in results.items() if result.status != "unknown"}


def _named(value: float) -> Status:
    names: dict[float, Status] = {1.0: "healthy", 0.5: "degraded", 0.0: "unhealthy"}
    return names[value]


#: The process' own.
shared = Registry(built_in)
observe("signal_service.health_check.status", shared.statuses)
observe("signal_service.external_service.health", shared.dependencies)
in_children(shared.forget)
