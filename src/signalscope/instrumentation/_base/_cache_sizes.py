"""Sizes of the caches of one library: entries and capacity, read when metrics are collected."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from signalscope.instrumentation._base._sums import known_sums
from signalscope.instrumentation._base._weak import WeakTable
from signalscope.recording import internal_error, observe


class CacheSizes:
    """Reports the sizes of the caches of one library. Caches of the same type are added up.

    Args:
        entries: Returns the number of entries of a cache, without changing it; None if that cannot be known.
        capacity: Returns the number of entries that a cache can hold; None if that is not a number of entries.
    """

    def __init__(
        self, entries: Callable[[Any], float | None], capacity: Callable[[Any], float | None]
    ) -> None:
        self._types: WeakTable[Callable[[], str]] = WeakTable()
        self._readers = {"entries": entries, "capacity": capacity}
        self._stops: list[Callable[[], None]] = []

    def begin(self) -> None:
        """Start to report."""
        if not self._stops:
            self._stops = [
                observe(f"signal_service.cache.{name}", lambda read=read: self._sums(read))  # type: ignore[misc]
                for name, read in self._readers.items()
            ]

    def end(self) -> None:
        """Stop to report, and forget the caches."""
        for stop in self._stops:
            stop()
        self._stops = []
        self._types.clear()

    def add(self, cache: object, cache_type: Callable[[], str]) -> None:
        """Report a cache as long as it lives.

        Args:
            cache: The cache; it is not kept alive.
            cache_type: Returns its type; empty if it is not reported yet.
        """
        self._types.set(cache, cache_type)

    def _sums(self, read: Callable[[Any], float | None]) -> Iterator[tuple[float, tuple[str]]]:
        sizes = [(cache_type(), _read_safely(read, cache)) for cache, cache_type in self._types.items()]
        for name, total in known_sums((name, size) for name, size in sizes if name).items():
            yield total, (name,)


def _read_safely(read: Callable[[Any], float | None], cache: object) -> float | None:
    try:
        return read(cache)
    except Exception:  # a cache of the user's own class
        internal_error("instrumentation.cache_size")
        return None
