"""Series that are bound to the current provider; decorators record into them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from opentelemetry import trace
from opentelemetry.trace import Span

from signalscope.contract._model import Attribute, ContractError, Instrument, Kind
from signalscope.recording import _errors
from signalscope.recording._attribute_limits import AttributeLimits
from signalscope.recording._buffers import Buffer
from signalscope.recording._gauges import Gauge
from signalscope.recording._numbers import plain
from signalscope.recording._state import live

Record = Callable[[float], None]
#: The largest number of series and of groups that one instrument keeps in memory. Several limited attributes together
#: can have many more combinations. The cardinality limit of the export is lower than this number.
_KEPT = 10_000


class Recorder:
    """Records a value in one series or in several series.

    Attributes:
        record: Records one value, with the current span for the exemplar. Never raises. `rebind` replaces this
            function, so read the attribute on each call and do not store it.
        record_unsampled: The same, for callers that have found no sampled current span.
        record_under: The same, with a given span for the exemplar; the span may have ended.

    Examples:
        >>> from signalscope import recording
        >>> series = recording.get_instrument("signal_service.rate_limit.hits").series("/quote", "per_user")
        >>> isinstance(series, recording.Recorder)
        True
    """

    __slots__ = ("record", "record_under", "record_unsampled")

    record: Record
    record_unsampled: Record
    record_under: Callable[[float, Span], None]

    def _use_buffer(self, buffer: Buffer) -> None:
        def under(value: float, span: Span) -> None:
            buffer.record_unsampled(value)
            if buffer.keeps_exemplars:
                context = span.get_span_context()
                if context.trace_flags.sampled:
                    buffer.keep_exemplar(value, context)

        self.record, self.record_unsampled, self.record_under = buffer.record, buffer.record_unsampled, under


class Series(Recorder):
    """One series of one instrument.

    For a counter and an up-down counter `record` adds, for a histogram it records, for a gauge it sets the value.

    Examples:
        >>> from signalscope import recording
        >>> from signalscope.testing import capture
        >>> with capture() as captured:
        ...     series = recording.get_instrument("signal_service.rate_limit.hits").series("/quote", "per_user")
        ...     series.record(2)
        ...     series.record(3)
        ...     captured.value("signal_service_rate_limit_hits_total")
        5
    """

    __slots__ = ("instrument", "values")

    def __init__(self, instrument: BoundInstrument, values: tuple[str, ...]) -> None:
        self.instrument = instrument
        self.values = values
        self.rebind()

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle by name and values: each process has series of its own."""
        return _series_of, (self.instrument.definition.name, self.values)

    def clear(self) -> None:
        """Remove a gauge's value from further collections; does nothing for other kinds."""
        if self.instrument.gauge is not None:
            self.instrument.gauge.clear(self.values)

    def rebind(self) -> None:
        """Replace the recording functions by those for the current provider."""
        instrument, values = self.instrument, self.values
        if instrument.gauge is not None:
            setter = instrument.gauge.setter(values)
            self.record = self.record_unsampled = setter
            self.record_under = lambda value, _span: setter(value)
        elif live.fast_path is not None and live.fast_path.accepts(instrument.definition):
            self._use_buffer(live.fast_path.store.bind(instrument.definition, values))
        else:
            self._use_api()

    def _use_api(self) -> None:
        instrument = self.instrument
        write = instrument.api_writer()
        attributes = dict(zip(instrument.definition.attribute_names, self.values, strict=True))
        signed = instrument.definition.kind is Kind.UPDOWNCOUNTER

        def record(value: float) -> None:
            try:
                write(plain(value, signed=signed), attributes)
            except Exception:  # the API does not check values, and any SDK may implement it
                _errors.internal_error("recording.value")

        def under(value: float, span: Span) -> None:
            try:
                write(plain(value, signed=signed), attributes, trace.set_span_in_context(span))
            except Exception:  # see above
                _errors.internal_error("recording.value")

        self.record, self.record_unsampled, self.record_under = record, record, under
        if instrument.definition.kind is not Kind.HISTOGRAM:
            record(0)


class Group(Recorder):
    """A series together with others that get a fixed amount each time; one append on the fast path.

    Args:
        main: The series that gets the recorded value.
        fixed: The other series, each with its amount.

    Examples:
        >>> from signalscope import recording
        >>> from signalscope.testing import capture
        >>> with capture() as captured:
        ...     task = recording.get_instrument("signal_service.background_task").series("mail", "low", "success")
        ...     hits = recording.get_instrument("signal_service.rate_limit.hits").series("/quote", "per_user")
        ...     recording.Group(task, [(hits, 1)]).record(0.2)
        ...     captured.value("signal_service_rate_limit_hits_total")
        1
    """

    __slots__ = ("_fixed", "_main")

    def __init__(self, main: Series, fixed: Sequence[tuple[Series, float]]) -> None:
        self._main = main
        self._fixed = tuple(fixed)
        self.rebind()

    def __reduce__(self) -> tuple[object, ...]:
        return _group_of, (self._main, self._fixed)

    def rebind(self) -> None:
        """Replace the recording functions by those for the current provider."""
        fast_path, main, fixed = live.fast_path, self._main, self._fixed
        instruments = [main.instrument.definition, *(series.instrument.definition for series, _ in fixed)]
        if fast_path is not None and all(map(fast_path.accepts, instruments)):
            others = [(series.instrument.definition, series.values, amount) for series, amount in fixed]
            self._use_buffer(fast_path.store.bind(main.instrument.definition, main.values, others))
            return

        def record(value: float) -> None:
            main.record(value)
            for series, amount in fixed:
                series.record(amount)

        def under(value: float, span: Span) -> None:
            main.record_under(value, span)
            for series, amount in fixed:
                series.record_under(amount, span)

        self.record, self.record_unsampled, self.record_under = record, record, under


class BoundInstrument:
    """An instrument of the contract, bound to the current provider, with its series.

    Args:
        definition: The contract's entry.

    Attributes:
        known: The series by attribute values; always the same dictionary.

    Examples:
        >>> from signalscope import recording
        >>> from signalscope.testing import capture
        >>> with capture() as captured:
        ...     accuracy = recording.get_instrument("signal_service.signal.accuracy_ratio")
        ...     accuracy.series("momentum", "15m").record(0.62)
        ...     captured.value("signal_service_signal_accuracy_ratio")
        0.62
    """

    def __init__(self, definition: Instrument) -> None:
        self.definition = definition
        self.limits = AttributeLimits(definition, self._overflowed)
        self.gauge = Gauge(definition, self.limits) if definition.kind is Kind.GAUGE else None
        self.known: dict[tuple[str, ...], Series] = {}
        self._groups: dict[tuple[object, ...], Group] = {}
        self._api: Callable[..., None] | None = None

    def series(self, *values: object) -> Series:
        """Return the series with these attribute values; the same object each time, for up to ten thousand series.

        A value that the contract does not allow, or a value beyond the attribute's limit, is replaced by `other` and
        counted.

        Args:
            values: The attribute values in the contract's order.

        Raises:
            ContractError: The number of values is wrong.
        """
        try:
            return self.known[values]  # type: ignore[index]  # only text is in it, so other types are not found
        except (KeyError, TypeError):  # new, or a value that cannot be hashed
            limited = self.limits.apply(values)
        series = self.known.get(limited)
        if series is None:
            series = Series(self, limited)
            if len(self.known) < _KEPT:
                series = self.known.setdefault(limited, series)
        return series

    def group(self, main: Series, fixed: Sequence[tuple[Series, float]]) -> Group:
        """Return the group of these series and amounts; the same object each time, for up to ten thousand groups."""
        key = (main, *fixed)
        group = self._groups.get(key)
        if group is None:
            group = Group(main, fixed)
            if len(self._groups) < _KEPT:
                group = self._groups.setdefault(key, group)
        return group

    def rebind(self) -> None:
        """Rebind every series and group to the current provider."""
        self._api = None
        if self.gauge is not None:
            self.gauge.create()
        for series in list(self.known.values()):
            series.rebind()
        for group in list(self._groups.values()):
            group.rebind()

    def api_writer(self) -> Callable[..., None]:
        """Return the API instrument's method that records: `write(value, attributes, context)`."""
        if self._api is None:
            is_histogram = self.definition.kind is Kind.HISTOGRAM
            self._api = getattr(create_instrument(self.definition), "record" if is_histogram else "add")
        return self._api

    def _overflowed(self, attribute: Attribute, value: str | Exception) -> None:
        _errors.overflow(self.definition.name, attribute, value)


def _series_of(name: str, values: tuple[str, ...]) -> Series:
    from signalscope.recording import get_instrument  # noqa: PLC0415  # the package imports this module

    return get_instrument(name).series(*values)


def _group_of(main: Series, fixed: Sequence[tuple[Series, float]]) -> Group:
    return main.instrument.group(main, fixed)


def create_instrument(instrument: Instrument) -> object:
    """Create the OpenTelemetry API's instrument for a contract entry that is not a gauge."""
    meter, options = live.meter, {"unit": instrument.unit, "description": instrument.description}
    if instrument.kind is Kind.COUNTER:
        return meter.create_counter(instrument.name, **options)
    if instrument.kind is Kind.UPDOWNCOUNTER:
        return meter.create_up_down_counter(instrument.name, **options)
    if instrument.kind is Kind.HISTOGRAM:
        return meter.create_histogram(
            instrument.name, **options, explicit_bucket_boundaries_advisory=instrument.buckets
        )
    raise ContractError(f"{instrument.name} is a gauge, which has no SDK instrument to add values to [SS304]")
