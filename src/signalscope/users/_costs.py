"""The users whose work takes most CPU time in this process, in bounded memory: a sketch of heavy hitters.

Frequent-items sketch of Anderson et al., "A High-Performance Algorithm for Identifying Frequent Items in Data
Streams" (IMC 2017), as Apache DataSketches implements it. It keeps the ids of the heaviest users, never of all;
each cost is known within limits, which are part of the answer. `record_cost` and `measure_cost` charge users.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from signalscope.users._sketch import Shared, Slots

#: Costs are weights of the sketch, which are whole numbers: CPU nanoseconds.
_NANO = 1e9
_WINDOW_SECONDS = 3600.0
_LONGEST_ID = 200


@dataclass(frozen=True, slots=True)
class UserCost:
    """What one user's work took.

    Attributes:
        user: The id.
        cpu_seconds: The estimate.
        at_least: The true value is not below this.
        at_most: The true value is not above this.

    Examples:
        >>> from signalscope.users import UserCost
        >>> cost = UserCost("user-17", cpu_seconds=12.0, at_least=11.5, at_most=12.5)
        >>> cost.at_least <= cost.cpu_seconds <= cost.at_most
        True
    """

    user: str
    cpu_seconds: float
    at_least: float
    at_most: float


class HeavyHitters(Slots):
    """CPU time by user over the last hour.

    Args:
        clock: Seconds, monotonic.
        size: Base-two logarithm of how many users one sketch of five minutes can hold.

    Raises:
        ImportError: datasketches is not installed (extra ``numeric``).
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic, size: int = 10) -> None:
        super().__init__(_WINDOW_SECONDS, clock)
        self._size = size

    def add(self, user: str, cpu_seconds: float) -> None:
        """Charge a user.

        Args:
            user: The id; one of more than 200 characters is cut.
            cpu_seconds: What the work took; skipped unless it is a positive number.
        """
        if math.isfinite(cpu_seconds) and cpu_seconds > 0:
            self._update("", user[:_LONGEST_ID], max(1, round(min(cpu_seconds, 1e9) * _NANO)))

    def heaviest(self, most: int = 10) -> list[UserCost]:
        """The users who cost most in the last hour, the heaviest first; none who may not be one of them."""
        union = self._empty()
        with self.lock:
            for _, sketch in self._since(_WINDOW_SECONDS):
                union.merge(sketch)
        kind = self._library.frequent_items_error_type.NO_FALSE_POSITIVES
        costs = [
            UserCost(str(user), estimate / _NANO, low / _NANO, high / _NANO)
            for user, estimate, low, high in union.get_frequent_items(kind)
        ]
        return sorted(costs, key=lambda cost: -cost.cpu_seconds)[:most]

    def _empty(self) -> Any:
        return self._library.frequent_strings_sketch(self._size)


_shared = Shared(HeavyHitters)


def charge(user: str, cpu_seconds: float) -> None:
    """Charge a user; without datasketches (extra ``numeric``) nothing is kept."""
    users = _shared.get()
    if users is not None:
        users.add(user, cpu_seconds)


def heaviest(most: int = 10) -> list[UserCost] | str:
    """The users that cost most in the last hour; or why they are not known."""
    if _shared.sketches is not None:
        return _shared.sketches.heaviest(most)
    if _shared.is_missing:
        return "datasketches is not installed (pip install 'signalscope[numeric]')"
    return "no user's work was charged (user_context with measure_cost or record_cost)"
