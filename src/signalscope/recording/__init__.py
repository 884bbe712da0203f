"""Record measurements: the interface between OpenTelemetry and the decorators, functions and instrumentors.

`get_instrument(name).series(*attribute values)` returns a series, and its `record` adds a value. Where signalscope
has set up the SDK, the value takes the fast path (`_fast_path`), otherwise the plain OpenTelemetry API. See
docs/recording.md.

On the fast path a value passes these modules:

1. `_buffers`: the list of values of a series. `_summary` folds the values into a summary.
2. `_accumulator`: the sums of a series, which a collection updates. `_instrument_series` has the accumulators of an
   instrument, and `_store` those of all instruments.
3. `_reader_interceptor`: adds the data points to the metrics that the SDK delivers to a reader.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricReader

from signalscope import contract
from signalscope._version import __version__
from signalscope.contract._model import ContractError
from signalscope.recording import _errors
from signalscope.recording._errors import internal_error
from signalscope.recording._fast_path import attach
from signalscope.recording._fork import flush_in_children, renew_in_children
from signalscope.recording._gauges import Observer
from signalscope.recording._process_state import ProcessState, in_children
from signalscope.recording._sdk import readers_of
from signalscope.recording._series import BoundInstrument, Group, Recorder, Series, create_instrument
from signalscope.recording._shutdown import flush_when_served
from signalscope.recording._state import SCOPE, live

__all__ = [
    "BoundInstrument",
    "Group",
    "Recorder",
    "Series",
    "active",
    "get_instrument",
    "group",
    "initialise",
    "internal_error",
    "observe",
    "redirected",
]


class _Instruments(ProcessState):
    """The instruments in use, and the providers that are prepared for forks and for the last export."""

    def __init__(self) -> None:
        super().__init__()
        self.by_name: dict[str, BoundInstrument] = {}
        self.prepared: weakref.WeakSet[MeterProvider] = weakref.WeakSet()

    def after_fork(self) -> None:
        for instrument in list(self.by_name.values()):
            if instrument.gauge is not None:
                instrument.gauge.exchange({})  # the values describe the parent


_known = _Instruments()
_by_name = _known.by_name


def get_instrument(name: str) -> BoundInstrument:
    """Return the instrument with this name, bound to the current provider; always the same object.

    Args:
        name: The OpenTelemetry name, as in the contract.

    Raises:
        ContractError: The contract has no instrument with this name.

    Examples:
        >>> from signalscope import recording
        >>> from signalscope.testing import capture
        >>> with capture() as captured:
        ...     hits = recording.get_instrument("signal_service.rate_limit.hits")
        ...     hits.series("/greeks/{strike}", "per_user").record(1)
        ...     captured.value("signal_service_rate_limit_hits_total")
        1
    """
    try:
        return _by_name[name]
    except KeyError:
        instrument = _by_name.setdefault(name, BoundInstrument(contract.get(name)))
    if instrument.gauge is not None:
        # Only here: if several threads made it, the SDK would call the first one's callback, which may not be kept.
        instrument.gauge.create()
    return instrument


def group(main: Series, fixed: Sequence[tuple[Series, float]]) -> Group:
    """Return a recorder for one series that also adds fixed amounts to other series.

    On the fast path, recording into all of them is one append to a list.

    Args:
        main: The series that gets the recorded value.
        fixed: Other series, each with the amount that it gets for every value of the main series.

    Examples:
        >>> from signalscope import recording
        >>> from signalscope.testing import capture
        >>> with capture() as captured:
        ...     task = recording.get_instrument("signal_service.background_task").series("mail", "low", "success")
        ...     hits = recording.get_instrument("signal_service.rate_limit.hits").series("/quote", "per_user")
        ...     recording.group(task, [(hits, 1)]).record(0.2)
        ...     captured.value("signal_service_rate_limit_hits_total")
        1
    """
    return main.instrument.group(main, fixed)


def observe(name: str, callback: Observer) -> Callable[[], None]:
    """Register a callback that returns a gauge's values at each collection.

    Args:
        name: The OpenTelemetry name of a gauge.
        callback: Returns pairs of a value and the attribute values in the contract's order. An exception is counted
            and logged; other callbacks are not affected.

    Returns:
        A function that removes the callback.

    Raises:
        ContractError: The contract has no instrument with this name, or the instrument is not a gauge.

    Examples:
        >>> from signalscope import recording
        >>> from signalscope.testing import capture
        >>> with capture() as captured:
        ...     end = recording.observe("signal_service.cache.entries", lambda: [(12, ("quotes",))])
        ...     captured.value("signal_service_cache_entries", cache_type="quotes")
        12
        >>> end()
    """
    instrument = get_instrument(name)
    if instrument.gauge is None:
        raise ContractError(
            f"{name} is a {instrument.definition.kind}, not a gauge; record values with series(...).record [SS304]"
        )
    return instrument.gauge.observe(callback)


def initialise(provider: MeterProvider | None = None, readers: Sequence[MetricReader] = ()) -> None:
    """Start to record, after a meter provider has been set.

    The fast path needs a new provider and all of its readers; without them the plain API is used. Existing series
    are bound to the provider, and counters are initialised at zero.

    Args:
        provider: The SDK's provider; None uses the provider that is set.
        readers: Every reader of the provider.

    Examples:
        >>> from opentelemetry.sdk.metrics import MeterProvider
        >>> from opentelemetry.sdk.metrics.export import InMemoryMetricReader
        >>> from signalscope import recording
        >>> reader = InMemoryMetricReader()
        >>> recording.initialise(MeterProvider([reader], shutdown_on_exit=False), [reader])
        >>> recording.active()
        True
    """
    used = provider or metrics.get_meter_provider()
    live.meter = used.get_meter(SCOPE, __version__)
    live.fast_path = None
    if provider is not None and readers:
        live.fast_path = attach(provider, readers, live.meter, create_instrument, internal_error)
    _prepare(used)
    live.on = True
    _rebind()


def _prepare(provider: object) -> None:
    """Make a provider work in forked children and export its last interval, once for each provider.

    This includes providers that the program has set up: without it, a child would export the calls of its parent
    a second time.
    """
    if isinstance(provider, MeterProvider) and provider not in _known.prepared:
        _known.prepared.add(provider)
        renew_in_children(provider, readers_of(provider))
        in_children(_rebind_after_fork, owner=provider)
        flush_in_children(provider)
        flush_when_served()


def _begin_with_provider() -> None:
    """Start to record through a provider that the program has set up."""
    _prepare(metrics.get_meter_provider())
    _rebind()


def _rebind_after_fork() -> None:
    """Initialise the counters that the SDK aggregates at zero in a child; the fast path does this itself."""
    if live.on and live.fast_path is None:
        _rebind()


@contextmanager
def redirected(
    provider: MeterProvider, readers: Sequence[MetricReader], tracer: trace.Tracer
) -> Iterator[None]:
    """Record into another provider while the block runs, for tests.

    Attributes whose values the contract does not list start without values.

    Args:
        provider: As for `initialise`.
        readers: As for `initialise`.
        tracer: Starts the spans while the block runs.

    Examples:
        >>> from opentelemetry import trace
        >>> from opentelemetry.sdk.metrics import MeterProvider
        >>> from opentelemetry.sdk.metrics.export import InMemoryMetricReader
        >>> from signalscope import recording
        >>> reader = InMemoryMetricReader()
        >>> provider = MeterProvider([reader], shutdown_on_exit=False)
        >>> with recording.redirected(provider, [reader], trace.get_tracer("example")):
        ...     recording.active()
        True
    """
    before = live.on, live.fast_path, live.meter, live.tracer
    gauges = {
        name: instrument.gauge.exchange({})
        for name, instrument in _known.by_name.items()
        if instrument.gauge is not None
    }
    seen = {name: instrument.limits.exchange() for name, instrument in _known.by_name.items()}
    initialise(provider, readers)
    live.tracer = tracer
    try:
        yield
    finally:
        live.on, live.fast_path, live.meter, live.tracer = before
        for name, instrument in list(_known.by_name.items()):
            instrument.limits.exchange(seen.get(name))
            if instrument.gauge is not None:
                instrument.gauge.exchange(gauges.get(name, {}))
        _rebind()


def _rebind() -> None:
    """Bind every series to the current provider."""
    for instrument in list(_known.by_name.values()):
        instrument.rebind()


def active() -> bool:
    """Return True if OpenTelemetry has been set up and is not disabled.

    Examples:
        >>> from signalscope import recording
        >>> from signalscope.testing import capture
        >>> with capture() as captured:
        ...     recording.active()
        True
    """
    return live.on or live.is_enabled()


def _count_error(where: str, times: float) -> None:
    get_instrument("signalscope.internal.errors").series(where).record(times)


def _count_overflow(instrument: str, attribute: str) -> None:
    get_instrument("signalscope.attribute.overflow").series(instrument, attribute).record(1)


live.on_enabled = _begin_with_provider
_errors.connect(_count_error, _count_overflow)
