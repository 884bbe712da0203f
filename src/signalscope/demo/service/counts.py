"""The service's own plain counts, kept without any telemetry, to check the telemetry against."""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from typing import Any


class Counts:
    """Integers by family and label, safe to add to from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._families: defaultdict[str, Counter[str]] = defaultdict(Counter)

    def add(self, family: str, *labels: str, n: int = 1) -> None:
        """Count ``n`` more under a family and its labels (joined by commas)."""
        with self._lock:
            self._families[family][",".join(labels)] += n

    def snapshot(self) -> dict[str, dict[str, Any]]:
        """Every family: its total, and the count for each combination of labels."""
        with self._lock:
            return {
                family: {"total": counter.total(), "by": dict(sorted(counter.items()))}
                for family, counter in sorted(self._families.items())
            }
