"""The private names of the OpenTelemetry SDK and API, for what their public methods do not tell.

Each name is read with `getattr`. Where one is missing or has another type than expected, the answer is "do not use
the fast path", and the plain OpenTelemetry API is used. `tests/recording/test_sdk_versions.py` checks them with the
oldest and newest supported release.

* `MeterProvider._sdk_config` (views, exemplar filter; in older releases also the readers), `View._match`
* `MeterProvider._metric_readers`
* `MetricReader._instrument_class_temporality`, `_instrument_class_aggregation`,
  `_instrument_class_cardinality_limit` (the last since 1.45)
* `MeterProvider._measurement_consumer`, its `_reader_storages`, and of these `_instrument_view_instrument_matches`
* `MeterProvider._atexit_handler`, `TracerProvider._atexit_handler`
* `opentelemetry.metrics._internal._METER_PROVIDER`, `opentelemetry.trace._TRACER_PROVIDER`
* `opentelemetry.sdk._configuration._initialize_components`, which distributions build on

Elsewhere: `MetricReader._receive_metrics` in `_reader_interceptor`, which the SDK documents for overriding, and the
configurator's base class in `signalscope.setup`.
"""

from __future__ import annotations

import uuid
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
from opentelemetry.sdk.resources import Resource

from signalscope.contract._model import Kind
from signalscope.recording._exemplars import Filter
from signalscope.recording._reader import Reader

_INSTANCE = "service.instance.id"

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
            if isinstance(readers, Sequence) and all(isinstance(reader, MetricReader) for reader in readers):
                return tuple(readers)
    return ()


def matched_by(views: Iterable[Any], sdk_instrument: object) -> bool:
    """Return True if any of the views applies to an instrument, and when that cannot be known."""
    try:
        return any(view._match(sdk_instrument) for view in views)
    except Exception:  # whatever is different about this SDK, its own path handles views
        return True


def exemplar_filter(provider: object) -> Filter | None:
    """The provider's exemplar filter; None for a user's class, which only the SDK can apply."""
    known: Mapping[type, Filter] = {
        AlwaysOnExemplarFilter: Filter.ALWAYS_ON,
        AlwaysOffExemplarFilter: Filter.ALWAYS_OFF,
        TraceBasedExemplarFilter: Filter.TRACE_BASED,
    }
    return known.get(type(getattr(getattr(provider, "_sdk_config", None), "exemplar_filter", None)))


def reader_wants(reader: MetricReader) -> tuple[Reader, frozenset[Kind]] | None:
    """A reader's temporalities and limits, and the kinds that only the SDK aggregates as it asks for.

    None when they cannot be known.
    """
    temporality = _by_kind(getattr(reader, "_instrument_class_temporality", None))
    aggregation = _by_kind(getattr(reader, "_instrument_class_aggregation", None))
    limits = _by_kind(getattr(reader, "_instrument_class_cardinality_limit", None))
    if temporality is None or aggregation is None:
        return None
    if not all(isinstance(preference, AggregationTemporality) for preference in temporality.values()):
        return None
    special = frozenset(kind for kind, preference in aggregation.items() if not _is_default(preference))
    return Reader(temporality, limits, keeps_exemplars=getattr(reader, "keeps_exemplars", False)), special


def _by_kind(by_class: object) -> dict[Kind, Any] | None:
    """A mapping from SDK instrument classes as one from the contract's kinds; None when a kind is missing."""
    if not isinstance(by_class, Mapping):
        return None
    by_kind = {
        kind: value
        for kind, api_class in _API_CLASSES.items()
        for sdk_class, value in by_class.items()
        if isinstance(sdk_class, type) and issubclass(sdk_class, api_class)
    }
    return by_kind if len(by_kind) == len(_API_CLASSES) else None


def _is_default(aggregation: object) -> bool:
    """Return True if it makes sums of counters, and histograms of the instrument's buckets with extremes."""
    if type(aggregation) is DefaultAggregation:
        return True
    return (
        type(aggregation) is ExplicitBucketHistogramAggregation
        and getattr(aggregation, "_boundaries", ...) is None
        and getattr(aggregation, "_record_min_max", False) is True
    )


def is_stopped_at_exit(provider: object) -> bool:
    """Return True if the SDK shuts a provider down when the interpreter exits."""
    return getattr(provider, "_atexit_handler", None) is not None


def start_at_zero(provider: object) -> None:
    """Start the SDK's own sums at zero, under a new instance id; for a forked child.

    An SDK that renews the instance id itself does so after this.
    """
    consumer = getattr(provider, "_measurement_consumer", None)
    for storage in getattr(consumer, "_reader_storages", {}).values():
        if hasattr(storage, "_instrument_view_instrument_matches"):
            storage._instrument_view_instrument_matches = {}
    config: Any = getattr(provider, "_sdk_config", None)
    resource = getattr(config, "resource", None)
    if isinstance(resource, Resource) and _INSTANCE in resource.attributes:
        config.resource = resource.merge(Resource({_INSTANCE: str(uuid.uuid4())}))


class _Unknown:
    """Stands for an API whose variables cannot be read: a provider has been set."""

    _METER_PROVIDER = _TRACER_PROVIDER = ...


def module_with(module: Any, name: str) -> Any:
    """The module of the API that has a variable with the provider; it is None while no provider has been set."""
    for candidate in (getattr(module, "_internal", module), module):
        if hasattr(candidate, name):
            return candidate
    return _Unknown


def initialize_components(**options: Any) -> None:
    """Set up the SDK as its own configurator does."""
    # Imported late: it brings the SDK's logs along.
    from opentelemetry.sdk._configuration import _initialize_components  # noqa: PLC0415  # see above

    _initialize_components(**options)
