"""The arithmetic of one series: totals since the start, and sums since each delta reader's last collection.

Only a collection touches these, under the store's lock.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from signalscope.recording._buffers import Summary
from signalscope.recording._exemplars import Sample

__all__ = ["Aggregate", "Interval", "ReaderKey"]


class ReaderKey(Protocol):
    """Identifies a reader within the aggregates; the reader's state in the store is used as one."""

    keeps_exemplars: bool


class Interval:
    """Sums over a stretch of time."""

    __slots__ = ("buckets", "count", "high", "low", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.count = 0
        self.total: float = 0
        self.low = math.inf
        self.high = -math.inf
        self.buckets = [0] * (len(bounds) + 1)

    def add(self, summary: Summary) -> None:
        """Add the measurements of a summary."""
        count, total, low, high, buckets = summary
        self.count += count
        self.total += total
        if low < self.low:  # noqa: PLR1730  # a call of min costs more than the rest of this method
            self.low = low
        if high > self.high:  # noqa: PLR1730  # see above
            self.high = high
        own = self.buckets
        for bucket, counted in buckets:
            own[bucket] += counted


class Aggregate:
    """One series of one instrument.

    Args:
        attributes: The series' attributes, shared with every point made from it.
        bounds: Upper bucket bounds of a histogram; empty for counters.
        start: When the series began, in nanoseconds since the epoch.
    """

    __slots__ = ("attributes", "bounds", "intervals", "samples", "start", "total")

    def __init__(self, attributes: Mapping[str, Any], bounds: tuple[float, ...], start: int) -> None:
        self.attributes = dict(attributes)
        self.bounds = bounds
        self.restart(start)

    def restart(self, start: int) -> None:
        """Begin at zero: a new series, or the same one in a forked child."""
        self.start = start
        self.total = Interval(self.bounds)
        self.intervals: dict[ReaderKey, Interval] = {}
        # None rather than empty: a collection asks for it, and asking costs less than looking into a mapping.
        self.samples: dict[ReaderKey, dict[int, Sample]] | None = None

    def absorb(self, summary: Summary, delta_readers: Sequence[ReaderKey]) -> None:
        """Add measurements to the total, and to the interval of every reader that wants differences."""
        self.total.add(summary)
        for reader in delta_readers:
            interval = self.intervals.get(reader)
            if interval is None:
                interval = self.intervals[reader] = Interval(self.bounds)
            interval.add(summary)

    def offer(self, samples: Mapping[int, Sample], readers: Sequence[ReaderKey]) -> None:
        """Keep exemplars until each of the readers has collected them."""
        if self.samples is None:
            self.samples = {}
        for reader in readers:
            self.samples.setdefault(reader, {}).update(samples)

    def take_samples(self, reader: ReaderKey) -> Mapping[int, Sample]:
        """The exemplars a reader has not collected yet; one that keeps them has those it has collected as well."""
        kept = self.samples
        if kept is None:
            return {}
        if reader.keeps_exemplars:
            return kept.get(reader, {})
        taken = kept.pop(reader, {})
        if not kept:
            self.samples = None
        return taken

    def forget(self, reader: ReaderKey) -> None:
        """Keep nothing for a reader that is gone."""
        self.intervals.pop(reader, None)
        if self.samples is not None:
            self.samples.pop(reader, None)
