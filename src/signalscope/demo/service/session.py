"""The trading session: its hours, its U shape, and a clock that is faster than real time.

This module imports only the standard library, since the load generator uses it too.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from datetime import date, datetime, timedelta
from datetime import time as time_of_day

#: The regular session, in exchange time (all datetimes of the simulator are naive exchange time).
OPEN = time_of_day(9, 30)
CLOSE = time_of_day(16, 0)
SESSION_SECONDS = 6.5 * 3600

_SATURDAY = 5


def activity(progress: float) -> float:
    """Return the activity of trading at a point of the session, 1.0 on average.

    The shape is a U: a peak that decays in the first hour, a quiet middle, and a rise into the close. It follows
    Wood, McInish and Ord, "An Investigation of Transactions Data for NYSE Stocks", Journal of Finance 40 (1985).
    The coefficients are chosen for the demo.

    Args:
        progress: The ratio of the session that has passed, 0 to 1. Outside this range the activity is 0.

    Example:
        >>> activity(0.0) > activity(0.5)
        True
    """
    if not 0.0 <= progress <= 1.0:
        return 0.0
    morning, evening = 0.07, 0.10
    shape = 0.62 + 2.1 * math.exp(-progress / morning) + 2.4 * math.exp((progress - 1.0) / evening)
    mean = 0.62 + 2.1 * morning * (1 - math.exp(-1 / morning)) + 2.4 * evening * (1 - math.exp(-1 / evening))
    return shape / mean


def session_progress(at: datetime) -> float:
    """Return the ratio of the day's session that has passed, clipped to 0 to 1.

    Example:
        >>> session_progress(datetime(2026, 1, 5, 12, 45))
        0.5
    """
    opened = datetime.combine(at.date(), OPEN)
    return min(max((at - opened).total_seconds() / SESSION_SECONDS, 0.0), 1.0)


def _next_trading_day(day: date) -> date:
    following = day + timedelta(days=1)
    while following.weekday() >= _SATURDAY:
        following += timedelta(days=1)
    return following


class SessionClock:
    """Market time for a demo: trading hours pass quickly, and the clock skips nights and weekends.

    Args:
        first_day: The date of the first session; a weekend stands for the next Monday.
        speed: Market seconds per real second; positive.
        monotonic: The real clock, in seconds.

    Raises:
        ValueError: The speed is not positive.

    Example:
        >>> SessionClock(date(2026, 1, 5), monotonic=lambda: 0.0).now()
        datetime.datetime(2026, 1, 5, 9, 30)
    """

    def __init__(
        self,
        first_day: date = date(2026, 1, 5),
        *,
        speed: float = 39.0,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        if speed <= 0:
            raise ValueError(f"speed must be positive, not {speed}")
        self.speed = speed
        self._day = first_day if first_day.weekday() < _SATURDAY else _next_trading_day(first_day)
        self._monotonic = monotonic
        self._session_started = monotonic()

    def now(self) -> datetime:
        """Return the market time, which is always within a session."""
        session = SESSION_SECONDS / self.speed
        while (elapsed := self._monotonic() - self._session_started) >= session:
            self._session_started += session
            self._day = _next_trading_day(self._day)
        return datetime.combine(self._day, OPEN) + timedelta(seconds=elapsed * self.speed)
