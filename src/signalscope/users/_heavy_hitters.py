"""The users whose work costs most, in bounded memory: a sketch of heavy hitters.

Frequent-items sketch of Anderson et al., "A High-Performance Algorithm for Identifying Frequent Items in Data
Streams" (IMC 2017), as Apache DataSketches implements it. It keeps the ids of the heaviest users, never of all;
each cost is known within bounds, which are part of the answer.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

__all__ = ["HeavyHitters", "UserCost"]

#: Costs are weights of the sketch, which are whole numbers: CPU nanoseconds.
_NANO = 1e9
_SLOT_SECONDS = 300.0
_SLOTS = 12
_MOST_ID = 200


@dataclass(frozen=True, slots=True)
class UserCost:
    """What one user's work took.

    Attributes:
        user: The id.
        cpu_seconds: The estimate.
        at_least: The true value is not below this.
        at_most: The true value is not above this.
    """

    user: str
    cpu_seconds: float
    at_least: float
    at_most: float


class HeavyHitters:
    """CPU time by user over the last hour.

    Args:
        clock: Seconds, monotonic.
        size: Base-two logarithm of how many users one sketch of five minutes can hold.

    Raises:
        ImportError: datasketches is not installed (extra ``numeric``).
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic, size: int = 10) -> None:
        import datasketches  # noqa: PLC0415  # an extra; without it no users are kept

        self._library: Any = datasketches
        self._clock = clock
        self._size = size
        self._lock = threading.Lock()
        self._slots: dict[int, Any] = {}

    def add(self, user: str, cpu_seconds: float) -> None:
        """Charge a user; ids of more than 200 characters are cut, what is no positive number is left out."""
        if not (math.isfinite(cpu_seconds) and cpu_seconds > 0):
            return
        slot = int(self._clock() // _SLOT_SECONDS)
        with self._lock:
            sketch = self._slots.get(slot)
            if sketch is None:
                for old in [each for each in self._slots if each <= slot - _SLOTS]:
                    del self._slots[old]
                sketch = self._slots[slot] = self._library.frequent_strings_sketch(self._size)
            sketch.update(user[:_MOST_ID], max(1, round(min(cpu_seconds, 1e9) * _NANO)))

    def heaviest(self, most: int = 10) -> list[UserCost]:
        """The users who cost most in the last hour, the heaviest first; none who may not be one of them."""
        first = int(self._clock() // _SLOT_SECONDS) - _SLOTS
        union = self._library.frequent_strings_sketch(self._size)
        with self._lock:
            for slot, sketch in self._slots.items():
                if slot > first:
                    union.merge(sketch)
        kind = self._library.frequent_items_error_type.NO_FALSE_POSITIVES
        found = [
            UserCost(str(user), estimate / _NANO, low / _NANO, high / _NANO)
            for user, estimate, low, high in union.get_frequent_items(kind)
        ]
        return sorted(found, key=lambda each: -each.cpu_seconds)[:most]

    def clear(self) -> None:
        """Begin anew, with a free lock; for a forked child, and at exit, where the library counts what is left."""
        self._lock = threading.Lock()
        self._slots.clear()
