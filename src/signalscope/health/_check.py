"""One health check: it runs once at a time, within a timeout, and its result is remembered for a while."""

from __future__ import annotations

import asyncio
import inspect
import logging
import threading
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from dataclasses import dataclass

from signalscope.contract import CRITICALITIES
from signalscope.contract._model import ContractError
from signalscope.health._report import VALUES
from signalscope.health._result import Result, Status, shown
from signalscope.recording._process_state import ProcessState

_logger = logging.getLogger("signalscope")
_LONGEST_TIMEOUT = 30.0

Outcome = Result | Status | bool | float | None
"""The return value of a check: a result, a status, True or False, or 1, 0.5 or 0; None is unknown."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of one run.

    Attributes:
        result: The result.
        at: When the run ended, on the monotonic clock.
        seconds: How long the run took.

    Examples:
        >>> from signalscope.health import Result, Verdict
        >>> Verdict(Result("healthy"), at=120.0, seconds=0.02).result.status
        'healthy'
    """

    result: Result
    at: float
    seconds: float


class HealthCheck(ProcessState):
    """A check of one component.

    A caller during a run waits for that run; a caller within ``cache_seconds`` after it gets its result. A run that
    exceeds the timeout is unhealthy. It cannot be killed, so no further run starts until it ends (unless
    ``max_concurrent`` allows it). A plain function runs in a daemon thread.

    Args:
        name: The component, such as ``database``; the label ``component`` of
            `signal_service.health_check.status`.
        check: A function or coroutine function without arguments. What it raises is unhealthy.
        critical: Whether the service cannot do without: then unhealthy makes the service unhealthy and not
            ready. Anything else makes it degraded.
        timeout: Seconds that it may take, up to 30.
        cache_seconds: Seconds that a result is good for.
        max_concurrent: Runs that there may be at once, counting those that were given up.
        dependency: How much depends on it, when it is an external service: critical, mandatory or high. It then
            feeds `signal_service.external_service.health` too.
        readiness: Whether the service is not ready while it is unhealthy; by default when it is critical.
        liveness: Whether the process should be restarted while it is unhealthy. Never so for a dependency.

    Raises:
        ContractError: An argument is not allowed; the message says what is.

    Examples:
        >>> import asyncio
        >>> from signalscope.health import HealthCheck, Result
        >>> check = HealthCheck("model", lambda: Result("degraded", "the model is a day old"), readiness=True)
        >>> asyncio.run(check.result()).result.detail
        'the model is a day old'
    """

    def __init__(
        self,
        name: str,
        check: Callable[[], Outcome | Awaitable[Outcome]],
        *,
        critical: bool = False,
        timeout: float = 2.0,
        cache_seconds: float = 5.0,
        max_concurrent: int = 1,
        dependency: str | None = None,
        readiness: bool | None = None,
        liveness: bool = False,
    ) -> None:
        where = f"health check {name!r}"
        if not name or len(name) > 100:
            raise ContractError(f"{where}: the name must have 1 to 100 characters")
        if not 0 < timeout <= _LONGEST_TIMEOUT:
            raise ContractError(f"{where}: timeout={timeout!r} must be above 0 and at most 30 seconds")
        if not cache_seconds >= 0 or max_concurrent < 1:
            raise ContractError(f"{where}: cache_seconds must not be negative, max_concurrent at least 1")
        if dependency is not None and dependency not in CRITICALITIES:
            raise ContractError(
                f"{where}: dependency={dependency!r} is not allowed; allowed: {', '.join(CRITICALITIES)}"
            )
        if liveness and dependency is not None:
            raise ContractError(f"{where}: restarting this process does not heal an external service")
        super().__init__()
        self.name = name
        self.critical = critical
        self.timeout = timeout
        self.cache_seconds = cache_seconds
        self.dependency = dependency
        self.readiness = critical if readiness is None else readiness
        self.liveness = liveness
        self.latest: Verdict | None = None
        self._check = check
        self._max_concurrent = max_concurrent
        self._flight: _Flight | None = None
        self._given_up: list[_Flight] = []
        self._failed_as = ""

    async def result(self) -> Verdict:
        """The present result: a remembered one, or that of a run. Takes no longer than the timeout."""
        with self.lock:
            latest, flight = self.latest, self._flight
            if flight is not None and flight.ended:  # all callers that waited for it have left
                self._flight = None
                latest = self._keep(flight.ended, flight)
            if latest is not None and time.monotonic() - latest.at < self.cache_seconds:
                return latest
            flight = self._flight
            if flight is None or flight.is_lost():
                self._given_up = [each for each in self._given_up if each.runs()]
                if len(self._given_up) >= self._max_concurrent:
                    since = time.monotonic() - self._given_up[0].began
                    stuck = Result("unhealthy", f"a run has not ended for {since:.0f} s")
                    self.latest = Verdict(stuck, time.monotonic(), 0.0)
                    return self.latest
                flight = self._flight = _Flight(self._check)
        remaining = flight.began + self.timeout - time.monotonic()
        await asyncio.wait({asyncio.wrap_future(flight.outcome)}, timeout=max(remaining, 0.0))
        with self.lock:
            is_first = self._flight is flight
            if is_first:
                self._flight = None
            if flight.ended:
                return self._keep(flight.ended, flight)
            if not is_first and self.latest is not None:  # another caller has given it up
                return self.latest
            flight.give_up()
            self._given_up.append(flight)
            now = time.monotonic()
            late = Result("unhealthy", f"no result within {self.timeout:g} s")
            self.latest = Verdict(late, now, now - flight.began)
            return self.latest

    def after_fork(self) -> None:
        """Forget all results and runs."""
        self._flight, self.latest = None, None
        self._given_up.clear()

    def _keep(self, ended: float, flight: _Flight) -> Verdict:
        found = Verdict(self._judged(flight.outcome.result()), ended, ended - flight.began)
        if self.latest is None or self.latest.at < ended:
            self.latest = found
        return found

    def _judged(self, found: Outcome | BaseException) -> Result:
        if isinstance(found, BaseException):
            kind = type(found).__name__
            if kind != self._failed_as:  # its message may be secret: only the log has it
                _logger.warning("signalscope: health check %s: %s: %s", self.name, kind, found)
            self._failed_as = kind
            return Result("unhealthy", f"the check failed ({kind})")
        self._failed_as = ""
        if isinstance(found, Result):
            return shown(found)
        if found is None:
            return Result("unknown")
        if isinstance(found, str):
            return shown(Result(found))
        try:
            return Result(VALUES[float(found)])
        except (KeyError, TypeError, ValueError):
            return Result("unhealthy", "the check gave neither a status nor 1, 0.5 or 0")


class _Flight:
    """One run.

    Attributes:
        began: When it started, on the monotonic clock.
        ended: When it ended with an outcome; 0 while it has not.
        outcome: What it returns or raises; it can be awaited from any event loop.
    """

    def __init__(self, check: Callable[[], Outcome | Awaitable[Outcome]]) -> None:
        self.began = time.monotonic()
        self.ended = 0.0
        self.outcome: Future[Outcome | BaseException] = Future()
        self._thread: threading.Thread | None = None
        self._loop = asyncio.get_running_loop()
        self._task = self._loop.create_task(self._run(check))
        self._task.add_done_callback(self._land)

    def is_lost(self) -> bool:
        """Return True if it can never end because its event loop is closed."""
        return not self.outcome.done() and self._loop.is_closed()

    def runs(self) -> bool:
        """Return True if its task or its thread still runs."""
        if self._thread is not None and self._thread.is_alive():
            return True
        return not self._task.done() and not self._loop.is_closed()

    def give_up(self) -> None:
        """Cancel its task; a check can ignore that."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._task.cancel)

    async def _run(self, check: Callable[[], Outcome | Awaitable[Outcome]]) -> Outcome | BaseException:
        try:
            if inspect.iscoroutinefunction(check):
                found: Outcome | BaseException | Awaitable[Outcome] = check()
            else:
                called: Future[Outcome | BaseException | Awaitable[Outcome]] = Future()
                # Not the executor: a hanging check would use up its threads and delay the exit.
                self._thread = threading.Thread(
                    target=_call, args=(check, called), name="signalscope-check", daemon=True
                )
                self._thread.start()
                found = await asyncio.wrap_future(called)
            return await found if inspect.isawaitable(found) else found
        except SystemExit as error:  # raised by a task, it would end the event loop and the service
            return error

    def _land(self, task: asyncio.Task[Outcome | BaseException]) -> None:
        self.ended = time.monotonic()
        if task.cancelled():
            self.outcome.set_result(asyncio.CancelledError())
        else:
            error = task.exception()
            self.outcome.set_result(task.result() if error is None else error)


def _call(
    check: Callable[[], Outcome | Awaitable[Outcome]],
    outcome: Future[Outcome | BaseException | Awaitable[Outcome]],
) -> None:
    if not outcome.set_running_or_notify_cancel():
        return
    try:
        outcome.set_result(check())
    except BaseException as error:  # a result, which the caller judges
        outcome.set_result(error)
