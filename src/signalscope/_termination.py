"""The last export, within a bounded time; and that it is made when a process is told to terminate.

Python ends at SIGTERM without running exit handlers. Servers have handlers of their own (see
`recording._servers`); for every other program one is installed that exports, and then lets the signal do what it
does. Exporting is done by other threads. Where the main thread was interrupted inside something that may hold a lock
that they need, a collection most of all, it goes on until they are done.
"""

from __future__ import annotations

import contextlib
import math
import os
import signal
import threading
import time
from types import FrameType

from opentelemetry import metrics, trace

__all__ = ["flush", "flush_at_sigterm"]

#: Modules whose locks an export needs.
_LOCKING = (
    "opentelemetry.sdk.",
    "opentelemetry.exporter.",
    "signalscope.recording.",
    "signalscope._pull",
    "logging",
)
#: The longest that a terminating process waits for its last export, in seconds.
SECONDS = 5.0


class _GaveUp:
    """When an export was last waited for in vain, by the monotonic clock."""

    at = -math.inf


def flush(timeout: float = SECONDS) -> None:
    """Export what is left, of metrics and spans at once; never raises and never waits longer than the timeout.

    Several things end a process one after the other, a server and then a signal. When the first has waited in vain,
    the Collector is gone, and the next does not wait again.
    """
    if time.monotonic() - _GaveUp.at < 2 * timeout:
        return
    waiting = [
        threading.Thread(target=_flush, args=(provider, timeout), daemon=True, name="signalscope-flush")
        for provider in (metrics.get_meter_provider(), trace.get_tracer_provider())
    ]
    with contextlib.suppress(RuntimeError):  # no threads can be started any more
        for thread in waiting:
            thread.start()
        deadline = time.monotonic() + timeout
        for thread in waiting:
            thread.join(max(0.0, deadline - time.monotonic()))
        if any(thread.is_alive() for thread in waiting):
            _GaveUp.at = time.monotonic()


def _flush(provider: object, timeout: float) -> None:
    force_flush = getattr(provider, "force_flush", None)
    if force_flush is not None:
        with contextlib.suppress(Exception):  # the end of a process is no place to complain
            force_flush(int(timeout * 1e3))


def flush_at_sigterm() -> None:
    """Export before SIGTERM ends this process, unless the program has a handler of its own."""
    if (
        threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    ):
        signal.signal(signal.SIGTERM, _terminate)


def _terminate(number: int, frame: FrameType | None) -> None:
    signal.signal(number, signal.SIG_DFL)
    if _may_hold_locks(frame):
        # What the export needs may be locked by what was interrupted here: it has to go on meanwhile.
        threading.Thread(target=_end, args=(number,), daemon=True, name="signalscope-termination").start()
    else:
        _end(number)


def _end(number: int) -> None:
    flush()
    os.kill(os.getpid(), number)


def _may_hold_locks(frame: FrameType | None) -> bool:
    """Whether a frame is part of a recording, a collection, an export or the logging of it."""
    while frame is not None:
        if str(frame.f_globals.get("__name__", "")).startswith(_LOCKING):
            return True
        frame = frame.f_back
    return False
