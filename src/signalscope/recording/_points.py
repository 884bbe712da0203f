"""Turn series into the SDK's data points.

The SDK's points are frozen dataclasses, and their constructor costs more than all the rest of a collection.
Here their fields are put into the new object's dictionary instead. Where a point keeps them some other way,
its constructor is used.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from opentelemetry.sdk import metrics as sdk
from opentelemetry.sdk.metrics.export import HistogramDataPoint, NumberDataPoint

from signalscope.recording._accumulator import Accumulator, Sums
from signalscope.recording._reader import Reader

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
