"""A health check with a timeout and a cached result, of which normally one run is in progress at a time."""

from __future__ import annotations

import asyncio
import inspect
import logging
import threading
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from dataclasses import KW_ONLY, dataclass

from signalscope.contract import CRITICALITIES
from signalscope.contract._model import ContractError
from signalscope.health._report import VALUES
from signalscope.health._result import Result, Status, Verdict, shown
from signalscope.recording._process_state import ProcessState
from signalscope.runtime import watch_event_loop
from signalscope.runtime._excuses import explain, is_timeout
from signalscope.runtime._loops import delays

_logger = logging.getLogger("signalscope")
_LONGEST_TIMEOUT = 30.0

Outcome = Result | Status | bool | float | None
"""The return value of a check: a result, a status, True or False, or 1, 0.5 or 0; None is unknown."""
Check = Callable[[], Outcome | Awaitable[Outcome]]


@dataclass(eq=False, repr=False)
class HealthCheck(ProcessState):
    """A check of one component.

    All callers during a run wait for that run. For ``cache_seconds`` after its end, callers get its result. A run
    that exceeds the timeout is unhealthy. It is unknown if the event loop of this process was late meanwhile,
    because the component may have answered in time. One delay counts from a quarter of the timeout, several from half
    the timeout. A run cannot be stopped, so the next one starts only when it has ended, or if ``max_concurrent``
    allows another one. A check that is not a coroutine function runs in a daemon thread.

    Args:
        name: The component, such as ``database``, 1 to 100 characters; the label ``component`` of
            `signal_service.health_check.status`.
        check: A function or coroutine function without arguments. If it raises, the result is unhealthy. Raise
            timeouts instead of returning False: they are unknown if the event loop was late.
        critical: True: if this component is unhealthy, the service is unhealthy and not ready. False: the service is
            only degraded.
        timeout: The maximum duration of a run in seconds: above 0, at most 30.
        cache_seconds: The number of seconds that a result is valid; at least 0.
        max_concurrent: The maximum number of runs at the same time, including runs that exceeded the timeout.
        dependency: The importance of an external service: critical, mandatory or high. With it, the result is also
            recorded in `signal_service.external_service.health`.
        readiness: True: the service is not ready while this component is unhealthy. By default the same as
            ``critical``.
        liveness: True: the orchestrator restarts the process while this component is unhealthy. Not allowed together
            with ``dependency``.

    Raises:
        ContractError: An argument is not allowed; the message says which values are.

    Examples:
        >>> import asyncio
        >>> from signalscope.health import HealthCheck, Result
        >>> check = HealthCheck("model", lambda: Result("degraded", "the model is a day old"), readiness=True)
        >>> asyncio.run(check.result()).result.detail
        'the model is a day old'
    """

    name: str
    check: Check
    _: KW_ONLY
    critical: bool = False
    timeout: float = 2.0
    cache_seconds: float = 5.0
    max_concurrent: int = 1
    dependency: str | None = None
    readiness: bool | None = None
    liveness: bool = False

    def __post_init__(self) -> None:
        where = f"health check {self.name!r}"
        if not self.name or len(self.name) > 100:
            raise ContractError(f"{where}: the name must have 1 to 100 characters [SS510]")
        if not 0 < self.timeout <= _LONGEST_TIMEOUT:
            raise ContractError(f"{where}: timeout={self.timeout!r} must be above 0 and at most 30 [SS511]")
        if not self.cache_seconds >= 0 or self.max_concurrent < 1:
            raise ContractError(f"{where}: cache_seconds must be >= 0, max_concurrent >= 1 [SS512]")
        if self.dependency is not None and self.dependency not in CRITICALITIES:
            allowed = ", ".join(CRITICALITIES)
            raise ContractError(f"{where}: dependency={self.dependency!r} is not one of {allowed} [SS513]")
        if self.liveness and self.dependency is not None:
            raise ContractError(f"{where}: a check with dependency cannot have liveness=True [SS514]")
        super().__init__()
        self.readiness = self.critical if self.readiness is None else self.readiness
        self.latest: Verdict | None = None
        self._run: _Run | None = None
        self._given_up: list[_Run] = []
        self._failed_as = ""

    async def result(self) -> Verdict:
        """Return the cached result if it is still valid, otherwise the result of a run.

        Returns:
            The result, at the latest after ``timeout`` seconds.
        """
        with self.lock:
            latest, run = self.latest, self._run
            if run is not None and run.ended:  # no caller was left to store its result
                self._run = None
                latest = self._keep(run)
            if latest is not None and time.monotonic() - latest.at < self.cache_seconds:
                return latest
            run = self._run
            if run is None or run.is_lost():
                self._given_up = [run for run in self._given_up if run.is_running()]
                if len(self._given_up) >= self.max_concurrent:
                    now, earlier = time.monotonic(), self._given_up[0]
                    detail = f"the earlier run has not ended for {now - earlier.began:.0f} s"
                    # A loop that was in time for one more timeout has given the run its chance to end.
                    stuck = self._timed_out(detail, earlier.delays(now - self.timeout), self.timeout)
                    self.latest = Verdict(stuck, now, 0.0)
                    return self.latest
                run = self._run = _Run(self.check)
        remaining = run.began + self.timeout - time.monotonic()
        await asyncio.wait({asyncio.wrap_future(run.outcome)}, timeout=max(remaining, 0.0))
        with self.lock:
            if self._run is run:
                self._run = None
            # Another caller has already stored the timeout. The run may have been cancelled since then.
            if run.is_given_up and self.latest is not None:
                return self.latest
            if run.ended:
                return self._keep(run)
            run.give_up()
            self._given_up.append(run)
            now = time.monotonic()
            detail = f"the check did not end within {self.timeout:g} s"
            late = self._timed_out(detail, run.delays(), self.timeout)
            self.latest = Verdict(late, now, now - run.began)
            return self.latest

    def after_fork(self) -> None:
        """Drop the result and the runs of the parent process."""
        self._run, self.latest = None, None
        self._given_up.clear()

    def _keep(self, run: _Run) -> Verdict:
        outcome = run.outcome.result()
        result = self._judge(outcome)
        if isinstance(outcome, BaseException) and is_timeout(outcome):
            result = self._timed_out(result.detail, run.delays(), min(self.timeout, run.ended - run.began))
        verdict = Verdict(result, run.ended, run.ended - run.began)
        if self.latest is None or self.latest.at < run.ended:
            self.latest = verdict
        return verdict

    @staticmethod
    def _timed_out(detail: str, late: list[float], seconds: float) -> Result:
        """Return unhealthy, or unknown if the event loop was late for a part of the time that the check had."""
        if not explain(late, seconds):
            return Result("unhealthy", detail)
        return Result("unknown", f"{detail}, but the event loop of this process was {sum(late):.1f} s late")

    def _judge(self, outcome: Outcome | BaseException) -> Result:
        if isinstance(outcome, BaseException):
            kind = type(outcome).__name__
            if kind != self._failed_as:  # only the log gets the message, which may be secret
                _logger.warning("signalscope: health check %s: %s: %s [SS515]", self.name, kind, outcome)
            self._failed_as = kind
            return Result("unhealthy", f"the check failed ({kind})")
        self._failed_as = ""
        if outcome is None:
            return Result("unknown")
        if isinstance(outcome, Result | str):
            return shown(outcome if isinstance(outcome, Result) else Result(outcome))
        try:
            return Result(VALUES[float(outcome)])
        except (KeyError, TypeError, ValueError):
            return Result("unhealthy", "the check returned neither a status nor 1, 0.5 or 0")


class _Run:
    """One run of a check.

    Attributes:
        began: The start, in seconds on the monotonic clock.
        ended: The end, in seconds on the monotonic clock; 0 until the run ends.
        is_given_up: True once it has exceeded the timeout.
        outcome: The return value or the exception of the check; it can be awaited from any event loop.
    """

    def __init__(self, check: Check) -> None:
        self.began = time.monotonic()
        self.ended = 0.0
        self.is_given_up = False
        self.outcome: Future[Outcome | BaseException] = Future()
        self._thread: threading.Thread | None = None
        self._late: list[float] | None = None
        self._loop = asyncio.get_running_loop()
        watch_event_loop()
        self._task = self._loop.create_task(self._execute(check))
        self._task.add_done_callback(self._finish)

    def delays(self, since: float = 0.0) -> list[float]:
        """Return the delays of the event loop during the run, or since a later time, in seconds."""
        return delays(max(self.began, since), self._loop) if self._late is None else self._late

    def is_lost(self) -> bool:
        """Return True if the run can never end because its event loop is closed."""
        return not self.outcome.done() and self._loop.is_closed()

    def is_running(self) -> bool:
        """Return True if the task or the thread of the run is still active."""
        if self._thread is not None and self._thread.is_alive():
            return True
        return not self._task.done() and not self._loop.is_closed()

    def give_up(self) -> None:
        """Cancel the task of the run; a check can ignore the cancellation."""
        self.is_given_up = True
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._task.cancel)

    async def _execute(self, check: Check) -> Outcome | BaseException:
        try:
            if inspect.iscoroutinefunction(check):
                outcome: Outcome | BaseException | Awaitable[Outcome] = check()
            else:
                called: Future[Outcome | BaseException | Awaitable[Outcome]] = Future()
                # Not the default executor: hanging checks would occupy its threads and delay the exit of the process.
                self._thread = threading.Thread(
                    target=_call, args=(check, called), name="signalscope-check", daemon=True
                )
                self._thread.start()
                outcome = await asyncio.wrap_future(called)
            return await outcome if inspect.isawaitable(outcome) else outcome
        except SystemExit as error:  # if a task raises it, the event loop and the service end
            return error

    def _finish(self, task: asyncio.Task[Outcome | BaseException]) -> None:
        self._late = self.delays()
        self.ended = time.monotonic()
        if task.cancelled():
            self.outcome.set_result(asyncio.CancelledError())
        else:
            error = task.exception()
            self.outcome.set_result(task.result() if error is None else error)


def _call(check: Check, called: Future[Outcome | BaseException | Awaitable[Outcome]]) -> None:
    if not called.set_running_or_notify_cancel():
        return
    try:
        called.set_result(check())
    except BaseException as error:  # becomes an unhealthy result
        called.set_result(error)
