"""Calculations that give rubbish, and vectorising that gains nothing."""

from __future__ import annotations

from tests.mixin.cases._case import Case, buckets, of

_OPTIONS = of(
    "signal_service_greeks_options_total",
    'calculation_type="delta", vectorized="true", model_type="black_scholes"',
)
_NAN, _NONE = (
    of(
        "signal_service_greeks_invalid_results_total",
        f'reason="{reason}", calculation_type="delta", model_type="black_scholes"',
    )
    for reason in ("nan", "none")
)
_BOUNDS = "1 2 5 10 25 50 100 250 500 1000 2500 5000 10000 100000"


def _batches(vectorized_seconds: str) -> dict[str, str]:
    """100 single options of 10 ms each, and ten batches of 200 that take that many seconds, in 15 seconds."""
    seconds = "signal_service_greeks_calculation_seconds_sum"
    single, batch = (
        'calculation_type="delta", vectorized="false"',
        'calculation_type="chain", vectorized="true"',
    )
    name = "signal_service_greeks_batch_options"
    return {
        of(seconds, f'{single}, model_type="black_scholes", batch_size="1", outcome="success"'): "0+1x120",
        of(seconds, f'{batch}, model_type="black_scholes", batch_size="101-1000", outcome="success"'): (
            vectorized_seconds
        ),
        **buckets(name, single, _BOUNDS, 1, "0+100x120"),
        of(f"{name}_sum", single): "0+100x120",
        **buckets(name, batch, _BOUNDS, 250, "0+10x120"),
        of(f"{name}_sum", batch): "0+2000x120",
    }


CASES = [
    Case(
        "InvalidGreeksRatioHigh", "more than one in twenty for five minutes, then none",
        {_OPTIONS: "0+100x80", _NAN: "0+4x20 80x60", _NONE: "0+2x20 40x60"},
        {"1m": 0, "3m": 1, "5m": 1, "15m": 0},
    ),
    Case(
        "InvalidGreeksRatioHigh", "just under one in twenty",
        {_OPTIONS: "0+1000x80", _NAN: "0+49x80"}, {"10m": 0},
    ),
    Case(
        "InvalidGreeksRatioHigh", "all of them, but hardly any",
        {_OPTIONS: "0+1x80", _NAN: "0+1x80"}, {"10m": 0},
    ),
    Case(
        "InvalidGreeksRatioHigh", "just under the limit, and a restart",
        {_OPTIONS: "0+1000x40 0+1000x40", _NAN: "0+49x40 0+49x40"}, {"10m15s": 0, "12m": 0, "20m": 0},
        reset=True,
    ),
    Case(
        "VectorizedWithoutGain", "a loop under a vectorised call, mended after ten minutes",
        _batches("0+21x40 842+1x80"), {"4m": 0, "7m": 1, "20m": 0},
    ),
    Case("VectorizedWithoutGain", "just a little gain", _batches("0+19x120"), {"10m": 0, "25m": 0}),
    Case(
        "VectorizedWithoutGain", "a little gain, and a restart", _batches("0+19x40 0+19x79"),
        {"11m": 0, "25m": 0}, reset=True,
    ),
]  # fmt: skip
