"""What has to be known of an SDK's provider and readers, and cannot be asked through public methods.

Every private name of the OpenTelemetry SDK that the fast path reads is in this module. Each is read with
`getattr`; where one is missing or looks unlike what was expected, the answer is "do not use the fast path",
and the plain OpenTelemetry API is used. `tests/recording/test_sdk_versions.py` says which are there in the
oldest and newest supported release.

* `MeterProvider._sdk_config` (views, exemplar filter; in older releases also the readers), `View._match`
* `MeterProvider._metric_readers`
* `MetricReader._instrument_class_temporality`, `_instrument_class_aggregation`,
  `_instrument_class_cardinality_limit` (the last since 1.45)
* `MetricReader._receive_metrics`: documented for overriding, so not private in spirit
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from opentelemetry.metrics import Counter as ApiCounter
from opentelemetry.metrics import Histogram as ApiHistogram
from opentelemetry.metrics import UpDownCounter as ApiUpDownCounter
from opentelemetry.sdk.metrics import (
    AlwaysOffExemplarFilter,
    AlwaysOnExemplarFilter,
    TraceBasedExemplarFilter,
)
from opentelemetry.sdk.metrics.export import AggregationTemporality, MetricReader
from opentelemetry.sdk.metrics.view import DefaultAggregation, ExplicitBucketHistogramAggregation

from signalscope.contract._model import Kind
from signalscope.recording._exemplars import Filter
from signalscope.recording._reader import Reader

__all__ = ["exemplar_filter", "matched_by", "reader_wants", "readers_of", "views_of"]

_API_CLASSES: Mapping[Kind, type] = {
    Kind.COUNTER: ApiCounter,
    Kind.UPDOWNCOUNTER: ApiUpDownCounter,
    Kind.HISTOGRAM: ApiHistogram,
}


def views_of(provider: object) -> Sequence[Any] | None:
    """The provider's views; None when they cannot be known."""
    views = getattr(getattr(provider, "_sdk_config", None), "views", None)
    return tuple(views) if isinstance(views, Sequence) else None


def readers_of(provider: object) -> Sequence[MetricReader]:
    """All readers of a provider; none when they cannot be known."""
    for holder in (provider, getattr(provider, "_sdk_config", None)):
        for name in ("_metric_readers", "metric_readers"):
            readers = getattr(holder, name, None)
            if isinstance(readers, Sequence) and all(isinstance(each, MetricReader) for each in readers):
                return tuple(readers)
    return ()


def matched_by(views: Iterable[Any], sdk_instrument: object) -> bool:
    """Whether any of the views applies to an instrument; true when that cannot be known."""
    try:
        return any(view._match(sdk_instrument) for view in views)
    except Exception:  # whatever is different about this SDK, its own path handles views
        return True


def exemplar_filter(provider: object) -> Filter | None:
    """The provider's exemplar filter; None for one of the user's own, which only the SDK can apply."""
    known: Mapping[type, Filter] = {
        AlwaysOnExemplarFilter: Filter.ALWAYS_ON,
        AlwaysOffExemplarFilter: Filter.ALWAYS_OFF,
        TraceBasedExemplarFilter: Filter.TRACE_BASED,
    }
    return known.get(type(getattr(getattr(provider, "_sdk_config", None), "exemplar_filter", None)))


def reader_wants(reader: MetricReader) -> tuple[Reader, frozenset[Kind]] | None:
    """A reader's temporalities and limits, and the kinds it wants aggregated in a way only the SDK does.

    None when they cannot be known.
    """
    temporality = _by_kind(getattr(reader, "_instrument_class_temporality", None))
    aggregation = _by_kind(getattr(reader, "_instrument_class_aggregation", None))
    limits = _by_kind(getattr(reader, "_instrument_class_cardinality_limit", None))
    if temporality is None or aggregation is None:
        return None
    if not all(isinstance(each, AggregationTemporality) for each in temporality.values()):
        return None
    special = frozenset(kind for kind, each in aggregation.items() if not _is_default(each))
    return Reader(temporality, limits, keeps_exemplars=getattr(reader, "keeps_exemplars", False)), special


def _by_kind(by_class: object) -> dict[Kind, Any] | None:
    """A mapping from SDK instrument classes, as one from our kinds; None when a kind is missing."""
    if not isinstance(by_class, Mapping):
        return None
    found = {
        kind: value
        for kind, api_class in _API_CLASSES.items()
        for sdk_class, value in by_class.items()
        if isinstance(sdk_class, type) and issubclass(sdk_class, api_class)
    }
    return found if len(found) == len(_API_CLASSES) else None


def _is_default(aggregation: object) -> bool:
    """Whether it makes sums of counters, and histograms of the instrument's own buckets with extremes."""
    if type(aggregation) is DefaultAggregation:
        return True
    return (
        type(aggregation) is ExplicitBucketHistogramAggregation
        and getattr(aggregation, "_boundaries", ...) is None
        and getattr(aggregation, "_record_min_max", False) is True
    )
