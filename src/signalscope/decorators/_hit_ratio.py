"""The hit ratio (0 to 1) of each cache in the last five minutes: the values of `cache.hit_ratio`."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from signalscope.config.defaults import RATE_SECONDS
from signalscope.recording import observe
from signalscope.recording._process_state import ProcessState

WINDOW_SECONDS = float(RATE_SECONDS)
_SLOT_SECONDS = 10.0
_SLOTS = int(WINDOW_SECONDS / _SLOT_SECONDS)


class HitRatios(ProcessState):
    """Rolling hit ratios, by cache.

    Args:
        clock: Returns a monotonic time, in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        # By cache, then by slot of ten seconds: the numbers of hits and gets.
        self._slots: dict[str, dict[int, list[int]]] = {}
        # By cache: the current slot and its numbers.
        self._latest: dict[str, tuple[int, list[int]]] = {}

    def count(self, cache: str, *, hit: bool, times: int = 1) -> None:
        """Count gets. The caller limits the number of caches to the contract's cardinality limit."""
        slot = int(self._clock() / _SLOT_SECONDS)
        with self.lock:
            latest = self._latest.get(cache)
            if latest is None or latest[0] != slot:
                latest = self._latest[cache] = (slot, self._slot(cache, slot))
            counted = latest[1]
            if hit:
                counted[0] += times
            counted[1] += times

    def _slot(self, cache: str, slot: int) -> list[int]:
        slots = self._slots.setdefault(cache, {})
        for old in [number for number in slots if number <= slot - _SLOTS]:
            del slots[old]
        return slots.setdefault(slot, [0, 0])

    def ratios(self) -> Iterator[tuple[float, tuple[str]]]:
        """Yield the hit ratio of every cache with gets in the window."""
        oldest = int(self._clock() / _SLOT_SECONDS) - _SLOTS
        with self.lock:
            copied = {
                cache: [tuple(counted) for slot, counted in slots.items() if slot > oldest]
                for cache, slots in self._slots.items()
            }
        for cache, counts in copied.items():
            gets = sum(number for _, number in counts)
            if gets:
                yield sum(hits for hits, _ in counts) / gets, (cache,)

    def after_fork(self) -> None:
        """Drop the parent's numbers."""
        self._slots.clear()
        self._latest.clear()


_shared = HitRatios()
count_get = _shared.count
observe("signal_service.cache.hit_ratio", _shared.ratios)
