"""A case of API latency with a restart; rules/tests/alerts.yaml has the other cases."""

from __future__ import annotations

from tests.mixin.cases._case import Case, series

_LATENCY = "signal_service_api_request_duration_seconds_bucket"
_AGAIN = "0+100x60 0+100x60"
#: A request every 30 s; in the first, none is slower than 5 s, in the second one is, after three minutes.
_FEW = " ".join(f"{number}x5" for number in range(1, 21))
_FEW_QUICK = " ".join(f"{number - (number >= 6)}x5" for number in range(1, 21))


def _requests(quick: str, every: str) -> dict[str, str]:
    return {
        series(_LATENCY, 'endpoint="/a", user_tier="free", le="5"'): quick,
        series(_LATENCY, 'endpoint="/a", user_tier="free", le="7.5"'): every,
        series(_LATENCY, 'endpoint="/a", user_tier="free", le="+Inf"'): every,
    }


CASES = [
    Case(
        "SignalServiceHighLatency", "exactly one request in twenty is slower, and a restart",
        _requests("0+95x60 0+95x60", _AGAIN),
        {"5m30s": 0, "6m": 0, "9m": 0}, every="5s", reset=True,
    ),
    Case(
        "SignalServiceHighLatency", "every request is slower from the third minute on: it fires without a wait",
        _requests("0+100x36 3600x24", "0+100x60"), {"3m": 0, "3m15s": 1, "5m": 1}, every="5s",
    ),
    Case(
        "SignalServiceHighLatency", "one of few requests is slower: it waits, and ends with the window",
        _requests(_FEW_QUICK, _FEW), {"2m55s": 0, "3m": 1, "4m30s": 1, "9m": 0}, every="5s",
    ),
]  # fmt: skip
