"""The service's own plain counts, kept without any telemetry, to check the telemetry against."""

from __future__ import annotations

import threading
from collections import defaultdict
from typing import TypedDict

__all__ = ["Counts", "Family"]


class Family(TypedDict):
    """One family's counts: the total, and by labels joined with commas."""

    total: int
    by: dict[str, int]


class Counts:
    """Integers by family and label, safe to add to from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._families: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))

    def add(self, family: str, *labels: str, n: int = 1) -> None:
        """Count ``n`` more under a family and its labels (joined by commas)."""
        with self._lock:
            self._families[family][",".join(labels)] += n

    def total(self, family: str) -> int:
        """The family's sum over all labels; 0 when nothing was counted."""
        with self._lock:
            return sum(self._families[family].values()) if family in self._families else 0

    def snapshot(self) -> dict[str, Family]:
        """Every family: its total, and the count for each combination of labels."""
        with self._lock:
            return {
                family: {"total": sum(by.values()), "by": dict(sorted(by.items()))}
                for family, by in sorted(self._families.items())
            }
