"""The service's own counts: they do not use telemetry, so that tests can compare the telemetry with them."""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from typing import Any


class Counts:
    """Integers by family and labels; any thread may add to them.

    Example:
        >>> counts = Counts()
        >>> counts.add("requests", "GET", "200", n=2)
        >>> counts.snapshot()
        {'requests': {'total': 2, 'by': {'GET,200': 2}}}
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._families: defaultdict[str, Counter[str]] = defaultdict(Counter)

    def add(self, family: str, *labels: str, n: int = 1) -> None:
        """Add ``n`` to the count of a family and its labels (joined by commas)."""
        with self._lock:
            self._families[family][",".join(labels)] += n

    def snapshot(self) -> dict[str, dict[str, Any]]:
        """Return the total of each family, and the count for each combination of labels."""
        with self._lock:
            return {
                family: {"total": counter.total(), "by": dict(sorted(counter.items()))}
                for family, counter in sorted(self._families.items())
            }
