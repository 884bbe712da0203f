"""The last export of a process, within a time limit: at SIGTERM, at exit, or when the program calls it.

At SIGTERM, Python ends without running exit handlers. Servers have their own signal handlers (see
`flush_when_served`). Every other program gets a handler that exports and then sends the signal again. Other threads
do the export. If the signal has interrupted code that may hold a lock, such as a collection, the main thread
continues until the export is done.

At the interpreter's exit, the SDK would shut down one provider after the other. If the Collector is not running, the
process would wait for the timeout of each exporter.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import logging
import math
import os
import signal
import sys
import threading
import time
import weakref
from collections.abc import Callable, Sequence
from functools import partial
from types import FrameType
from typing import Any

import opentelemetry.exporter
import opentelemetry.sdk
import wrapt
from opentelemetry import metrics, trace

from signalscope.recording._modules import is_within
from signalscope.recording._process_state import ProcessState
from signalscope.recording._sdk import is_stopped_at_exit

#: Packages whose code may hold a lock that an export needs; so may every module with a `ProcessState`.
_LOCKING = (opentelemetry.sdk.__name__, opentelemetry.exporter.__name__, logging.__name__, __package__)
#: The longest that a terminating process waits for its last export, in seconds.
SECONDS = 5.0
#: Variables with which the user sets a longer time, and the longest time: the SDK has the same limit.
_TIMEOUTS = (
    "OTEL_EXPORTER_OTLP_TIMEOUT",
    "OTEL_EXPORTER_OTLP_METRICS_TIMEOUT",
    "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT",
)
_LONGEST_SECONDS = 30.0
#: The part of the last timeout in which spans are exported, if that takes long. Metrics have the rest.
_FOR_SPANS = 0.8
#: Python 3.12.0 and 3.12.1 refuse to start a thread in an exit handler.
_STARTS_NO_THREADS_AT_EXIT = (3, 12)


class _Exports(ProcessState):
    """The state of the last exports of this process.

    Attributes:
        gave_up_at: When an export last took longer than its time limit, on the monotonic clock.
        stopped: The providers that have been shut down.
        waiting: Threads to use at exit, for a Python that cannot start threads there.
        local: Exports that do not need the network.
        counts: Called at the end of the process, when the spans have been exported or it is too late for them.
    """

    def __init__(self) -> None:
        super().__init__()
        self.gave_up_at = -math.inf
        self.stopped: weakref.WeakSet[Any] = weakref.WeakSet()
        self.waiting: list[_WaitingThread] = []
        self.local: list[Callable[[], object]] = []
        self.counts: list[Callable[[], object]] = []

    def after_fork(self) -> None:
        """Forget the threads, which do not run in a child."""
        self.waiting = []


class _WaitingThread:
    """A thread that is started early, and waits for a function to call."""

    def __init__(self) -> None:
        self._act: Callable[[], object] = lambda: None
        self._is_given = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True, name="signalscope-exit")
        self.thread.start()

    def give(self, act: Callable[[], object]) -> None:
        """Call a function in the thread; once."""
        self._act = act
        self._is_given.set()

    def _run(self) -> None:
        self._is_given.wait()
        self._act()


_exports = _Exports()


def flush(timeout: float = SECONDS) -> None:
    """Export the remaining metrics and spans in parallel; never raises and never waits longer than the timeout.

    A process may call this several times at its end, such as after a server has stopped and at a signal. If the first
    export took too long, the Collector is not reachable, and the next call does nothing.

    Args:
        timeout: The longest time to wait, in seconds.
    """
    flush_locally(timeout)
    if not _gave_up_within(2 * timeout):
        _at_once(
            [partial(_call, provider, "force_flush", int(timeout * 1e3)) for provider in _running()], timeout
        )


def _flush_last(timeout: float = SECONDS) -> None:
    """Export as `flush` does, for the last time: metrics after spans, with the number of spans that were given up."""
    flush_locally(timeout)
    if not _gave_up_within(2 * timeout):
        _in_order(_running(), "force_flush", timeout, int(timeout * 1e3))


def flush_locally(timeout: float) -> None:
    """Do the exports that do not need the network, such as the snapshot for the page of several processes."""
    if _exports.local and not _at_once(_exports.local, timeout):
        for act in _exports.local:
            act()


def count_at_end(act: Callable[[], object]) -> None:
    """Call a function before the last export of metrics, when spans are not exported any more; it must not raise."""
    _exports.counts.append(act)


def also_flush(act: Callable[[], object]) -> None:
    """Call a function at each last export, even if the Collector is not reachable; it must not raise."""
    _exports.local.append(act)


def stop(timeout: float) -> None:
    """Export the remaining metrics and spans and shut the providers down in parallel; never raises.

    Args:
        timeout: The longest time to wait, in seconds.
    """
    _stop(_running(), timeout)


def stop_at_exit() -> None:
    """Shut the providers down in parallel when the interpreter exits, before the SDK shuts down one after the other.

    A provider that the program has shut down, or has created with ``shutdown_on_exit=False``, is left alone.
    """
    if sys.version_info[:2] == _STARTS_NO_THREADS_AT_EXIT and not _exports.waiting:
        _exports.waiting = [_WaitingThread() for _ in range(3)]  # for each provider, and locally
    atexit.register(
        lambda: _stop([provider for provider in _running() if is_stopped_at_exit(provider)], _patience())
    )


def _stop(providers: Sequence[Any], timeout: float) -> None:
    flush_locally(timeout)
    wait = 0.0 if _gave_up_within(2 * timeout) else timeout
    if _in_order(providers, "shutdown", wait):
        for provider in providers:
            _exports.stopped.add(provider)
            if hasattr(provider, "shutdown"):  # otherwise the SDK would wait for the same exporter again
                atexit.unregister(provider.shutdown)


def _patience() -> float:
    """Return the longest time to wait at exit: `SECONDS`, or the timeout that the user has set for exporters."""
    given = [float(text) for name in _TIMEOUTS if _is_number(text := os.environ.get(name, ""))]
    return min(max(given, default=SECONDS), _LONGEST_SECONDS)


def _is_number(text: str) -> bool:
    try:
        return float(text) > 0
    except ValueError:
        return False


def _gave_up_within(seconds: float) -> bool:
    return time.monotonic() - _exports.gave_up_at < seconds


def _running() -> list[Any]:
    """Return the providers that have not been shut down."""
    providers: tuple[Any, ...] = metrics.get_meter_provider(), trace.get_tracer_provider()
    return [provider for provider in providers if provider not in _exports.stopped]


def _at_once(acts: Sequence[Callable[[], object]], timeout: float) -> bool:
    """Call functions in parallel; return False if threads cannot be started any more."""
    try:
        waiting = [_start(act) for act in acts]
    except RuntimeError:
        return False
    deadline = time.monotonic() + timeout
    for thread in waiting:
        thread.join(max(0.0, deadline - time.monotonic()))
    if any(thread.is_alive() for thread in waiting):
        _exports.gave_up_at = time.monotonic()
    return True


def _in_order(providers: Sequence[Any], name: str, timeout: float, *args: object) -> bool:
    """Call a method of each provider in parallel, as `_at_once` does, that of the meter provider after the others.

    Its last export has the number of spans that the others have given up.
    """
    meters = metrics.get_meter_provider()
    others = [provider for provider in providers if provider is not meters]
    ended = [threading.Event() for _ in others]

    def act(provider: object, end: threading.Event) -> None:
        _call(provider, name, *args)
        end.set()

    def act_last() -> None:
        deadline = time.monotonic() + _FOR_SPANS * timeout
        for end in ended:
            end.wait(max(0.0, deadline - time.monotonic()))
        for count in _exports.counts:
            count()
        _call(meters, name, *args)

    acts: list[Callable[[], object]] = [partial(act, *pair) for pair in zip(others, ended, strict=True)]
    if len(others) < len(providers):
        acts.append(act_last)
    return _at_once(acts, timeout)


def _start(act: Callable[[], object]) -> threading.Thread:
    """Call a function in another thread.

    Raises:
        RuntimeError: The interpreter is exiting and cannot start threads any more.
    """
    thread = threading.Thread(target=act, daemon=True, name="signalscope-flush")
    try:
        thread.start()
    except RuntimeError:
        if not _exports.waiting:
            raise
        waiting = _exports.waiting.pop()
        waiting.give(act)
        return waiting.thread
    return thread


def _call(provider: object, name: str, *args: object) -> None:
    method = getattr(provider, name, None)
    if method is not None:
        with contextlib.suppress(Exception):  # an error at the end of a process must not prevent its end
            method(*args)


def flush_when_served() -> None:
    """Export the last interval when uvicorn has stopped gracefully, in this process or in one forked from it.

    Uvicorn stops at a signal, and then sends the same signal to its own process, so no exit handler runs. Under
    gunicorn, a starting worker replaces signalscope's signal handler as well. So the export happens at the end of
    uvicorn's own shutdown, after every request has been answered.
    """
    wrapt.register_post_import_hook(_patch_uvicorn, "uvicorn.server")


def _patch_uvicorn(module: Any) -> None:
    if not isinstance(getattr(module.Server, "shutdown", None), wrapt.ObjectProxy):
        wrapt.wrap_function_wrapper(module, "Server.shutdown", _flush_after)


async def _flush_after(wrapped: Callable[..., Any], _server: Any, args: Any, kwargs: Any) -> Any:
    try:
        return await wrapped(*args, **kwargs)
    finally:
        await asyncio.to_thread(flush)


def flush_at_sigterm() -> None:
    """Export before SIGTERM ends this process, unless the program has set its own handler."""
    if (
        threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    ):
        signal.signal(signal.SIGTERM, _terminate)


def _terminate(number: int, frame: FrameType | None) -> None:
    signal.signal(number, signal.SIG_DFL)
    if _may_hold_locks(frame):
        # The interrupted code may hold a lock that the export needs, so it has to continue meanwhile.
        threading.Thread(target=_end, args=(number,), daemon=True, name="signalscope-termination").start()
    else:
        _end(number)


def _end(number: int) -> None:
    _flush_last()
    os.kill(os.getpid(), number)


def _may_hold_locks(frame: FrameType | None) -> bool:
    """Return True if a frame, or one of its callers, may hold a lock that the last export needs."""
    while frame is not None:
        module = str(frame.f_globals.get("__name__", ""))
        if module in ProcessState.modules or is_within(module, _LOCKING):
            return True
        frame = frame.f_back
    return False
