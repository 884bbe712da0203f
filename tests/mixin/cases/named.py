"""What rules/tests/alerts.yaml leaves out about the named alerts: counters that begin anew."""

from __future__ import annotations

from tests.mixin.cases._case import Case, of

_LATENCY = "signal_service_api_request_duration_seconds_bucket"
_GREEKS = "signal_service_greeks_calculation_seconds_bucket"
_AGAIN = "0+100x60 0+100x60"

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
