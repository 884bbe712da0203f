"""The arithmetic of one series: sums since the start, and a delta state for each delta reader.

Only a collection uses an accumulator, under the store's lock.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from signalscope.recording._exemplars import Exemplar
from signalscope.recording._reader import Reader
from signalscope.recording._summary import Summary


class Sums:
    """Count, sum, extremes and bucket counts of the measurements of some time."""

    __slots__ = ("buckets", "count", "high", "low", "total")

    def __init__(self, boundaries: Sequence[float]) -> None:
        self.count = 0
        self.total: float = 0
        self.low = math.inf
        self.high = -math.inf
        self.buckets = [0] * (len(boundaries) + 1)

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


class Accumulator:
    """One series of one instrument.

    Args:
        attributes: The series' attributes, shared with every point made from it.
        boundaries: Bucket boundaries of a histogram; empty for counters.
        start: When the series began, in nanoseconds since the epoch.

    Attributes:
        total: Sums since the start.
        delta_states: Of each delta reader, the sums since it last collected; absent without measurements.
        exemplars: Of each reader, the exemplars that it has not collected, by bucket. None rather than empty: a
            collection asks for it, and that costs less than looking into a mapping.
    """

    __slots__ = ("attributes", "boundaries", "delta_states", "exemplars", "start", "total")

    def __init__(self, attributes: Mapping[str, Any], boundaries: tuple[float, ...], start: int) -> None:
        self.attributes = dict(attributes)
        self.boundaries = boundaries
        self.restart(start)

    def restart(self, start: int) -> None:
        """Start at zero: a new series, or the same one in a forked child."""
        self.start = start
        self.total = Sums(self.boundaries)
        self.delta_states: dict[Reader, Sums] = {}
        self.exemplars: dict[Reader, dict[int, Exemplar]] | None = None

    def add(self, summary: Summary, delta_readers: Sequence[Reader]) -> None:
        """Add measurements to the total and to the delta states of these readers."""
        self.total.add(summary)
        for reader in delta_readers:
            state = self.delta_states.get(reader)
            if state is None:
                state = self.delta_states[reader] = Sums(self.boundaries)
            state.add(summary)

    def add_exemplars(self, exemplars: Mapping[int, Exemplar], readers: Sequence[Reader]) -> None:
        """Keep exemplars until each of the readers has collected them."""
        if self.exemplars is None:
            self.exemplars = {}
        for reader in readers:
            self.exemplars.setdefault(reader, {}).update(exemplars)

    def take_exemplars(self, reader: Reader) -> Mapping[int, Exemplar]:
        """The exemplars that a reader has not collected yet; for a reader that keeps them, the collected ones too."""
        kept = self.exemplars
        if kept is None:
            return {}
        if reader.keeps_exemplars:
            return kept.get(reader, {})
        taken = kept.pop(reader, {})
        if not kept:
            self.exemplars = None
        return taken

    def forget(self, reader: Reader) -> None:
        """Drop the state of a reader that is gone."""
        self.delta_states.pop(reader, None)
        if self.exemplars is not None:
            self.exemplars.pop(reader, None)
