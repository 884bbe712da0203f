"""Put the fast path in front of a provider, and decide for each instrument whether it applies."""

from __future__ import annotations

import functools
import logging
import sys
import sysconfig
from collections.abc import Callable, Sequence

from opentelemetry.metrics import Meter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricReader

from signalscope.contract._model import Instrument, Kind
from signalscope.recording._reader_interceptor import PlaceholderInstrument, ReaderInterceptor
from signalscope.recording._sdk import exemplar_filter, matched_by, reader_preferences, views_of
from signalscope.recording._store import OnError, Store

#: Why this process has no aggregation buffers. They append to lists and take values out in steps that no other thread
#: may interrupt (see `_buffers`). Without the GIL, threads can, so the SDK, which has locks, aggregates instead.
NO_GIL = (
    "this Python runs threads without the GIL, so the OpenTelemetry SDK aggregates the measurements in place of "
    "signalscope's aggregation buffers"
)
_logger = logging.getLogger("signalscope")


class FastPath:
    """The fast path of one provider.

    Args:
        store: The series.
        sdk_only: Kinds with a reader whose aggregation only the SDK implements (exponential histograms).
        is_viewed: Returns True if a View applies to an instrument.
    """

    def __init__(
        self, store: Store, sdk_only: frozenset[Kind], is_viewed: Callable[[Instrument], bool]
    ) -> None:
        self.store = store
        self._sdk_only = sdk_only
        self._is_viewed = is_viewed
        self._accepted: dict[str, bool] = {}

    def accepts(self, instrument: Instrument) -> bool:
        """Return True if the instrument's measurements take the fast path, False if the SDK aggregates them.

        Gauges do not take the fast path: setting a gauge is cheap without it.
        """
        is_accepted = self._accepted.get(instrument.name)
        if is_accepted is None:
            is_accepted = self._accepted[instrument.name] = (
                instrument.kind is not Kind.GAUGE
                and instrument.kind not in self._sdk_only
                and not self._is_viewed(instrument)
            )
            if not is_accepted and instrument.kind is not Kind.GAUGE:
                _logger.debug("recording: the SDK aggregates %s, for a View or a reader", instrument.name)
        return is_accepted


def is_gil_enabled() -> bool:
    """Return True if only one thread at a time runs Python code.

    A free-threaded build may run with the GIL: because of PYTHON_GIL=1, or of an extension module that needs it.
    Python can turn the GIL on later, but never off. So an early answer stays safe.
    """
    probe = getattr(sys, "_is_gil_enabled", None)  # since Python 3.13
    return bool(probe()) if probe is not None else not sysconfig.get_config_var("Py_GIL_DISABLED")


@functools.cache
def log_reason_once() -> None:
    """Log why this process has no aggregation buffers, once."""
    _logger.warning("signalscope: %s; values are the same, but a call costs more [SS306]", NO_GIL)


def attach(
    provider: MeterProvider,
    readers: Sequence[MetricReader],
    meter: Meter,
    create: Callable[[Instrument], object],
    on_error: OnError,
) -> FastPath | None:
    """Put the fast path in front of every reader of a provider.

    Args:
        provider: A new SDK provider.
        readers: All of its readers.
        meter: The provider's meter for signalscope's instruments.
        create: Creates the SDK's instrument for a contract entry on that meter.
        on_error: Called on failures, and when values were rejected.

    Returns:
        The fast path. None if only the plain API can be used. That is so if Python runs without the GIL, or
        if the preferences of a reader cannot be read. It is also so if the user has set an exemplar filter, or a View
        for the placeholder instrument.
    """
    if not is_gil_enabled():
        log_reason_once()
        return None
    views, exemplars = views_of(provider), exemplar_filter(provider)
    preferences = [reader_preferences(reader) for reader in readers]
    if views is None or exemplars is None or not preferences:
        return None
    known = [preference for preference in preferences if preference is not None]
    placeholder = PlaceholderInstrument(meter)
    if len(known) < len(preferences) or (views and matched_by(views, placeholder.instrument)):
        return None
    store = Store([preference for preference, _ in known], exemplars, on_error)
    for reader, (preference, _) in zip(readers, known, strict=True):
        ReaderInterceptor(reader, preference, store, on_error)
    _follow(provider, store, on_error)
    placeholder.is_enabled = True
    sdk_only = frozenset[Kind]().union(*(kinds for _, kinds in known))
    return FastPath(store, sdk_only, lambda instrument: bool(views) and matched_by(views, create(instrument)))


def _follow(provider: MeterProvider, store: Store, on_error: OnError) -> None:
    """Follow readers that are added to the provider or removed from it later; older SDKs cannot do that."""
    add, remove = (getattr(provider, f"{verb}_metric_reader", None) for verb in ("add", "remove"))
    if add is None or remove is None:
        return

    def add_metric_reader(metric_reader: MetricReader) -> None:
        preferences = reader_preferences(metric_reader)
        if preferences is not None and not isinstance(metric_reader._receive_metrics, ReaderInterceptor):
            preference, sdk_only = preferences
            if sdk_only:
                _logger.warning(
                    "signalscope: %s was added after recording had started, so it gets histograms with the buckets "
                    "of the contract. To use its own aggregation, pass it to MeterProvider(...) [SS305]",
                    type(metric_reader).__name__,
                )
            store.add_reader(preference)
            ReaderInterceptor(metric_reader, preference, store, on_error)
        add(metric_reader)

    def remove_metric_reader(metric_reader: MetricReader) -> None:
        remove(metric_reader)
        if isinstance(metric_reader._receive_metrics, ReaderInterceptor):
            metric_reader._receive_metrics.remove(metric_reader)

    provider.add_metric_reader = add_metric_reader  # type: ignore[method-assign]  # for this one object
    provider.remove_metric_reader = remove_metric_reader  # type: ignore[method-assign]  # for this one object
