"""Series into the SDK's data points.

The SDK's points are frozen dataclasses, and their constructor costs more than all the rest of a collection.
Here their fields are put into the new object's dictionary instead. Where a point keeps them some other way,
its constructor is used.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from opentelemetry.sdk.metrics import Exemplar
from opentelemetry.sdk.metrics.export import HistogramDataPoint, NumberDataPoint

from signalscope.recording._accumulator import Aggregate, Interval, ReaderKey

__all__ = ["fits", "histogram_points", "number_points"]

_new = object.__new__


def fits(point_type: type[Any]) -> bool:
    """Whether points of a type are equal when filled by hand and when constructed."""
    fields = dict.fromkeys(getattr(point_type, "__dataclass_fields__", {}), 0)
    try:
        point = _new(point_type)
        point.__dict__.update(fields)
        return bool(point == point_type(**fields))
    except Exception:  # any difference at all means: use the constructor
        return False


_HISTOGRAMS_FIT, _NUMBERS_FIT = fits(HistogramDataPoint), fits(NumberDataPoint)


def number_points(
    sums: Iterable[tuple[Aggregate, Interval, int]], reader: ReaderKey, now: int
) -> list[NumberDataPoint]:
    """Points of a counter: of each series its sum, since the given time."""
    points = []
    for aggregate, interval, start in sums:
        point = _new(NumberDataPoint)
        fields = point.__dict__ if _NUMBERS_FIT else {}
        fields["attributes"] = aggregate.attributes
        fields["start_time_unix_nano"] = start
        fields["time_unix_nano"] = now
        fields["value"] = interval.total
        fields["exemplars"] = [] if aggregate.samples is None else _exemplars(aggregate, reader)
        points.append(point if _NUMBERS_FIT else NumberDataPoint(**fields))
    return points


def histogram_points(
    sums: Iterable[tuple[Aggregate, Interval, int]], reader: ReaderKey, now: int
) -> list[HistogramDataPoint]:
    """Points of a histogram: of each series its sums, since the given time."""
    points = []
    for aggregate, interval, start in sums:
        count = interval.count
        point = _new(HistogramDataPoint)
        fields = point.__dict__ if _HISTOGRAMS_FIT else {}
        fields["attributes"] = aggregate.attributes
        fields["start_time_unix_nano"] = start
        fields["time_unix_nano"] = now
        fields["count"] = count
        fields["sum"] = interval.total
        fields["bucket_counts"] = tuple(interval.buckets)
        fields["explicit_bounds"] = aggregate.bounds
        fields["min"] = interval.low if count else None
        fields["max"] = interval.high if count else None
        fields["exemplars"] = [] if aggregate.samples is None else _exemplars(aggregate, reader)
        points.append(point if _HISTOGRAMS_FIT else HistogramDataPoint(**fields))
    return points


def _exemplars(aggregate: Aggregate, reader: ReaderKey) -> list[Exemplar]:
    """The reader's exemplars of a series, in the order of the buckets."""
    return [
        Exemplar(
            filtered_attributes={} if aggregate.attributes else None,
            value=sample.value,
            time_unix_nano=sample.time_unix_nano,
            span_id=sample.span_id,
            trace_id=sample.trace_id,
        )
        for _, sample in sorted(aggregate.take_samples(reader).items())
    ]
