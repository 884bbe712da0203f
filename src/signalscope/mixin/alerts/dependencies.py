"""Alerts about external services and circuit breakers."""

from __future__ import annotations

from signalscope.config import Config
from signalscope.mixin._promql import Promql, duration
from signalscope.mixin.alerts._model import Alert, Severity

__all__ = ["alerts"]

_FIVE_MINUTES = 300


def alerts(config: Config) -> list[Alert]:
    """The alerts of this module."""
    holds = config.holds
    return [
        _down(config, "CriticalDependencyDown", "critical", "critical", holds.critical_dependency),
        _down(config, "MandatoryDependencyDown", "mandatory", "warning", holds.mandatory_dependency),
        _down(config, "DependencyDown", "high", "warning", holds.other_dependency),
        _errors(config),
        _latency(config),
        _breaker(config, critical=True),
        _breaker(config, critical=False),
    ]


_IMPACT = {
    "critical": "What needs it fails or runs on old data: signals are missing, late or wrong.",
    "mandatory": "Features that need it are refused, or work on assumptions.",
    "high": "Deliveries and side work are late; the core of the service goes on.",
}


def _down(config: Config, name: str, criticality: str, severity: Severity, hold: int) -> Alert:
    ask = Promql(config.selectors.job)
    matchers = [f'criticality="{criticality}"']
    if criticality == "critical":  # it has an alert of its own
        matchers.append(f'service_name!="{config.selectors.config_service}"')
    return Alert(
        name=name,
        severity=severity,
        domain="dependency",
        expr=f"{ask.of('DEPENDENCY_UP', *matchers)} == 0",
        hold=hold,
        window=config.pipeline.paced(hold),
        summary="{{ $labels.service_name }} is unhealthy",
        description=f"Every instance of {{{{ $labels.job }}}} has found {{{{ $labels.service_name }}}} "
        f"({criticality}) unhealthy for {duration(hold)}.",
        impact=_IMPACT[criticality],
        response="Check the service itself, then the network to it; its breaker keeps the harm small "
        "meanwhile.",
        labels={"criticality": criticality},
    )  # fmt: skip


def _errors(config: Config) -> Alert:
    ask = Promql(config.selectors.job)
    limit, hold = config.thresholds.dependency_error_ratio, config.holds.dependency_calls
    return Alert(
        name="DependencyErrorRateHigh",
        severity="warning",
        domain="dependency",
        expr=f"{ask.of('DEPENDENCY_ERROR_RATIO')} > {limit:g} and on (job, service_name) "
        f"{_busy(ask, config)}",
        hold=hold,
        keep=config.holds.keep_firing,
        window=_FIVE_MINUTES + config.pipeline.paced(hold),
        summary="Calls to {{ $labels.service_name }} fail",
        description="{{ $value | humanizePercentage }} of the calls that {{ $labels.job }} makes to it "
        "fail, more "
        f"than {100 * limit:g} %.",
        impact="What needs the service is retried, late or missing, while its health check may still be "
        "good.",
        response="Look at the types of errors below: timeouts are the network or load, statuses the service "
        "itself.",
    )


def _latency(config: Config) -> Alert:
    ask = Promql(config.selectors.job)
    limit, hold = config.thresholds.dependency_p95_seconds, config.holds.dependency_calls
    return Alert(
        name="DependencyLatencyHigh",
        severity="warning",
        domain="dependency",
        expr=f"{ask.of('DEPENDENCY_P95')} > {limit:g} and on (job, service_name) {_busy(ask, config)}",
        hold=hold,
        keep=config.holds.keep_firing,
        window=_FIVE_MINUTES + config.pipeline.paced(hold),
        summary="{{ $labels.service_name }} is slow",
        description="The 95th percentile of the calls that {{ $labels.job }} makes to it is "
        f"{{{{ $value | humanizeDuration }}}}, above {limit:g} s.",
        impact="Requests that need it wait; latency of the API rises with it.",
        response="See whether its owners know; shorten the timeout if requests pile up.",
    )


def _busy(ask: Promql, config: Config) -> str:
    calls = f"sum by (job, service_name) ({ask.of('DEPENDENCY_CALLS')})"
    return f"{calls} >= {config.thresholds.min_calls_per_second:g}"


def _breaker(config: Config, *, critical: bool) -> Alert:
    ask = Promql(config.selectors.job)
    limit, hold = config.thresholds.breaker_closed_ratio, config.holds.breaker
    open_now = f"{ask.of('BREAKER_CLOSED')} < {limit:g}"
    named = f'service_name=~"{config.selectors.critical_dependencies}"'
    reported = ask.of("DEPENDENCY_UP", 'criticality="critical"')
    # What the service says about criticality; for services whose health nothing reports, the config.
    of_critical = f"({reported} or on (job, service_name) {ask.of('BREAKER_CLOSED', named)})"
    return Alert(
        name="CriticalDependencyBreakerOpen" if critical else "DependencyBreakerOpen",
        severity="critical" if critical else "warning",
        domain="dependency",
        expr=f"{open_now} {'and' if critical else 'unless'} on (job, service_name) {of_critical}",
        hold=hold,
        window=config.pipeline.paced(hold),
        summary="The breaker of {{ $labels.service_name }} is open",
        description="The circuit breaker of {{ $labels.service_name }} ({{ $labels.operation }}) has not "
        "been closed "
        f"in most instances of {{{{ $labels.job }}}} for {duration(hold)}.",
        impact="Calls are refused at once, so whatever needs the service is answered from fallbacks or not "
        "at all."
        if critical else "Calls are refused at once; features that need the service use their fallbacks.",
        response="Mend the service behind it; a breaker closes by itself when calls succeed.",
    )  # fmt: skip
