"""Cases of external services that are down, fail or are slow, and of open circuit breakers."""

from __future__ import annotations

from collections.abc import Mapping

from tests.mixin.cases._case import Case, series

from signalscope import derived

_SECONDS = "signal_service_external_service_duration_seconds"


def _health(service: str, criticality: str, instance: str = "a") -> str:
    return series(
        "signal_service_external_service_health",
        f'service_name="{service}", criticality="{criticality}"',
        instance=instance,
    )


def _calls(outcome: str) -> str:
    return series(
        f"{_SECONDS}_count", f'service_name="ticker_service", operation="quote", outcome="{outcome}"'
    )


def _bucket(bound: str, outcome: str = "success") -> str:
    labels = f'service_name="ticker_service", operation="quote", outcome="{outcome}", le="{bound}"'
    return series(f"{_SECONDS}_bucket", labels)


def _state(service: str, state: str, instance: str = "a") -> str:
    labels = f'service_name="{service}", operation="all", state="{state}"'
    return series("signal_service_circuit_breaker_state", labels, instance=instance)


def _down(alert: str, service: str, criticality: str, before: str, at: str) -> list[Case]:
    return [
        Case(
            alert, "unhealthy from the first minute, and healthy again after five",
            {_health(service, criticality): "1x11 0x59 1x20"}, {before: 0, at: 1, "5m55s": 1, "6m10s": 0},
            every="5s",
        ),
        Case(
            alert, "unhealthy in only one of two instances; other criticalities have other alerts",
            {
                _health(service, criticality, "a"): "0x80",
                _health(service, criticality, "b"): "1x80",
                **{
                    _health(f"{unrelated}_one", unrelated): "0x80"
                    for unrelated in ("critical", "mandatory", "high")
                    if unrelated != criticality
                },
            },
            {"6m": 0},
            every="5s",
        ),
    ]  # fmt: skip


def _breaker(alert: str, service: str, other_service: str) -> list[Case]:
    return [
        Case(
            alert, "open, half open for a short time at each trial call, and closed again",
            {
                _state(service, "closed"): "1x11 0x59 1x20",
                _state(service, "open"): "0x11 1x9 0 1x9 0 1x37 0x20",
                _state(service, "half_open"): "0x21 1 0x9 1 0x58",
            },
            {"1m25s": 0, "1m30s": 1, "5m55s": 1, "6m10s": 0},
            every="5s",
        ),
        Case(
            alert, "open in one of two instances; another service has another alert",
            {
                _state(service, "closed", "a"): "0x80",
                _state(service, "closed", "b"): "1x80",
                _state(other_service, "closed"): "0x80",
            },
            {"6m": 0},
            every="5s",
        ),
        Case(
            alert, "most failed calls timed out while the event loop of the caller was late, then the service fails",
            _ended({"late_loop": "0+1x60 60x120", "failure": "0x60 0+2x120"}, service)
            | {_state(service, "closed"): "1x11 0x169"},
            {"2m": 0, "5m": 0, "6m20s": 1, "10m": 1}, every="5s",
        ),
        Case(
            alert, "opened by timeouts while the event loop of the caller was late, and not used since then",
            _ended({"late_loop": "0x11 5x109", "failure": "0x120"}, service)
            | {_state(service, "closed"): "1x11 0x47 1x61"},
            {"2m": 0, "4m50s": 0, "8m": 0}, every="5s",
        ),
        Case(
            alert, "the same failures while the event loop of the caller is late, and a restart",
            _ended({"late_loop": "0+1x30 0+1x30", "failure": "0x61"}, service)
            | {_state(service, "closed"): "1x11 0x50"},
            {"2m": 0, "3m": 0, "5m": 0}, every="5s", reset=True,
        ),
    ]  # fmt: skip


def _moved(values: str, instance: str = "a", to: str = "closed") -> dict[str, str]:
    labels = f'service_name="ticker_service", operation="quote", to="{to}"'
    return {series("signal_service_circuit_breaker_transitions_total", labels, instance=instance): values}


def _ended(
    values: Mapping[str, str], service: str = "ticker_service", operation: str = "all"
) -> dict[str, str]:
    """Return the series of calls through a breaker, from their values by outcome."""
    labels = f'service_name="{service}", operation="{operation}", outcome='
    return {
        series("signal_service_circuit_breaker_calls_total", f'{labels}"{outcome}"'): of_outcome
        for outcome, of_outcome in values.items()
    }


def _recorded(key: str, labels: str = "") -> str:
    """Return a recorded series of a service, because raw series of several hours are slow in promtool."""
    return f'{derived.get(key).name}{{job="signal-service", service_name="ticker_service"{labels}}}'


def _p95(values: str, calls: str = "1x600") -> dict[str, str]:
    return {
        _recorded("DEPENDENCY_P95"): values,
        _recorded("DEPENDENCY_CALLS", ', outcome="success"'): calls,
    }


def _ratio(failed: str, succeeded: str) -> dict[str, str]:
    return {
        _recorded("DEPENDENCY_CALLS", ', outcome="error"'): failed,
        _recorded("DEPENDENCY_CALLS", ', outcome="success"'): succeeded,
    }


CASES = [
    *_down("CriticalDependencyDown", "ticker_service", "critical", "1m10s", "1m15s"),
    Case(
        "CriticalDependencyDown", "the config service has a separate alert",
        {_health("config_service", "critical"): "0x80"}, {"6m": 0}, every="5s",
    ),
    *_down("MandatoryDependencyDown", "marketplace_service", "mandatory", "1m25s", "1m30s"),
    *_down("DependencyDown", "comms_service", "high", "2m55s", "3m"),
    Case(
        "DependencyErrorRateHigh", "more than one call in ten fails for five minutes",
        {_calls("success"): "0+89x80", _calls("error"): "0+11x20 220x60"},
        {"1m": 0, "2m": 1, "5m": 1, "12m": 0},
    ),
    Case(
        "DependencyErrorRateHigh", "just under one in ten; cancelled calls do not count",
        {_calls("success"): "0+901x80", _calls("error"): "0+99x80", _calls("cancelled"): "0+5000x80"},
        {"15m": 0},
    ),
    Case(
        "DependencyErrorRateHigh", "all calls but a few errors time out while the event loop of the caller is late",
        {_calls("late_loop"): "0+100x80", _calls("error"): "0+5x80", _calls("success"): "0x80"}, {"5m": 0, "15m": 0},
    ),
    Case(
        "DependencyErrorRateHigh", "all calls fail, but there are too few",
        {_calls("error"): "0+1x80"}, {"15m": 0},
    ),
    Case(
        "DependencyErrorRateHigh", "just under one in ten, and a restart",
        {_calls("success"): "0+901x40 0+901x40", _calls("error"): "0+99x40 0+99x40"},
        {"10m30s": 0, "15m": 0}, reset=True,
    ),
    Case(
        "DependencyLatencyHigh", "more than one call in twenty takes longer than two seconds, for five minutes",
        {
            _calls("success"): "0+100x80",
            _bucket("2"): "0+94x20 1880+100x60", _bucket("5"): "0+100x80", _bucket("+Inf"): "0+100x80",
        },
        {"1m": 0, "2m": 1, "5m": 1, "14m": 0},
    ),
    Case(
        "DependencyLatencyHigh", "only calls during which the event loop of the caller was late take longer",
        {
            _calls("late_loop"): "0+100x80", _calls("success"): "0+20x80",
            _bucket("2"): "0+20x80", _bucket("5"): "0+20x80", _bucket("+Inf"): "0+20x80",
            _bucket("2", "late_loop"): "0x80", _bucket("5", "late_loop"): "0+100x80",
            _bucket("+Inf", "late_loop"): "0+100x80",
        },
        {"5m": 0, "15m": 0},
    ),
    Case(
        "DependencyLatencyHigh", "exactly one in twenty",
        {
            _calls("success"): "0+100x80",
            _bucket("2"): "0+95x80", _bucket("5"): "0+100x80", _bucket("+Inf"): "0+100x80",
        },
        {"15m": 0},
    ),
    Case(
        "DependencyLatencyHigh", "exactly one in twenty, and a restart",
        {
            _calls("success"): "0+100x40 0+100x40",
            _bucket("2"): "0+95x40 0+95x40", _bucket("5"): "0+100x40 0+100x40", _bucket("+Inf"): "0+100x40 0+100x40",
        },
        {"10m30s": 0, "15m": 0}, reset=True,
    ),
    # These services have no health check: the configuration makes ticker_service critical.
    *_breaker("CriticalDependencyBreakerOpen", "ticker_service", "comms_service"),
    Case(
        "CriticalDependencyBreakerOpen", "open for a service with a reported criticality of critical",
        {_state("risk_service", "closed"): "0x40", _health("risk_service", "critical"): "1x40"},
        {"25s": 0, "30s": 1}, every="5s",
    ),
    *_breaker("DependencyBreakerOpen", "comms_service", "ticker_service"),
    Case("CircuitBreakerFlapping", "opens and closes again three times in two minutes",
         _moved("0x4 1x4 2x4 3x100"), {"3m30s": 0, "4m": 1, "19m": 0}),
    Case("CircuitBreakerFlapping", "closes again twice, in each of two processes",
         _moved("0x4 1x4 2x100") | _moved("0x4 1x4 2x100", "b"), {"5m": 0, "14m": 0}),
    Case("CircuitBreakerFlapping", "closes again twice, and the process restarts",
         _moved("0x4 1x4 2x4 0x100"), {"5m": 0, "14m": 0}, reset=True),
    Case("CircuitBreakerFlapping", "an outage of ten minutes: each trial call fails, and the last one succeeds",
         _moved("0x4 0+1x40 40x40", to="open") | _moved("0x4 0+1x40 41x40", to="half_open") | _moved("0x45 1x40"),
         {"5m": 0, "10m": 0, "14m": 0}),
    Case("CircuitBreakerFlapping", "closes again three times after timeouts while the caller's event loop was late",
         _moved("0x4 1x4 2x4 3x100") | _ended({"late_loop": "0+1x14 14x100", "failure": "0x114"}, operation="quote"),
         {"4m": 0, "10m": 0, "14m": 0}),
    Case("CircuitBreakerFlapping", "no data", _moved("_x80"), {"14m": 0}),
    Case("DependencyLatencyRising", "from the usual 0.2 s towards 2 s, and back",
         _p95("0.2x360 0.2+0.01x140 0.2x100"), {"1h52m": 0, "1h59m": 1, "2h13m": 0}),
    Case("DependencyLatencyRising", "rises so slowly that it is below the limit in half an hour",
         _p95("0.2x360 0.2+0.003x160"), {"1h59m": 0, "2h5m": 0}),
    Case("DependencyLatencyRising", "above the limit, which has another alert",
         _p95("0.2x360 3x160"), {"2h5m": 0}),
    Case("DependencyLatencyRising", "too few calls",
         _p95("0.2x360 0.2+0.01x120", "0.05x600"), {"1h57m": 0}),
    Case("DependencyLatencyRising", "one call in thirty takes a second, and a restart",
         {_bucket("0.5"): "0+29x240 0+29x240", _bucket("1"): "0+30x240 0+30x240",
          _bucket("+Inf"): "0+30x240 0+30x240", _calls("success"): "0+30x240 0+30x240"},
         {"59m": 0, "1h12m": 0, "1h59m": 0}, reset=True),
    Case("DependencyErrorsRising", "from one call in a hundred towards one in ten, and back",
         _ratio("0.01+0.0005x140 0x100", "0.99-0.0005x140 1x100"), {"24m": 0, "33m": 1, "48m": 0}),
    Case("DependencyErrorsRising", "many errors, but no increase",
         _ratio("0.099x240", "0.901x240"), {"33m": 0, "59m": 0}),
    Case("DependencyErrorsRising", "above the limit, which has another alert",
         _ratio("0.2+0.001x240", "0.8-0.001x240"), {"33m": 0, "59m": 0}),
    Case("DependencyErrorsRising", "five calls in a hundred fail, and a restart",
         {_calls("success"): "0+95x160 0+95x160", _calls("error"): "0+5x160 0+5x160"},
         {"39m": 0, "52m": 0, "1h19m": 0}, reset=True),
]  # fmt: skip
