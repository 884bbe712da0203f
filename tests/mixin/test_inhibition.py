"""No effect of a fault silences the alert about its cause: the inhibition rules, with each fault active."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import pytest

from signalscope.config import Config
from signalscope.demo.faults import DEPENDENCIES, FAULTS
from signalscope.mixin.alertmanager import inhibits
from signalscope.mixin.alerts import alerts

_RULES = {(rule.name, rule.severity): rule for alert in alerts(Config()) for rule in alert.rules}
#: What a user of a service that is slow or failing may see.
_HARM = (
    "SignalServiceHighLatency", "AnomalyDetected", "AvailabilityBudgetBurnFast", "AvailabilityBudgetBurnSlow",
    "ErrorBudgetBurnFast", "ApiLatencyBudgetBurnFast", "ApiLatencyBudgetBurnSlow",
)  # fmt: skip
_OF_CALLS = (
    "DependencyLatencyHigh", "DependencyErrorRateHigh", "CriticalDependencyBreakerOpen", "DependencyBreakerOpen",
    "CircuitBreakerFlapping", "DependencyLatencyRising", "DependencyErrorsRising",
)  # fmt: skip
#: More alerts that may fire while a fault of the demo is on, beside its own.
_MORE = {
    "cpu-burn": (*_HARM, "EventLoopLagHigh", "ExecutorSaturated", "SignalServiceDown"),
    "cache-flush": _HARM,
    "queue-flood": ("SignalServiceHighLatency", "SignalServiceHighCPUUsage"),
    "api-latency": _HARM,
    "greeks-failing": _HARM,
    "loop-blocked": (
        *_HARM,
        *_OF_CALLS,
        "SignalServiceDown",
        "ScrapeTimingOut",
        "ExecutorSaturated",
        "GreeksCalculationSystemFailure",
        "CriticalQueueBacklog",
        "QueueBackpressureHigh",
        "TelemetryMissing",
    ),
}
#: Faults that the demo has no switch for: the alert about the cause, and the alerts that may follow.
_FAULTS = {
    "busy threads": (
        "ExecutorSaturated", *_HARM, "EventLoopLagHigh", "SignalServiceDown", "ScrapeTimingOut",
        "CriticalQueueBacklog",
    ),
    "memory that runs out": ("HighMemoryUsage", *_HARM, "EventLoopLagHigh", "SignalServiceDown"),
    "stopped service": ("SignalServiceDown", *_HARM, "GreeksCalculationSystemFailure", "TelemetryMissing"),
    **{name: (*fault.alerts, *_MORE.get(name, (*_HARM, *_OF_CALLS))) for name, fault in FAULTS.items()},
}  # fmt: skip
Labels = Mapping[str, str]


def _active(name: str, service: str | None) -> Iterator[Labels]:
    """Yield the labels of an alert, with those of its series that inhibition rules compare."""
    for (alert, _), rule in _RULES.items():
        if alert == name:
            labels = {"alertname": name, "job": "signal-service", **rule.all_labels(Config())}
            if rule.domain == "dependency":
                labels["service_name"] = service or "ticker_service"
            if rule.domain in {"process", "capacity"}:
                labels["instance"] = "a"
            if match := re.search('sloth_slo="([^"]+)"', rule.expr):
                labels["sloth_slo"] = match.group(1)
            if rule.domain == "queue":
                labels["queue_type"] = "signals"
            yield labels


@pytest.mark.parametrize("fault", _FAULTS)
def test_no_effect_silences_its_cause(fault: str) -> None:
    """The first alert of each fault is the one about the cause; its most severe rule is always notified."""
    cause, *effects = _FAULTS[fault]
    service = FAULTS[fault].dependency if fault in FAULTS else None
    first = min(
        _active(cause, service), key=lambda labels: ("critical", "warning", "info").index(labels["severity"])
    )
    others = [labels for name in effects for labels in _active(name, service)]
    assert [labels["alertname"] for labels in others if inhibits(labels, first)] == []


@pytest.mark.parametrize("service", DEPENDENCIES)
def test_a_dependency_that_fails_does_not_silence_the_event_loop(service: str) -> None:
    """A late loop makes calls fail, so alerts about dependencies may be its effect; both severities are notified."""
    down = [
        name for name, _ in _RULES if name.endswith(("DependencyDown", "ServiceUnavailable", "BreakerOpen"))
    ]
    for late in _active("EventLoopLagHigh", None):
        assert not [name for name in down for source in _active(name, service) if inhibits(source, late)]


def test_the_walk_can_fail() -> None:
    """A cause does silence its effects, and a critical alert the warning of the same process only."""
    critical, warning = _active("EventLoopLagHigh", None)
    (latency,) = _active("SignalServiceHighLatency", None)
    assert critical["severity"] == "critical"
    assert inhibits(critical, latency)
    assert not inhibits(latency, critical)
    assert inhibits(critical, warning)
    assert not inhibits(critical, {**warning, "instance": "b"})
    (down,) = _active("SignalServiceDown", None)
    assert inhibits(down, latency)
