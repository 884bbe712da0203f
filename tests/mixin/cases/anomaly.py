"""Cases of levels outside of the prediction interval; test_insight has cases with weeks of history."""

from __future__ import annotations

from tests.mixin.cases._case import Case, series

from signalscope import derived

#: A time in a session.
_START = "2026-11-25T16:00:00Z"
_LOWER, _UPPER = (
    f'{derived.get(key).name}{{job="signal-service", signal="request_rate"}}'
    for key in ("ANOMALY_LOWER", "ANOMALY_UPPER")
)
_REQUESTS = series("signal_service_api_requests_total", 'endpoint="/a", status_code="200", user_tier="free"')
#: A prediction interval of 5 to 15 requests per second; ten per second are 150 in fifteen seconds.
_INTERVAL = {_LOWER: "5x300", _UPPER: "15x300"}

CASES = [
    Case(
        "AnomalyDetected", "twice as many requests for a quarter of an hour",
        {_REQUESTS: "0+150x80 12300+300x59 30150+150x150", **_INTERVAL},
        {"30m": 0, "34m": 1, "50m": 1, "56m": 0}, start=_START,
    ),
    Case(
        "AnomalyDetected", "twice as many requests for nine minutes",
        {_REQUESTS: "0+150x80 12300+300x35 22950+150x150", **_INTERVAL}, {"28m": 0, "32m": 0, "40m": 0}, start=_START,
    ),
    Case(
        "AnomalyDetected", "as many as usual, and a restart",
        {_REQUESTS: "0+150x80 0+150x150", **_INTERVAL}, {"19m": 0, "31m": 0, "50m": 0}, start=_START, reset=True,
    ),
]  # fmt: skip
