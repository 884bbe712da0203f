"""The sums of one series since the start, and a delta state for each delta reader.

Only a collection uses an accumulator, while it holds the store's lock.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from signalscope.recording._exemplars import Exemplar
from signalscope.recording._reader import Reader
from signalscope.recording._summary import Summary


class Sums:
    """Count, sum, minimum, maximum and bucket counts of the measurements in a period."""

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
        if low < self.low:  # noqa: PLR1730  # calling min() costs more than the rest of this method
            self.low = low
        if high > self.high:  # noqa: PLR1730  # see above
            self.high = high
        own = self.buckets
        for bucket, counted in buckets:
            own[bucket] += counted


class Accumulator:
    """The sums of one series of one instrument.

    Args:
        attributes: The series' attributes. All data points of the series share this mapping.
        boundaries: Bucket boundaries of a histogram; empty for counters.
        start: When the series began, in nanoseconds since the epoch.

    Attributes:
        total: Sums since the start.
        delta_states: The sums since each delta reader last collected. A reader without new measurements is missing.
        exemplars: The exemplars that each reader has not collected, by bucket. None if there are none: comparing
            with None is faster than a look-up in an empty mapping.
    """

    __slots__ = ("attributes", "boundaries", "delta_states", "exemplars", "start", "total")

    def __init__(self, attributes: Mapping[str, Any], boundaries: tuple[float, ...], start: int) -> None:
        self.attributes = dict(attributes)
        self.boundaries = boundaries
        self.restart(start)

    def restart(self, start: int) -> None:
        """Start at zero: for a new series, or for the same series in a forked child."""
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
        """Return and remove the exemplars for a reader; a reader with `keeps_exemplars` gets them again next time."""
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
        """Drop the state of a reader that was removed."""
        self.delta_states.pop(reader, None)
        if self.exemplars is not None:
            self.exemplars.pop(reader, None)
