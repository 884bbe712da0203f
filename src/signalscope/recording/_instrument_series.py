"""The accumulators of one instrument, and the metric that a reader collects from them.

The SDK's data points are frozen dataclasses. Their constructor costs more than the rest of a collection, so the
fields are written into the `__dict__` of a new object. If that does not work with the installed SDK (see `fits`), the
constructor is used.
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

#: The cardinality limit: an instrument has at most so many series, and one overflow series. The SDK has the same
#: limit.
CARDINALITY_LIMIT = 2000
#: The key of the overflow series, and below its attributes, as in the SDK.
_OVERFLOW = ("otel.metric.overflow",)
_total, _start = attrgetter("total"), attrgetter("start")
_OVERFLOW_ATTRIBUTES: Mapping[str, Any] = {"otel.metric.overflow": True}


class InstrumentSeries:
    """The accumulators of one instrument, by attribute values.

    Args:
        instrument: The contract's entry: a counter, an up-down counter or a histogram.
        readers: The readers that collect them.

    Attributes:
        delta_readers: The readers with delta temporality.
    """

    def __init__(self, instrument: Instrument, readers: Sequence[Reader]) -> None:
        self.instrument = instrument
        self.boundaries = instrument.buckets or ()
        self.accumulators: dict[tuple[str, ...], Accumulator] = {}
        self.set_readers(readers)

    def set_readers(self, readers: Sequence[Reader]) -> None:
        """Replace the readers."""
        kind = self.instrument.kind
        self.delta_readers = [
            reader for reader in readers if reader.temporality[kind] is AggregationTemporality.DELTA
        ]
        self._limit = min(
            (reader.limits.get(kind, CARDINALITY_LIMIT) for reader in readers), default=CARDINALITY_LIMIT
        )

    def key(self, values: tuple[str, ...]) -> tuple[str, ...]:
        """Return the key of the series with these values; beyond the limit, the key of the overflow series."""
        return values if values in self.accumulators or len(self.accumulators) < self._limit else _OVERFLOW

    def accumulator(self, key: tuple[str, ...]) -> Accumulator:
        """Return the accumulator of a key; a new one starts now."""
        known = self.accumulators.get(key)
        if known is not None:
            return known
        attributes: Mapping[str, Any] = _OVERFLOW_ATTRIBUTES
        if key is not _OVERFLOW:
            attributes = dict(zip(self.instrument.attribute_names, key, strict=True))
        created = Accumulator(attributes, self.boundaries, time.time_ns())
        self.initialise_at_zero(created)  # before other threads can see it
        return self.accumulators.setdefault(key, created)

    def initialise_at_zero(self, accumulator: Accumulator) -> None:
        """Export a counter once with the value zero, so that Prometheus sees its first increment."""
        if self.instrument.kind is not Kind.HISTOGRAM:
            accumulator.add(NOTHING, self.delta_readers)

    def restart(self, start: int) -> None:
        """Start every series at zero, in a forked child."""
        for accumulator in list(self.accumulators.values()):
            accumulator.restart(start)
            self.initialise_at_zero(accumulator)

    def metric(self, reader: Reader, now: int) -> Metric | None:
        """Return the metric with the data points for one reader; None without data points.

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
        """Take the delta states of a reader: yield each accumulator, its state and the state's start time."""
        for accumulator in list(self.accumulators.values()):
            state = accumulator.delta_states.pop(reader, None)
            if state is not None:
                yield accumulator, state, since or accumulator.start


_new = object.__new__


def fits(point_type: type[Any]) -> bool:
    """Return True if a data point filled through `__dict__` equals one from the constructor."""
    fields = dict.fromkeys(getattr(point_type, "__dataclass_fields__", {}), 0)
    try:
        point = _new(point_type)
        point.__dict__.update(fields)
        return bool(point == point_type(**fields))
    except Exception:  # the type has another layout, so use the constructor
        return False


_HISTOGRAMS_FIT, _NUMBERS_FIT = fits(HistogramDataPoint), fits(NumberDataPoint)


def number_points(
    sums: Iterable[tuple[Accumulator, Sums, int]], reader: Reader, now: int
) -> list[NumberDataPoint]:
    """Return the data points of a counter.

    Args:
        sums: For each data point the accumulator, the sums, and their start time in nanoseconds since the epoch.
        reader: The reader that collects.
        now: The time of the data points, in nanoseconds since the epoch.
    """
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
    """Return the data points of a histogram; the arguments are those of `number_points`."""
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
    """Return the reader's exemplars of a series, in the order of the buckets."""
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
