"""The registered checks of this process, the overall status, and the gauges of the results."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager

from signalscope.contract._model import ContractError
from signalscope.health import _report
from signalscope.health._check import HealthCheck
from signalscope.health._result import Result, Status, Verdict
from signalscope.recording import internal_error, observe

_MOST = 50
#: The component for the status of the whole service; it replaces all other reports of `report_health`.
SERVICE = "service"
_VALUE: Mapping[str, float] = {status: value for value, status in _report.VALUES.items()}
_REFRESH_SECONDS = 1.0
#: The age above which a result is no longer exported: a number of cache times, but at least a number of seconds.
_STALE_ROUNDS, _STALE_SECONDS = 3.0, 60.0


class Registry:
    """Health checks by component.

    Args:
        make: Returns new built-in checks.
    """

    def __init__(self, make: Callable[[], Iterable[HealthCheck]]) -> None:
        self._make = make
        self._checks: dict[str, HealthCheck] = {}
        self._built_in: Iterable[HealthCheck] = ()
        self._running = 0

    def register(self, check: HealthCheck) -> HealthCheck:
        """Add a check; see the function of that name."""
        if check.name not in self._checks and len(self._checks) >= _MOST:
            raise ContractError(f"health check {check.name!r} exceeds the limit of {_MOST} checks [SS516]")
        self._checks = {**self._checks, check.name: check}
        return check

    def unregister(self, name: str) -> None:
        """Remove the check with a name, if it exists. A built-in check with that name is used again.

        Args:
            name: The component.
        """
        self._checks = {key: check for key, check in self._checks.items() if key != name}

    def checks(self) -> list[HealthCheck]:
        """Return all checks of this process, sorted by name.

        The built-in checks are included while an application with the router runs, except for components that are
        reported with `report_health`.
        """
        reported = _report.components()
        built_in = {check.name: check for check in self._built_in if check.name not in reported}
        return [check for _, check in sorted({**built_in, **self._checks}.items())]

    def with_built_in(self) -> list[HealthCheck]:
        """Return all checks, including the built-in ones even if no lifespan has added them.

        A server runs the lifespan of its application, but not the lifespans of mounted applications.
        """
        self._built_in = self._built_in or self._make()
        return self.checks()

    async def run(self) -> dict[str, Verdict]:
        """Return the result of each check by component: the cached one if it is valid, otherwise of a new run."""
        return await run_all(self.checks())

    async def summary(self) -> tuple[Status, Mapping[str, Result]]:
        """Return the overall status, and the result of each component that is checked or reported.

        The built-in checks are included.

        Returns:
            The status, and the results by component.
        """
        checks = self.with_built_in()
        verdicts = await run_all(checks)
        results = {name: verdict.result for name, verdict in components(verdicts).items()}
        return overall(checks, verdicts), results

    @asynccontextmanager
    async def kept_fresh(self) -> AsyncIterator[None]:
        """Use the built-in checks and rerun every check when its result expires, until the block ends."""
        if self._running == 0:
            self._built_in = self._make()
        self._running += 1
        task = None
        try:
            task = asyncio.get_running_loop().create_task(self._keep_fresh(), name="signalscope-health")
        except RuntimeError:  # not asyncio's event loop; the application must start without the refresh
            internal_error("health.loop")
        try:
            yield
        finally:
            self._running -= 1
            if self._running == 0:
                self._built_in = ()
            if task is not None:
                task.cancel()
                await asyncio.wait({task})

    async def _keep_fresh(self) -> None:
        tasks: dict[str, asyncio.Task[Verdict | None]] = {}
        async with asyncio.TaskGroup() as group:
            while True:
                try:
                    # One task for each check: a slow check must not delay the others.
                    for check in self.checks():
                        if check.name not in tasks or tasks[check.name].done():
                            tasks[check.name] = group.create_task(_verdict(check, "health.refresh"))
                except Exception:  # a defect of signalscope; the next round may succeed
                    internal_error("health.refresh")
                await asyncio.sleep(_REFRESH_SECONDS)

    def statuses(self) -> Iterator[tuple[float, tuple[str]]]:
        """Yield the values of `signal_service.health_check.status` for checks with a recent result."""
        for check, value in self._known():
            yield value, (check.name,)

    def dependencies(self) -> Iterator[tuple[float, tuple[str, str]]]:
        """Yield the values of `signal_service.external_service.health`: 0 if the service is unhealthy, else 1."""
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


async def run_all(checks: Iterable[HealthCheck]) -> dict[str, Verdict]:
    """Return the results by component, at the latest after the longest timeout of the checks."""
    checks = list(checks)
    verdicts = await asyncio.gather(*(_verdict(check, "health.check") for check in checks))
    return {check.name: verdict for check, verdict in zip(checks, verdicts, strict=True) if verdict}


async def _verdict(check: HealthCheck, where: str) -> Verdict | None:
    try:
        return await check.result()
    except Exception:  # a defect of signalscope: a check that raises gives a result
        internal_error(where)
        return None


def overall(checks: Iterable[HealthCheck], verdicts: Mapping[str, Verdict]) -> Status:
    """Return the overall status of the service.

    * unhealthy: a critical check is unhealthy, or the service has reported itself as unhealthy;
    * degraded: another component is unhealthy or degraded;
    * healthy: all known components are healthy;
    * unknown: no component has a known status.

    If the component ``service`` is reported with `report_health`, other reports have no effect on the status.

    Args:
        checks: The checks.
        verdicts: The results by component.
    """
    reported = {name: report for name, report in _report.components().items() if name not in verdicts}
    statuses: list[Status] = []
    if SERVICE in reported:
        statuses.append(reported[SERVICE].result.status)
    elif reported:
        is_healthy = all(report.result.status == "healthy" for report in reported.values())
        statuses.append("healthy" if is_healthy else "degraded")
    for check in checks:
        verdict = verdicts.get(check.name)
        status: Status = "unknown" if verdict is None else verdict.result.status
        statuses.append("degraded" if status == "unhealthy" and not check.critical else status)
    known = [status for status in statuses if status != "unknown"]
    return min(known, key=lambda status: _VALUE[status], default="unknown")


def components(verdicts: Mapping[str, Verdict]) -> dict[str, Verdict]:
    """Return the latest result of each component that is checked or reported."""
    return dict(sorted({**_report.components(), **verdicts}.items()))


def known(results: Mapping[str, Result]) -> dict[str, Status]:
    """Return the statuses by component, without unknown ones."""
    return {name: result.status for name, result in results.items() if result.status != "unknown"}


def _built_in() -> Iterable[HealthCheck]:
    # Not at the top: the module needs pydantic, which a plain installation does not have.
    from signalscope.health._builtin import built_in  # noqa: PLC0415

    return built_in()


shared = Registry(_built_in)
observe("signal_service.health_check.status", shared.statuses)
observe("signal_service.external_service.health", shared.dependencies)


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
    return await shared.summary()
