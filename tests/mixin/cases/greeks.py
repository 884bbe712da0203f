"""Cases of calculations that fail, are slow, have invalid results, or are not faster with vectorisation.

rules/tests/alerts.yaml has more cases of the first two.
"""

from __future__ import annotations

from tests.mixin.cases._case import Case, buckets, series

_OPTIONS = series(
    "signal_service_greeks_options_total",
    'calculation_type="delta", vectorized="true", model_type="black_scholes"',
)
_CHECKED = series(
    "signal_service_greeks_checked_results_total", 'calculation_type="delta", model_type="black_scholes"'
)
_NAN, _NONE = (
    series(
        "signal_service_greeks_invalid_results_total",
        f'reason="{reason}", calculation_type="delta", model_type="black_scholes"',
    )
    for reason in ("nan", "none")
)
_SECONDS = "signal_service_greeks_calculation_seconds_bucket"
_AGAIN = "0+100x60 0+100x60"
_ASKED = series("signal_service_api_requests_total", 'endpoint="/api/v1/greeks/chain", status_code="503"')
_HIT, _MISSED = (
    series(
        "signal_service_cache_operations_total", f'cache_type="greeks", operation="get", result="{result}"'
    )
    for result in ("hit", "miss")
)
_SUCCESS, _ERROR = (
    series("signal_service_greeks_calculation_seconds_count", f'outcome="{outcome}"')
    for outcome in ("success", "error")
)
_REJECTED = series("signal_service_api_requests_total", 'endpoint="/api/v1/greeks/chain", status_code="429"')
#: One more each minute, at an interval of five seconds.
_ONE_A_MINUTE = " ".join(f"{minute}x11" for minute in range(12))
_BOUNDS = "1 2 5 10 25 50 100 250 500 1000 2500 5000 10000 100000"


def _batches(vectorized_seconds: str) -> dict[str, str]:
    """Return series of 100 single options of 10 ms and ten batches of 200 options, every 15 seconds."""
    seconds = "signal_service_greeks_calculation_seconds_sum"
    single, batch = (
        'calculation_type="delta", vectorized="false"',
        'calculation_type="chain", vectorized="true"',
    )
    name = "signal_service_greeks_batch_options"
    return {
        series(
            seconds, f'{single}, model_type="black_scholes", batch_size="1", outcome="success"'
        ): "0+1x120",
        series(seconds, f'{batch}, model_type="black_scholes", batch_size="101-1000", outcome="success"'): (
            vectorized_seconds
        ),
        **buckets(name, single, _BOUNDS, 1, "0+100x120"),
        series(f"{name}_sum", single): "0+100x120",
        **buckets(name, batch, _BOUNDS, 250, "0+10x120"),
        series(f"{name}_sum", batch): "0+2000x120",
    }


CASES = [
    Case(
        "GreeksCalculationSystemFailure", "a restart",
        {
            series("signal_service_api_requests_total", 'endpoint="/api/v1/greeks/option", status_code="200"'):
                _AGAIN,
            series("signal_service_greeks_calculation_seconds_count", 'outcome="success"'): _AGAIN,
        },
        {"4m55s": 0, "5m": 0, "5m5s": 0, "5m30s": 0, "9m": 0}, every="5s", reset=True,
    ),
    Case(
        "GreeksCalculationSystemFailure", "all calculations fail, and each request hits the cache many times",
        {_ASKED: "0+2x120", _HIT: "0+50x120", _SUCCESS: "0+2x59 120x60", _ERROR: "0x59 0+2x60"},
        {"5m": 0, "5m10s": 1, "6m30s": 1}, every="5s",
    ),
    Case(
        "GreeksCalculationSystemFailure", "there are many cache hits, and misses are never calculated",
        {_ASKED: "0+2x120", _HIT: "0+50x120", _MISSED: "0+5x120", _SUCCESS: "0+5x59 300x60"},
        {"5m": 0, "5m10s": 1, "6m30s": 1}, every="5s",
    ),
    Case(
        "GreeksCalculationSystemFailure", "every request hits the cache many times, and nothing is calculated",
        {_ASKED: "0+2x120", _HIT: "0+50x120", _MISSED: "7x120", _SUCCESS: "7x120", _ERROR: "7x120"},
        {"5m": 0, "9m": 0}, every="5s",
    ),
    Case(
        "GreeksCalculationSystemFailure", "two requests after a start, each with the first calculation of its kind",
        {
            series("signal_service_api_requests_total", 'endpoint="/greeks/option", status_code="200"'): "1x20 2x100",
            series("signal_service_greeks_calculation_seconds_count", 'model_type="black", outcome="success"'):
                "1x120",
            series("signal_service_greeks_calculation_seconds_count", 'model_type="heston", outcome="success"'): (
                "_x20 1x100"
            ),
        },
        {"1m55s": 0, "2m10s": 0, "2m40s": 0, "5m": 0}, every="5s",
    ),
    Case(
        "GreeksCalculationSystemFailure", "the first calculations of new processes fail, and old processes stop",
        {
            _ASKED: "0+10x120",
            _SUCCESS: "0+10x30 300x90",
            series("signal_service_greeks_calculation_seconds_count", 'outcome="success"', instance="b"): "_x40 0x80",
            series("signal_service_greeks_calculation_seconds_count", 'outcome="error"', instance="b"): "_x40 0+1x80",
        },
        {"2m35s": 0, "2m45s": 1, "9m": 1}, every="5s",
    ),
    Case(
        "GreeksCalculationSystemFailure", "calculations fail without requests for Greeks",
        {_ASKED: "7x120", _MISSED: "0+5x120", _ERROR: "0+5x120"},
        {"5m": 0, "9m": 0}, every="5s",
    ),
    Case(
        "GreeksCalculationSystemFailure", "every calculation fails from one export on, for two minutes",
        {
            _ASKED: "_x60 25+45x24 1105x35", _ERROR: "_x60 25+45x24 1105x35", _MISSED: "0+15x119",
            series("signal_service_api_requests_total", 'endpoint="/api/v1/greeks/chain", status_code="200"'):
                "0+45x59 2675x24 2675+45x35",
            _SUCCESS: "0+30x59 1790x24 1790+30x35",
        },
        {"5m": 0, "5m5s": 0, "5m10s": 1, "5m15s": 1, "6m55s": 1, "7m10s": 0}, every="5s",
    ),
    Case(
        "GreeksCalculationSystemFailure", "one request fails on a quiet night",
        {_ASKED: "0x59 1x60", _ERROR: "0x59 1x60", _SUCCESS: "7x120"},
        {"5m5s": 0, "5m10s": 0, "5m15s": 0, "5m30s": 0, "7m": 0, "10m": 0}, every="5s",
    ),
    Case(
        "GreeksCalculationSystemFailure", "every request fails on a quiet night, one a minute",
        {_ASKED: _ONE_A_MINUTE, _ERROR: _ONE_A_MINUTE, _SUCCESS: "7x144"},
        {"3m": 0, "6m": 1, "10m": 1}, every="5s",
    ),
    Case(
        "GreeksCalculationSystemFailure", "the cache answers every request that is not rejected",
        {_ASKED.replace("503", "200"): "0+5x120", _REJECTED: "0+5x120", _HIT: "0+5x120", _SUCCESS: "7x120"},
        {"5m": 0, "9m": 0}, every="5s",
    ),
    Case(
        "SlowGreeksCalculations", "exactly one calculation in ten is slower, and a restart",
        {
            series(_SECONDS, 'vectorized="true", le="1"'): "0+90x60 0+90x60",
            series(_SECONDS, 'vectorized="true", le="2"'): _AGAIN,
            series(_SECONDS, 'vectorized="true", le="+Inf"'): _AGAIN,
        },
        {"5m30s": 0, "6m": 0, "9m": 0}, every="5s", reset=True,
    ),
    Case(
        "SlowGreeksCalculations", "every calculation is slower from the third minute on: it fires without a wait",
        {
            series(_SECONDS, 'vectorized="true", le="1"'): "0+100x36 3600x24",
            series(_SECONDS, 'vectorized="true", le="2"'): "0+100x60",
            series(_SECONDS, 'vectorized="true", le="+Inf"'): "0+100x60",
        },
        {"3m": 0, "3m20s": 1, "5m": 1}, every="5s",
    ),
    Case(
        "InvalidGreeksRatioHigh", "more than one in twenty for five minutes, then none",
        {
            _OPTIONS: "0+50x80", _CHECKED: "0+100x80",
            _NAN: "0+4x20 80x60", _NONE: "0+2x20 40x60",
        },
        {"1m": 0, "3m": 1, "5m": 1, "15m": 0},
    ),
    Case(
        "InvalidGreeksRatioHigh", "just under one in twenty",
        {_OPTIONS: "0+200x80", _CHECKED: "0+1000x80", _NAN: "0+49x80"}, {"10m": 0},
    ),
    Case(
        "InvalidGreeksRatioHigh", "all results are invalid, but there are too few",
        {_OPTIONS: "0+1x80", _CHECKED: "0+1x80", _NAN: "0+1x80"}, {"10m": 0},
    ),
    Case(
        "InvalidGreeksRatioHigh", "just under the limit, and a restart",
        {
            _OPTIONS: "0+200x40 0+200x40", _CHECKED: "0+1000x40 0+1000x40", _NAN: "0+49x40 0+49x40",
        },
        {"10m15s": 0, "12m": 0, "20m": 0},
        reset=True,
    ),
    Case(
        "VectorizedWithoutGain", "a loop in a vectorised calculation, fixed after ten minutes",
        _batches("0+21x40 842+1x80"), {"4m": 0, "7m": 1, "20m": 0},
    ),
    Case("VectorizedWithoutGain", "just faster than the limit", _batches("0+19x120"), {"10m": 0, "25m": 0}),
    Case(
        "VectorizedWithoutGain", "just faster than the limit, and a restart", _batches("0+19x40 0+19x79"),
        {"11m": 0, "25m": 0}, reset=True,
    ),
]  # fmt: skip
