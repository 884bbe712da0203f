"""The narrow interface between everything that measures and OpenTelemetry.

`get_instrument(name).series(*attribute values)` gives a series, and its `record` records into it: on the fast path
(`_fast_path`) when signalscope has configured the SDK, through the plain OpenTelemetry API otherwise. See
docs/recording.md.

One recording passes these: a series' buffer of values (`_buffers`), folded into summaries (`_summary`); at a
collection the accumulator of each series (`_accumulator`), by instrument (`_instrument_series`), all in the `_store`;
the data points that an interceptor adds to what the SDK's reader delivers (`_reader_interceptor`).
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
    """The instruments that have been used, and the providers that are renewed in children and flushed."""

    def __init__(self) -> None:
        super().__init__()
        self.by_name: dict[str, BoundInstrument] = {}
        self.prepared: weakref.WeakSet[MeterProvider] = weakref.WeakSet()

    def after_fork(self) -> None:
        for instrument in list(self.by_name.values()):
            if instrument.gauge is not None:
                instrument.gauge.exchange({})  # a child reports its own


_known = _Instruments()
_by_name = _known.by_name


def get_instrument(name: str) -> BoundInstrument:
    """The instrument of that name, bound to the provider that is used now; the same object each time.

    Args:
        name: The OpenTelemetry name, as in the contract.

    Raises:
        ContractError: No such instrument.
    """
    try:
        return _by_name[name]
    except KeyError:
        return _by_name.setdefault(name, BoundInstrument(contract.get(name)))


def group(main: Series, fixed: Sequence[tuple[Series, float]]) -> Group:
    """A recorder for a series, and for others that get a fixed amount each time the first gets a value.

    On the fast path that is one append.
    """
    return main.instrument.group(main, fixed)


def observe(name: str, callback: Observer) -> Callable[[], None]:
    """Register a callback that returns a gauge's values at each collection.

    Args:
        name: The OpenTelemetry name of a gauge.
        callback: Returns pairs of a value and the attribute values in the contract's order. What it raises is
            counted and logged, and costs only its own values.

    Returns:
        A function that removes the callback.

    Raises:
        ContractError: No such instrument, or it is not a gauge.
    """
    instrument = get_instrument(name)
    if instrument.gauge is None:
        raise ContractError(
            f"{name} is a {instrument.definition.kind}, not a gauge; only gauges are observed"
        )
    return instrument.gauge.observe(callback)


def initialise(provider: MeterProvider | None = None, readers: Sequence[MetricReader] = ()) -> None:
    """Start to record, after a meter provider has been set.

    With a provider that was just made, and all of its readers, the fast path is used where it applies; else
    the plain API. Series that exist already are bound to that provider, and counters are initialised at zero.

    Args:
        provider: The SDK's provider; None for whatever provider is set.
        readers: Every reader of the provider.
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
    """Make a provider work in forked children and export its last interval; once for each provider.

    Also for a provider that signalscope did not set up: a child would count its parent's calls a second time.
    """
    if isinstance(provider, MeterProvider) and provider not in _known.prepared:
        _known.prepared.add(provider)
        renew_in_children(provider, readers_of(provider))
        in_children(_rebind_after_fork, of=provider)
        flush_in_children(provider)
        flush_when_served()


def _begin_with_provider() -> None:
    """Start to record through a provider that the program has set up."""
    _prepare(metrics.get_meter_provider())
    _rebind()


def _rebind_after_fork() -> None:
    """Initialise counters at zero in a child, where the SDK keeps them; the fast path does so itself."""
    if live.on and live.fast_path is None:
        _rebind()


@contextmanager
def redirected(
    provider: MeterProvider, readers: Sequence[MetricReader], tracer: trace.Tracer
) -> Iterator[None]:
    """Record into another provider while the block runs, for tests. Open sets of attribute values start empty.

    Args:
        provider: As for `initialise`.
        readers: As for `initialise`.
        tracer: Makes the spans while the block runs.
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
    """Bind every series to the provider that is used now."""
    for instrument in list(_known.by_name.values()):
        instrument.rebind()


def active() -> bool:
    """Return True if OpenTelemetry has been set up and is not disabled."""
    return live.on or live.is_enabled()


def _count_error(where: str, times: float) -> None:
    get_instrument("signalscope.internal.errors").series(where).record(times)


def _count_overflow(instrument: str, attribute: str) -> None:
    get_instrument("signalscope.attribute.overflow").series(instrument, attribute).record(1)


live.on_enabled = _begin_with_provider
_errors.connect(_count_error, _count_overflow)
