"""The calculation that the benchmarks call: bare, instrumented by hand with OpenTelemetry, and decorated."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from time import perf_counter
from typing import Any

from opentelemetry import metrics, trace

from signalscope import contract

__all__ = ["ATTRIBUTES", "ByHand", "Calculator", "delta", "delta_async", "drive"]

ATTRIBUTES = {
    "calculation_type": "delta",
    "vectorized": "false",
    "model_type": "black_scholes",
    "batch_size": "1",
    "outcome": "success",
}
_OPTIONS = {key: ATTRIBUTES[key] for key in ("calculation_type", "vectorized", "model_type")}


def delta(spot: float, strike: float, expiry: float) -> float:
    """A calculation that costs very little, so that the added cost is visible."""
    return 0.5


async def delta_async(spot: float, strike: float, expiry: float) -> float:
    """The same as a coroutine function."""
    return 0.5


class Calculator:
    """The same as a method."""

    def delta(self, spot: float, strike: float, expiry: float) -> float:
        """A calculation that costs very little."""
        return 0.5


def drive(coroutine: Any) -> None:
    """Run a coroutine that never waits, without the cost of an event loop."""
    try:
        coroutine.send(None)
    except StopIteration:
        return


class ByHand:
    """A span, a histogram and a counter around a call, written with the OpenTelemetry API.

    Args:
        tracer: Creates the spans.
        meter: Creates the instruments.
    """

    def __init__(self, tracer: trace.Tracer, meter: metrics.Meter) -> None:
        self._tracer = tracer
        self._seconds = meter.create_histogram(
            "by_hand.calculation", unit="s", explicit_bucket_boundaries_advisory=contract.GREEKS_BUCKETS
        )
        self._options = meter.create_counter("by_hand.options", unit="{option}")

    def function(
        self, call: Callable[[float, float, float], float]
    ) -> Callable[[float, float, float], float]:
        """Decorate a function."""

        def by_hand(spot: float, strike: float, expiry: float) -> float:
            with self._tracer.start_as_current_span("delta", attributes=ATTRIBUTES):
                begun = perf_counter()
                result = call(spot, strike, expiry)
                self._seconds.record(perf_counter() - begun, ATTRIBUTES)
                self._options.add(1, _OPTIONS)
                return result

        return by_hand

    def coroutine(
        self, call: Callable[[float, float, float], Awaitable[float]]
    ) -> Callable[[float, float, float], Awaitable[float]]:
        """Decorate a coroutine function."""

        async def by_hand(spot: float, strike: float, expiry: float) -> float:
            with self._tracer.start_as_current_span("delta", attributes=ATTRIBUTES):
                begun = perf_counter()
                result = await call(spot, strike, expiry)
                self._seconds.record(perf_counter() - begun, ATTRIBUTES)
                self._options.add(1, _OPTIONS)
                return result

        return by_hand
