"""The users with the most CPU time in this process, in bounded memory.

The module uses the frequent-items sketch of Anderson et al., "A High-Performance Algorithm for Identifying Frequent
Items in Data Streams" (IMC 2017), implemented by Apache DataSketches. A sketch stores the ids of a limited number of
users. Each cost has a lower and an upper bound. `record_cost` and `measure_cost` add the costs.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from signalscope.users._sketch import Shared, Slots

#: The factor from seconds to nanoseconds: the weights of the sketch are integers.
_NANO = 1e9
_WINDOW_SECONDS = 3600.0
_LONGEST_ID = 200


@dataclass(frozen=True, slots=True)
class UserCost:
    """The CPU time of one user's work in the last hour.

    Attributes:
        user: The user id.
        cpu_seconds: The estimated CPU time in seconds.
        at_least: The lower bound of the true CPU time in seconds.
        at_most: The upper bound of the true CPU time in seconds.

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
    """The CPU time by user over the last hour.

    Args:
        clock: Returns the monotonic time in seconds.
        size: The base-2 logarithm of the number of users in one sketch of five minutes.

    Raises:
        ImportError: datasketches is not installed (extra ``numeric``).
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic, size: int = 10) -> None:
        super().__init__(_WINDOW_SECONDS, clock)
        self._size = size

    def add(self, user: str, cpu_seconds: float) -> None:
        """Add CPU time to a user.

        Args:
            user: The user id; it is cut after 200 characters.
            cpu_seconds: The CPU time in seconds; a value that is not positive and finite is ignored.
        """
        if math.isfinite(cpu_seconds) and cpu_seconds > 0:
            self._update("", user[:_LONGEST_ID], max(1, round(min(cpu_seconds, 1e9) * _NANO)))

    def heaviest(self, most: int = 10) -> list[UserCost]:
        """Return the users with the most CPU time in the last hour, the highest first.

        Users whose true rank is uncertain are left out.
        """
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
    """Add CPU time to a user; without datasketches (extra ``numeric``) this does nothing."""
    users = _shared.get()
    if users is not None:
        users.add(user, cpu_seconds)


def heaviest(most: int = 10) -> list[UserCost] | str:
    """Return the users with the most CPU time in the last hour, or the reason why they are not known."""
    if _shared.sketches is not None:
        return _shared.sketches.heaviest(most)
    if _shared.is_missing:
        return "datasketches is not installed: pip install 'signalscope[numeric]'"
    return "no cost with a user id was recorded: use user_context with measure_cost"
