"""`@instrument_signal`: the generation of trading signals."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from signalscope.contract._model import OTHER, ContractError
from signalscope.decorators._call import Call, Probe
from signalscope.decorators._probe import Timed, decorator, name_of
from signalscope.decorators._spans import SpanMode
from signalscope.decorators._values import Value, compile_value
from signalscope.recording import internal_error

__all__ = ["instrument_signal"]

#: One direction, several, or how many of each.
Emitted = str | Iterable[str] | Mapping[str, int] | None


@decorator
def instrument_signal(
    *,
    signal_type: Value[str] | None = None,
    complexity: Value[str] = OTHER,
    data_source: Value[str] = OTHER,
    emitted: Value[Emitted] = None,
    span: SpanMode = "auto",
) -> Callable[[Any], Probe]:
    """Measure the generation of signals: its time, and the signals that it emitted.

    Args:
        call: The function, when used without arguments.
        signal_type: The kind of signal; by default the function's name.
        complexity: How demanding it is: simple, standard or complex.
        data_source: Where the market data came from.
        emitted: The direction (buy, sell or hold) of the signal that a call emitted, a sequence of
            directions, or a mapping of directions to numbers; usually a callable of ``result``. Without it,
            or where it is None, no signal is counted; `signalscope.count_signal` counts by hand.
        span: ``auto``: a child span when the current span is recording; ``always``; ``never``.

    Raises:
        ContractError: A constant that the contract does not allow, or a callable that names no parameter.
    """

    def probe(inner: Any) -> _Signal:
        options = {
            "signal_type": name_of(inner) if signal_type is None else signal_type,
            "complexity": complexity,
            "data_source": data_source,
        }
        return _Signal(inner, options, emitted, span)

    return probe


class _Signal(Timed):
    """What one decorated generation measures."""

    def __init__(self, function: Any, options: Mapping[str, Any], emitted: Any, span: SpanMode) -> None:
        super().__init__(
            function, "signal_service.signal.generation", options, where="decorators.signal", span=span
        )
        self._emitted = self.attributes.series_of("signal_service.signals.emitted", "direction")
        self._get = compile_value(emitted, function, "emitted")
        self._constant = emitted if self._get is None else None
        if self._constant is not None and not isinstance(self._constant, Iterable):
            raise ContractError(
                f"emitted={emitted!r} is not allowed; give a direction, several, or a callable"
            )

    def finish(self, call: Call) -> None:
        """Record a generation that returned, and count what it emitted."""
        values = self.measure(call, "success")
        directions = self._constant
        if self._get is not None:
            try:
                directions = self._get(call)
            except Exception:  # the user's callable
                internal_error(f"{self.where}.emitted")
                return
        if directions is None:
            return
        if directions is call.result and isinstance(directions, Iterator):  # counting would exhaust it
            internal_error(f"{self.where}.emitted")
            return
        if isinstance(directions, str) or not isinstance(directions, Iterable):  # an enumeration's member
            call.record(self._emitted(values, directions), 1)
            return
        for direction, number in Counter(directions).items():  # of a mapping: its numbers
            call.record(self._emitted(values, direction), number)
