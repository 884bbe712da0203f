"""External services that are down, fail or are slow, and breakers that are open."""

from __future__ import annotations

from tests.mixin.cases._case import Case, of

_SECONDS = "signal_service_external_service_duration_seconds"


def _health(service: str, criticality: str, instance: str = "a") -> str:
    return of(
        "signal_service_external_service_health",
        f'service_name="{service}", criticality="{criticality}"',
        instance=instance,
    )


def _calls(outcome: str) -> str:
    return of(f"{_SECONDS}_count", f'service_name="ticker_service", operation="quote", outcome="{outcome}"')


def _bucket(bound: str) -> str:
    labels = f'service_name="ticker_service", operation="quote", outcome="success", le="{bound}"'
    return of(f"{_SECONDS}_bucket", labels)


def _state(service: str, state: str, instance: str = "a") -> str:
    labels = f'service_name="{service}", operation="all", state="{state}"'
    return of("signal_service_circuit_breaker_state", labels, instance=instance)


def _down(alert: str, service: str, criticality: str, before: str, at: str) -> list[Case]:
    return [
        Case(
            alert, "unhealthy from the first minute on, healthy again after five",
            {_health(service, criticality): "1x11 0x59 1x20"}, {before: 0, at: 1, "5m55s": 1, "6m10s": 0},
            every="5s",
        ),
        Case(
            alert, "one instance of two does not see it; other criticalities have other alerts",
            {
                _health(service, criticality, "a"): "0x80",
                _health(service, criticality, "b"): "1x80",
                **{
                    _health(f"{other}_one", other): "0x80"
                    for other in ("critical", "mandatory", "high")
                    if other != criticality
                },
            },
            {"6m": 0},
            every="5s",
        ),
    ]  # fmt: skip


def _breaker(alert: str, service: str, other: str) -> list[Case]:
    return [
        Case(
            alert, "open, half open for a moment at each try, and closed again",
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
                _state(other, "closed"): "0x80",
            },
            {"6m": 0},
            every="5s",
        ),
    ]  # fmt: skip


CASES = [
    *_down("CriticalDependencyDown", "ticker_service", "critical", "1m10s", "1m15s"),
    Case(
        "CriticalDependencyDown", "the config service has an alert of its own",
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
        "DependencyErrorRateHigh", "just under one in ten; cancelled calls say nothing",
        {_calls("success"): "0+901x80", _calls("error"): "0+99x80", _calls("cancelled"): "0+5000x80"},
        {"15m": 0},
    ),
    Case(
        "DependencyErrorRateHigh", "every call fails, but there are hardly any",
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
    # Nothing reports the health of these: that ticker_service is critical is in the config.
    *_breaker("CriticalDependencyBreakerOpen", "ticker_service", "comms_service"),
    Case(
        "CriticalDependencyBreakerOpen", "of a service that reports itself as critical",
        {_state("risk_service", "closed"): "0x40", _health("risk_service", "critical"): "1x40"},
        {"25s": 0, "30s": 1}, every="5s",
    ),
    *_breaker("DependencyBreakerOpen", "comms_service", "ticker_service"),
]  # fmt: skip
