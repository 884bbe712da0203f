"""Calls that say little of the called component, because the event loop of this process was late."""

from __future__ import annotations

import asyncio
import time

from signalscope.runtime._loops import ended_delays

#: The outcome of such a call, and of such a failure of a circuit breaker.
LATE_LOOP = "late_loop"
#: A delay explains the time of a call if it is this ratio of that time, and at least these seconds.
_LATE_PART, _LATE_SECONDS = 0.25, 0.1
#: Delays of at least these seconds add up. A busy loop has many shorter ones: they must be this ratio of the time.
_LONG, _MOST = 0.5, 0.5
#: A breaker does not know when the call began: a long delay in these last seconds explains a timeout.
_BREAKER_LAST = 5.0


def explain(delays: list[float], seconds: float) -> bool:
    """Return True if these delays of the event loop may be the reason that a call has taken these seconds."""
    return _longest(delays) >= max(_LATE_SECONDS, _LATE_PART * seconds) or sum(delays) >= _MOST * seconds


def was_late(seconds: float) -> bool:
    """Return True if a delay of the running event loop may be the reason that a call has taken these last seconds.

    A delay that has not ended does not count: the caller is running now, so the call itself blocks the loop.
    """
    if seconds < _LATE_SECONDS:
        return False
    return explain(_ended(seconds), seconds)


def is_late_failure(error: BaseException | None) -> bool:
    """Return True if the failure of a call that ends now is a timeout, and the running event loop was just late."""
    return is_timeout(error) and _longest(_ended(_BREAKER_LAST)) >= _LONG


def is_timeout(error: BaseException | None) -> bool:
    """Return True if the error, or one that it was raised from, is a timeout of any library, by its class names."""
    while error is not None:
        if any("timeout" in base.__name__.lower() for base in type(error).__mro__):
            return True
        error = error.__cause__ or error.__context__
    return False


def _ended(seconds: float) -> list[float]:
    """Return the delays of the running event loop that have ended in the last seconds."""
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:  # a thread without an event loop
        return []
    return ended_delays(time.monotonic() - seconds, loop)


def _longest(delays: list[float]) -> float:
    """Return the longest delay, or the sum of the long ones if it is more."""
    return max(sum(delay for delay in delays if delay >= _LONG), *delays, 0.0)
