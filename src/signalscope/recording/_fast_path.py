"""Put the fast path in front of a provider, and decide for each instrument whether it applies."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from opentelemetry.metrics import Meter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricReader

from signalscope.contract._model import Instrument, Kind
from signalscope.recording._gil import is_gil_enabled, log_reason_once
from signalscope.recording._reader_interceptor import PlaceholderInstrument, ReaderInterceptor
from signalscope.recording._sdk import exemplar_filter, matched_by, reader_wants, views_of
from signalscope.recording._store import OnError, Store

_logger = logging.getLogger("signalscope")


class FastPath:
    """The fast path of one provider.

    Args:
        store: The series.
        sdk_only: Kinds that a reader wants aggregated in a way only the SDK does (exponential histograms).
        is_viewed: Whether a View applies to an instrument.
    """

    def __init__(
        self, store: Store, sdk_only: frozenset[Kind], is_viewed: Callable[[Instrument], bool]
    ) -> None:
        self.store = store
        self._sdk_only = sdk_only
        self._is_viewed = is_viewed
        self._accepted: dict[str, bool] = {}

    def accepts(self, instrument: Instrument) -> bool:
        """Return True if the instrument's measurements take the fast path; the others go through the SDK.

        Gauges do not: setting one is cheap without it.
        """
        is_accepted = self._accepted.get(instrument.name)
        if is_accepted is None:
            is_accepted = self._accepted[instrument.name] = (
                instrument.kind is not Kind.GAUGE
                and instrument.kind not in self._sdk_only
                and not self._is_viewed(instrument)
            )
            if not is_accepted and instrument.kind is not Kind.GAUGE:
                _logger.debug("recording: %s goes through the SDK, as a View or reader asks", instrument.name)
        return is_accepted


def attach(
    provider: MeterProvider,
    readers: Sequence[MetricReader],
    meter: Meter,
    create: Callable[[Instrument], object],
    on_error: OnError,
) -> FastPath | None:
    """Put the fast path in front of every reader of a provider.

    Args:
        provider: An SDK provider that has just been made.
        readers: All of its readers.
        meter: The provider's meter that signalscope's instruments belong to.
        create: Creates the SDK's instrument of a contract entry on that meter.
        on_error: Called on failures, and when values were refused.

    Returns:
        The fast path, or None when this SDK, or how it is set up, leaves only the plain API: a reader whose
        preferences cannot be read, an exemplar filter of the user, a View for the placeholder instrument, or a Python
        that runs threads without the GIL.
    """
    if not is_gil_enabled():
        log_reason_once()
        return None
    views, exemplars = views_of(provider), exemplar_filter(provider)
    preferences = [reader_wants(reader) for reader in readers]
    if views is None or exemplars is None or not preferences:
        return None
    known = [preference for preference in preferences if preference is not None]
    placeholder = PlaceholderInstrument(meter)
    if len(known) < len(preferences) or (views and matched_by(views, placeholder.instrument)):
        return None
    store = Store([wants for wants, _ in known], exemplars, on_error)
    for reader, (wants, _) in zip(readers, known, strict=True):
        ReaderInterceptor(reader, wants, store, on_error)
    _follow(provider, store, on_error)
    placeholder.is_enabled = True
    sdk_only = frozenset[Kind]().union(*(special for _, special in known))
    return FastPath(store, sdk_only, lambda instrument: bool(views) and matched_by(views, create(instrument)))


def _follow(provider: MeterProvider, store: Store, on_error: OnError) -> None:
    """Make readers that are added later collect signalscope's metrics too, and drop those that are removed.

    Older SDKs have no such methods.
    """
    add, remove = (getattr(provider, f"{verb}_metric_reader", None) for verb in ("add", "remove"))
    if add is None or remove is None:
        return

    def add_metric_reader(metric_reader: MetricReader) -> None:
        preference = reader_wants(metric_reader)
        if preference is not None and not isinstance(metric_reader._receive_metrics, ReaderInterceptor):
            wants, special = preference
            if special:
                _logger.warning(
                    "signalscope: %s was added while recording: it gets our histograms with the contract's buckets; "
                    "pass it to the MeterProvider when that is made to have them as it asks",
                    type(metric_reader).__name__,
                )
            store.add_reader(wants)
            ReaderInterceptor(metric_reader, wants, store, on_error)
        add(metric_reader)

    def remove_metric_reader(metric_reader: MetricReader) -> None:
        remove(metric_reader)
        if isinstance(metric_reader._receive_metrics, ReaderInterceptor):
            metric_reader._receive_metrics.remove(metric_reader)

    provider.add_metric_reader = add_metric_reader  # type: ignore[method-assign]  # for this one object
    provider.remove_metric_reader = remove_metric_reader  # type: ignore[method-assign]  # for this one object
