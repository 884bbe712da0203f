"""The lag of event loops.

A timer of the loop is due every 100 ms. Each of these 100 ms has one value: the seconds that the timer is overdue at
their end. A loop that stands still for a minute has 600 values, like a loop that runs. So a quantile shows for which
ratio of the time the loop is late. Values of a loop that stands still are recorded when another thread collects
metrics, not only after the delay.
"""

from __future__ import annotations

import asyncio
import contextvars
import gc
import sys
import time
import weakref
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from signalscope.recording import active, get_instrument
from signalscope.recording._process_state import ProcessState

#: Seconds between two values.
INTERVAL = 0.1
#: The most values that one delay gives: five minutes.
_MOST = 3_000
#: The delays that `lateness` uses: the least seconds of a delay, and the number of delays that are kept.
_NOTABLE, _KEPT = 0.05, 256


class _Watch:
    """The timer of one event loop. It must not keep the loop alive.

    Attributes:
        limiter: The limiter of AnyIO's worker threads in this loop, where something has used AnyIO.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.limiter: object = None
        self._loop = weakref.ref(loop)
        self._due = 0.0
        self._values = 0
        self._run: Callable[[], object] = lambda: None
        self._delays: deque[tuple[float, float]] = deque(maxlen=_KEPT)

    def begin(self, loop: asyncio.AbstractEventLoop) -> None:
        """Set the timer; called in the loop."""
        run = sys.get_asyncgen_hooks().firstiter
        self._run = weakref.ref(run) if run is not None else lambda: None
        self._due, self._values = time.monotonic() + INTERVAL, 0
        # An empty context: that of the caller has a user and a span.
        loop.call_later(INTERVAL, self._tick, context=contextvars.Context())

    def _tick(self) -> None:
        loop = self._loop()
        if loop is None or _watches.by_loop.get(loop) is not self:  # a forked child has its own
            return
        values: list[float] = []
        # The loop sets these hooks when it begins to run. A loop that was stopped in the meantime was not late.
        if self._run() is sys.get_asyncgen_hooks().firstiter:
            now = time.monotonic()
            with _watches.lock:
                values = [*self._overdue(now), max(0.0, now - self._due)]
                if values[-1] >= _NOTABLE:
                    self._delays.append((now, values[-1]))
        self.begin(loop)
        _record(values)

    def _overdue(self, now: float) -> list[float]:
        """Return the values since the timer was due that are not recorded yet; the caller has the lock."""
        first, self._values = self._values + 1, max(self._values, int((now - self._due) / INTERVAL))
        return [number * INTERVAL for number in range(max(first, self._values - _MOST), self._values + 1)]

    def collect(self) -> None:
        """Record the values of a delay that has not ended."""
        loop = self._loop()
        if loop is not None and loop.is_running():
            with _watches.lock:
                values = self._overdue(time.monotonic())
            _record(values)

    def delays(self, since: float) -> list[float]:
        """Return the delays since then and the present one, in seconds; only the part of each after that time."""
        now = time.monotonic()
        return [*self.ended(since), max(0.0, min(now - self._due, now - since))]

    def ended(self, since: float) -> list[float]:
        """Return the delays that have ended since then, in seconds; only the part of each that is after that time."""
        with _watches.lock:
            return [min(delay, end - since) for end, delay in self._delays if end > since]

    def executor(self) -> ThreadPoolExecutor | None:
        """Return the default executor of the loop, None until something has used it."""
        loop = self._loop()
        return None if loop is None or loop.is_closed() else _executor_of(loop)


def _executor_of(loop: asyncio.AbstractEventLoop) -> ThreadPoolExecutor | None:
    """Return the default executor of a loop. No function returns it, and uvloop's has no attribute for it either."""
    referents = (getattr(loop, "_default_executor", None), *gc.get_referents(loop))
    return next((one for one in referents if isinstance(one, ThreadPoolExecutor)), None)


class _Watches(ProcessState):
    """The watched event loops of this process."""

    def __init__(self) -> None:
        super().__init__()
        self.by_loop: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _Watch] = (
            weakref.WeakKeyDictionary()
        )

    def after_fork(self) -> None:
        self.by_loop = weakref.WeakKeyDictionary()


_watches = _Watches()


def _record(values: list[float]) -> None:
    if values and active():
        series = get_instrument("signal_service.event_loop.lag").series()
        for value in values:
            series.record(value)


def watch_event_loop() -> None:
    """Measure how late the running event loop is, until it is closed; repeating it changes nothing.

    The middleware and the health checks call it. Call it in a coroutine of a program that has neither. It adds a
    timer to the loop, and no task.

    Raises:
        RuntimeError: No event loop of asyncio is running in this thread.

    Examples:
        >>> import asyncio
        >>> from signalscope.runtime import watch_event_loop
        >>> async def main():
        ...     watch_event_loop()
        >>> asyncio.run(main())
    """
    loop = asyncio.get_running_loop()
    if loop not in _watches.by_loop:
        watch = _Watch(loop)
        with _watches.lock:
            if _watches.by_loop.setdefault(loop, watch) is watch:
                watch.begin(loop)


def use_limiter(limiter: object) -> None:
    """Report AnyIO's worker threads of the running event loop, which is watched; the middleware calls it.

    Args:
        limiter: The value of `anyio.to_thread.current_default_thread_limiter()`.

    Examples:
        >>> import asyncio
        >>> from anyio.to_thread import current_default_thread_limiter
        >>> from signalscope import runtime
        >>> async def main():
        ...     runtime.watch_event_loop()
        ...     runtime.use_limiter(current_default_thread_limiter())
        >>> asyncio.run(main())
    """
    watch = _watches.by_loop.get(asyncio.get_running_loop())
    if watch is not None:
        watch.limiter = limiter


def lateness(since: float, loop: asyncio.AbstractEventLoop | None = None) -> float:
    """Return the longest delay of an event loop since a time; 0.0 if it is not watched.

    Args:
        since: The time, on the monotonic clock. Of a longer delay, only the part after it counts.
        loop: The event loop; by default the running one.

    Examples:
        >>> import asyncio, time
        >>> from signalscope.runtime import lateness, watch_event_loop
        >>> async def main():
        ...     watch_event_loop()
        ...     began = time.monotonic()
        ...     time.sleep(0.3)  # blocks the loop
        ...     return lateness(began)
        >>> 0.15 < asyncio.run(main()) < 1
        True
    """
    watch = _watches.by_loop.get(loop or asyncio.get_running_loop())
    return 0.0 if watch is None else max(watch.delays(since))


def delays(since: float, loop: asyncio.AbstractEventLoop) -> list[float]:
    """Return the seconds of the delays of an event loop since a time, and of the present one."""
    watch = _watches.by_loop.get(loop)
    return [] if watch is None else watch.delays(since)


def ended_delays(since: float, loop: asyncio.AbstractEventLoop) -> list[float]:
    """Return the seconds of the delays of an event loop that have ended since a time; none if it is not watched."""
    watch = _watches.by_loop.get(loop)
    return [] if watch is None else watch.ended(since)


def watches() -> list[_Watch]:
    """Return the watches of this process."""
    with _watches.lock:
        return list(_watches.by_loop.values())
