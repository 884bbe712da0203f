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

#: One direction, several directions, or the number of signals by direction.
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
    """Measure the generation of signals: its duration in seconds, and the emitted signals.

    Args:
        call: The function, if the decorator is used without arguments.
        signal_type: The kind of signal; by default the function's name.
        complexity: The complexity of the calculation: simple, standard or complex.
        data_source: The source of the market data.
        emitted: The direction of the emitted signal: buy, sell or hold. Also a sequence of directions, or a mapping
            from directions to numbers. Usually a callable of ``result``. If it is missing or None, signals are not
            counted; `signalscope.count_signal` counts them explicitly.
        span: ``auto``: a child span if the current span is recording; ``always``; ``never``.

    Raises:
        ContractError: The contract does not allow a constant, or a callable's parameter does not exist.

    Examples:
        >>> from signalscope import instrument_signal, result
        >>> from signalscope.testing import capture
        >>> @instrument_signal(signal_type="momentum", complexity="simple", emitted=result("direction"))
        ... def generate(returns):
        ...     return {"direction": "buy" if sum(returns) > 0 else "hold"}
        >>> with capture() as captured:
        ...     signal = generate([0.01, 0.02])
        ...     captured.value("signal_service_signals_emitted_total", signal_type="momentum", direction="buy")
        1
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
    """The probe of one decorated signal generation."""

    def __init__(self, function: Any, options: Mapping[str, Any], emitted: Any, span: SpanMode) -> None:
        super().__init__(
            function, "signal_service.signal.generation", options, where="decorators.signal", span=span
        )
        self._emitted = self.attributes.series_of("signal_service.signals.emitted", "direction")
        self._get = compile_value(emitted, function, "emitted")
        self._constant = emitted if self._get is None else None
        if self._constant is not None and not isinstance(self._constant, Iterable):
            raise ContractError(
                f"emitted={emitted!r} is not allowed; pass a direction, several directions, or a callable [SS311]"
            )

    def finish(self, call: Call) -> None:
        """Record a generation that returned, and count the emitted signals."""
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
        if isinstance(directions, str) or not isinstance(directions, Iterable):  # text or an enum member
            call.record(self._emitted(values, directions), 1)
            return
        for direction, number in Counter(directions).items():  # for a mapping, Counter takes its numbers
            call.record(self._emitted(values, direction), number)
