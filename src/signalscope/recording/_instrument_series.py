"""The accumulators of one instrument, and the metric that a reader collects from them.

The SDK's points are frozen dataclasses, and their constructor costs more than all the rest of a collection.
Here their fields are put into the new object's dictionary instead. Where a point keeps them some other way,
its constructor is used.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from operator import attrgetter
from typing import Any

from opentelemetry.sdk import metrics as sdk
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Histogram,
    HistogramDataPoint,
    Metric,
    NumberDataPoint,
    Sum,
)

from signalscope.contract._model import Instrument, Kind
from signalscope.recording._accumulator import Accumulator, Sums
from signalscope.recording._reader import Reader
from signalscope.recording._summary import NOTHING

#: Series that one instrument may have before further ones become one, as in the SDK.
CARDINALITY_LIMIT = 2000
#: The key of the overflow series, which stands for all series beyond the limit, and its attributes, as in the SDK.
_OVERFLOW = ("otel.metric.overflow",)
_total, _start = attrgetter("total"), attrgetter("start")
_OVERFLOW_ATTRIBUTES: Mapping[str, Any] = {"otel.metric.overflow": True}


class InstrumentSeries:
    """The accumulators of one instrument, by attribute values.

    Args:
        instrument: The contract's entry: a counter, an up-down counter or a histogram.
        readers: The readers that collect them.

    Attributes:
        delta_readers: The readers that collect differences.
    """

    def __init__(self, instrument: Instrument, readers: Sequence[Reader]) -> None:
        self.instrument = instrument
        self.boundaries = instrument.buckets or ()
        self.accumulators: dict[tuple[str, ...], Accumulator] = {}
        self.set_readers(readers)

    def set_readers(self, readers: Sequence[Reader]) -> None:
        """Replace the readers."""
        kind = self.instrument.kind
        self.delta_readers = [reader for reader in readers if reader.wants_delta(kind)]
        self._limit = min(
            (reader.limits.get(kind, CARDINALITY_LIMIT) for reader in readers), default=CARDINALITY_LIMIT
        )

    def key(self, values: tuple[str, ...]) -> tuple[str, ...]:
        """The key of the series that has these values: a known or new one, or that of the overflow series."""
        return values if values in self.accumulators or len(self.accumulators) < self._limit else _OVERFLOW

    def accumulator(self, key: tuple[str, ...]) -> Accumulator:
        """The accumulator of a key."""
        known = self.accumulators.get(key)
        if known is not None:
            return known
        attributes: Mapping[str, Any] = _OVERFLOW_ATTRIBUTES
        if key is not _OVERFLOW:
            attributes = dict(zip(self.instrument.attribute_names, key, strict=True))
        created = Accumulator(attributes, self.boundaries, time.time_ns())
        self.initialise_at_zero(created)  # while no other thread can have found it
        return self.accumulators.setdefault(key, created)

    def initialise_at_zero(self, accumulator: Accumulator) -> None:
        """Export a counter at zero once, so that Prometheus sees its first increment."""
        if self.instrument.kind is not Kind.HISTOGRAM:
            accumulator.add(NOTHING, self.delta_readers)

    def restart(self, start: int) -> None:
        """Start every series at zero, in a forked child."""
        for accumulator in list(self.accumulators.values()):
            accumulator.restart(start)
            self.initialise_at_zero(accumulator)

    def metric(self, reader: Reader, now: int) -> Metric | None:
        """The points for one reader; None when there are none.

        Args:
            reader: The reader.
            now: The time of the points, in nanoseconds since the epoch.
        """
        instrument = self.instrument
        temporality = reader.temporality[instrument.kind]
        sums: Iterable[tuple[Accumulator, Sums, int]]
        if temporality is AggregationTemporality.DELTA:
            sums = self._taken(reader, reader.collected_at.get(instrument.name, reader.added_at))
            reader.collected_at[instrument.name] = now
        else:
            accumulators = list(self.accumulators.values())
            sums = zip(accumulators, map(_total, accumulators), map(_start, accumulators), strict=False)
        data: Histogram | Sum
        if instrument.kind is Kind.HISTOGRAM:
            points = histogram_points(sums, reader, now)
            data = Histogram(data_points=points, aggregation_temporality=temporality)
        else:
            data = Sum(
                data_points=number_points(sums, reader, now),
                aggregation_temporality=temporality,
                is_monotonic=instrument.kind is Kind.COUNTER,
            )
        if not data.data_points:
            return None
        return Metric(
            name=instrument.name, description=instrument.description, unit=instrument.unit, data=data
        )

    def _taken(self, reader: Reader, since: int | None) -> Iterator[tuple[Accumulator, Sums, int]]:
        """Take the delta states of a reader: each with its accumulator and the time that it starts at."""
        for accumulator in list(self.accumulators.values()):
            state = accumulator.delta_states.pop(reader, None)
            if state is not None:
                yield accumulator, state, since or accumulator.start


_new = object.__new__


def fits(point_type: type[Any]) -> bool:
    """Return True if points of a type are equal when filled by hand and when constructed."""
    fields = dict.fromkeys(getattr(point_type, "__dataclass_fields__", {}), 0)
    try:
        point = _new(point_type)
        point.__dict__.update(fields)
        return bool(point == point_type(**fields))
    except Exception:  # any difference at all means: use the constructor
        return False


_HISTOGRAMS_FIT, _NUMBERS_FIT = fits(HistogramDataPoint), fits(NumberDataPoint)


def number_points(
    sums: Iterable[tuple[Accumulator, Sums, int]], reader: Reader, now: int
) -> list[NumberDataPoint]:
    """Points of a counter, one for each accumulator, its sums and the time that these start at."""
    points = []
    for accumulator, state, start in sums:
        point = _new(NumberDataPoint)
        fields = point.__dict__ if _NUMBERS_FIT else {}
        fields["attributes"] = accumulator.attributes
        fields["start_time_unix_nano"] = start
        fields["time_unix_nano"] = now
        fields["value"] = state.total
        fields["exemplars"] = [] if accumulator.exemplars is None else _exemplars(accumulator, reader)
        points.append(point if _NUMBERS_FIT else NumberDataPoint(**fields))
    return points


def histogram_points(
    sums: Iterable[tuple[Accumulator, Sums, int]], reader: Reader, now: int
) -> list[HistogramDataPoint]:
    """Points of a histogram, one for each accumulator, its sums and the time that these start at."""
    points = []
    for accumulator, state, start in sums:
        count = state.count
        point = _new(HistogramDataPoint)
        fields = point.__dict__ if _HISTOGRAMS_FIT else {}
        fields["attributes"] = accumulator.attributes
        fields["start_time_unix_nano"] = start
        fields["time_unix_nano"] = now
        fields["count"] = count
        fields["sum"] = state.total
        fields["bucket_counts"] = tuple(state.buckets)
        fields["explicit_bounds"] = accumulator.boundaries
        fields["min"] = state.low if count else None
        fields["max"] = state.high if count else None
        fields["exemplars"] = [] if accumulator.exemplars is None else _exemplars(accumulator, reader)
        points.append(point if _HISTOGRAMS_FIT else HistogramDataPoint(**fields))
    return points


def _exemplars(accumulator: Accumulator, reader: Reader) -> list[sdk.Exemplar]:
    """The reader's exemplars of a series, in the order of the buckets."""
    return [
        sdk.Exemplar(
            filtered_attributes={} if accumulator.attributes else None,
            value=exemplar.value,
            time_unix_nano=exemplar.time_unix_nano,
            span_id=exemplar.span_id,
            trace_id=exemplar.trace_id,
        )
        for _, exemplar in sorted(accumulator.take_exemplars(reader).items())
    ]
