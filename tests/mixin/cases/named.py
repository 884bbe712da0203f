"""What rules/tests/alerts.yaml leaves out about the named alerts: counters that begin anew."""

from __future__ import annotations

from tests.mixin.cases._case import Case, of

_LATENCY = "signal_service_api_request_duration_seconds_bucket"
_GREEKS = "signal_service_greeks_calculation_seconds_bucket"
_AGAIN = "0+100x60 0+100x60"
_ASKED = of("signal_service_api_requests_total", 'endpoint="/api/v1/greeks/chain", status_code="503"')
_HIT, _MISSED = (
    of("signal_service_cache_operations_total", f'cache_type="greeks", operation="get", result="{result}"')
    for result in ("hit", "miss")
)
_SUCCESS, _ERROR = (
    of("signal_service_greeks_calculation_seconds_count", f'outcome="{outcome}"')
    for outcome in ("success", "error")
)

CASES = [
    Case(
        "GreeksCalculationSystemFailure", "a restart",
        {
            of("signal_service_api_requests_total", 'endpoint="/api/v1/greeks/option", status_code="200"'): _AGAIN,
            of("signal_service_greeks_calculation_seconds_count", 'outcome="success"'): _AGAIN,
        },
        {"4m55s": 0, "5m": 0, "5m5s": 0, "5m30s": 0, "9m": 0}, every="5s", reset=True,
    ),
    Case(
        "GreeksCalculationSystemFailure", "every calculation fails, and each request hits the cache many times",
        {_ASKED: "0+1x120", _HIT: "0+50x120", _SUCCESS: "0+2x59 120x60", _ERROR: "0x59 0+2x60"},
        {"5m40s": 0, "6m30s": 1}, every="5s",
    ),
    Case(
        "GreeksCalculationSystemFailure", "what the cache lacks is never calculated, beside many hits",
        {_ASKED: "0+1x120", _HIT: "0+50x120", _MISSED: "0+5x120", _SUCCESS: "0+5x59 300x60"},
        {"5m40s": 0, "6m30s": 1}, every="5s",
    ),
    Case(
        "GreeksCalculationSystemFailure", "every request hits the cache many times, and nothing is calculated",
        {_ASKED: "0+1x120", _HIT: "0+50x120", _MISSED: "7x120", _SUCCESS: "7x120", _ERROR: "7x120"},
        {"5m": 0, "9m": 0}, every="5s",
    ),
    Case(
        "GreeksCalculationSystemFailure", "two requests after a start, each with the first calculation of its kind",
        {
            of("signal_service_api_requests_total", 'endpoint="/greeks/option", status_code="200"'): "1x20 2x100",
            of("signal_service_greeks_calculation_seconds_count", 'model_type="black", outcome="success"'): "1x120",
            of("signal_service_greeks_calculation_seconds_count", 'model_type="heston", outcome="success"'): (
                "_x20 1x100"
            ),
        },
        {"1m55s": 0, "2m10s": 0, "2m40s": 0, "5m": 0}, every="5s",
    ),
    Case(
        "GreeksCalculationSystemFailure", "new processes whose first calculations fail, and old ones that stopped",
        {
            _ASKED: "0+10x120",
            _SUCCESS: "0+10x30 300x90",
            of("signal_service_greeks_calculation_seconds_count", 'outcome="success"', instance="b"): "_x40 0x80",
            of("signal_service_greeks_calculation_seconds_count", 'outcome="error"', instance="b"): "_x40 0+1x80",
        },
        {"3m": 0, "4m30s": 1, "9m": 1}, every="5s",
    ),
    Case(
        "GreeksCalculationSystemFailure", "calculations of others fail while nobody asks for Greeks",
        {_ASKED: "7x120", _MISSED: "0+5x120", _ERROR: "0+5x120"},
        {"5m": 0, "9m": 0}, every="5s",
    ),
    Case(
        "SignalServiceHighLatency", "exactly one request in twenty is slower, and a restart",
        {
            of(_LATENCY, 'endpoint="/a", user_tier="free", le="5"'): "0+95x60 0+95x60",
            of(_LATENCY, 'endpoint="/a", user_tier="free", le="7.5"'): _AGAIN,
            of(_LATENCY, 'endpoint="/a", user_tier="free", le="+Inf"'): _AGAIN,
        },
        {"5m30s": 0, "6m": 0, "9m": 0}, every="5s", reset=True,
    ),
    Case(
        "SlowGreeksCalculations", "exactly one calculation in ten is slower, and a restart",
        {
            of(_GREEKS, 'vectorized="true", le="1"'): "0+90x60 0+90x60",
            of(_GREEKS, 'vectorized="true", le="2"'): _AGAIN,
            of(_GREEKS, 'vectorized="true", le="+Inf"'): _AGAIN,
        },
        {"5m30s": 0, "6m": 0, "9m": 0}, every="5s", reset=True,
    ),
]  # fmt: skip
