"""Access to private names of the OpenTelemetry SDK and API, where there is not any public access.

Each name is read with `getattr`. If a name is missing or has an unexpected type, the plain OpenTelemetry API is used
instead of the fast path. The tests in `tests/recording/test_sdk_versions.py` check the names with the oldest and the
newest supported release.

* `MeterProvider._sdk_config` (views, exemplar filter; in older releases also the readers), `View._match`
* `MeterProvider._metric_readers`
* `MetricReader._instrument_class_temporality`, `_instrument_class_aggregation`,
  `_instrument_class_cardinality_limit` (the last since 1.45)
* `MeterProvider._measurement_consumer`, its `_reader_storages`, and their `_instrument_view_instrument_matches`
* `Meter._measurement_consumer`, its `_lock`, and `_real_meter` of a meter that was made before the provider was set
* `TracerProvider._active_span_processor`, its `_span_processors`, and `BatchSpanProcessor._batch_processor._queue`
* `MeterProvider._atexit_handler`, `TracerProvider._atexit_handler`
* `opentelemetry.metrics._internal._METER_PROVIDER`, `opentelemetry.trace._TRACER_PROVIDER`
* `opentelemetry.sdk._configuration._initialize_components`, which distributions use

Two more are used elsewhere: `MetricReader._receive_metrics` in `_reader_interceptor`, which the SDK documents for
overriding, and the configurator's base class in `signalscope.setup`.
"""

from __future__ import annotations

import uuid
from collections import deque
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
    """Return the provider's views; None if they cannot be read."""
    views = getattr(getattr(provider, "_sdk_config", None), "views", None)
    return tuple(views) if isinstance(views, Sequence) else None


def readers_of(provider: object) -> Sequence[MetricReader]:
    """Return all readers of a provider; an empty tuple if they cannot be read."""
    for holder in (provider, getattr(provider, "_sdk_config", None)):
        for name in ("_metric_readers", "metric_readers"):
            readers = getattr(holder, name, None)
            if isinstance(readers, Sequence) and all(isinstance(reader, MetricReader) for reader in readers):
                return tuple(readers)
    return ()


def matched_by(views: Iterable[Any], sdk_instrument: object) -> bool:
    """Return True if any of the views applies to an instrument, or if that cannot be found out."""
    try:
        return any(view._match(sdk_instrument) for view in views)
    except Exception:  # an unknown SDK: then it aggregates the instrument itself, with its views
        return True


def exemplar_filter(provider: object) -> Filter | None:
    """Return the provider's exemplar filter; None for a class of the user, which only the SDK can apply."""
    known: Mapping[type, Filter] = {
        AlwaysOnExemplarFilter: Filter.ALWAYS_ON,
        AlwaysOffExemplarFilter: Filter.ALWAYS_OFF,
        TraceBasedExemplarFilter: Filter.TRACE_BASED,
    }
    return known.get(type(getattr(getattr(provider, "_sdk_config", None), "exemplar_filter", None)))


def reader_preferences(reader: MetricReader) -> tuple[Reader, frozenset[Kind]] | None:
    """Return a reader's temporalities and limits, and the kinds with an aggregation that only the SDK implements.

    None if they cannot be read.
    """
    temporality = _by_kind(getattr(reader, "_instrument_class_temporality", None))
    aggregation = _by_kind(getattr(reader, "_instrument_class_aggregation", None))
    limits = _by_kind(getattr(reader, "_instrument_class_cardinality_limit", None))
    if temporality is None or aggregation is None:
        return None
    if not all(isinstance(preference, AggregationTemporality) for preference in temporality.values()):
        return None
    sdk_only = frozenset(kind for kind, preference in aggregation.items() if not _is_default(preference))
    return Reader(
        temporality, limits or {}, keeps_exemplars=getattr(reader, "keeps_exemplars", False)
    ), sdk_only


def _by_kind(by_class: object) -> dict[Kind, Any] | None:
    """Convert a mapping from instrument classes to one from the contract's kinds; None if a kind is missing."""
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
    """Return True for sums of counters, and for histograms with the instrument's buckets, minimum and maximum."""
    if type(aggregation) is DefaultAggregation:
        return True
    return (
        type(aggregation) is ExplicitBucketHistogramAggregation
        and getattr(aggregation, "_boundaries", ...) is None
        and getattr(aggregation, "_record_min_max", False) is True
    )


def is_stopped_at_exit(provider: object) -> bool:
    """Return True if the SDK shuts the provider down when the interpreter exits."""
    return getattr(provider, "_atexit_handler", None) is not None


def start_at_zero(provider: object) -> None:
    """Start the SDK's own sums at zero, with a new instance id, in a forked child.

    Newer SDKs set a new instance id after this as well.
    """
    consumer = getattr(provider, "_measurement_consumer", None)
    for storage in getattr(consumer, "_reader_storages", {}).values():
        if hasattr(storage, "_instrument_view_instrument_matches"):
            storage._instrument_view_instrument_matches = {}
    config: Any = getattr(provider, "_sdk_config", None)
    resource = getattr(config, "resource", None)
    if isinstance(resource, Resource) and _INSTANCE in resource.attributes:
        config.resource = resource.merge(Resource({_INSTANCE: str(uuid.uuid4())}))


def is_collecting(meter: object) -> bool:
    """Return True if a thread collects the metrics of a meter's provider now; False if that cannot be found out."""
    consumer = getattr(getattr(meter, "_real_meter", None) or meter, "_measurement_consumer", None)
    is_locked = getattr(getattr(consumer, "_lock", None), "locked", None)
    return callable(is_locked) and bool(is_locked())


def processors_of(provider: object) -> Sequence[Any]:
    """Return the span processors of a tracer provider; an empty tuple if they cannot be read."""
    processors = getattr(getattr(provider, "_active_span_processor", None), "_span_processors", ())
    return tuple(processors) if isinstance(processors, Sequence) else ()


def queue_of(processor: object) -> deque[Any] | None:
    """Return the queue of a batch processor; None for another processor, or if it cannot be read."""
    queue = getattr(getattr(processor, "_batch_processor", None), "_queue", None)
    return queue if isinstance(queue, deque) else None


def replace_queue(processor: Any, queue: deque[Any]) -> None:
    """Replace the queue of a batch processor."""
    processor._batch_processor._queue = queue


class _Unknown:
    """Replaces an API whose variables cannot be read; it says that a provider has been set."""

    _METER_PROVIDER = _TRACER_PROVIDER = ...


def module_with(module: Any, name: str) -> Any:
    """Return the module of the API with a variable for the provider.

    Args:
        module: `opentelemetry.metrics` or `opentelemetry.trace`.
        name: The variable; it is None until a provider has been set.
    """
    for candidate in (getattr(module, "_internal", module), module):
        if hasattr(candidate, name):
            return candidate
    return _Unknown


def initialize_components(**options: Any) -> None:
    """Set up the SDK as the SDK's own configurator does."""
    # Imported late, since it imports the SDK's logs as well.
    from opentelemetry.sdk._configuration import _initialize_components  # noqa: PLC0415  # see above

    _initialize_components(**options)
