"""A case of API latency with a restart; rules/tests/alerts.yaml has the other cases."""

from __future__ import annotations

from tests.mixin.cases._case import Case, series

_LATENCY = "signal_service_api_request_duration_seconds_bucket"
_AGAIN = "0+100x60 0+100x60"

CASES = [
    Case(
        "SignalServiceHighLatency", "exactly one request in twenty is slower, and a restart",
        {
            series(_LATENCY, 'endpoint="/a", user_tier="free", le="5"'): "0+95x60 0+95x60",
            series(_LATENCY, 'endpoint="/a", user_tier="free", le="7.5"'): _AGAIN,
            series(_LATENCY, 'endpoint="/a", user_tier="free", le="+Inf"'): _AGAIN,
        },
        {"5m30s": 0, "6m": 0, "9m": 0}, every="5s", reset=True,
    ),
]  # fmt: skip
