"""Alerts about external services: down, failing, slow, and on the way there."""

from __future__ import annotations

from functools import partial

from signalscope.config import Config
from signalscope.derived._promql import Promql, duration
from signalscope.mixin.alerts._model import Alert, Severity

__all__ = ["alerts", "trends"]

_alert = partial(Alert, domain="dependency")

#: A trend counts when the latency is already so many times the usual, or the error ratio this part of its limit.
_SLOWER, _STARTED = 2, 0.25


def alerts(config: Config) -> list[Alert]:
    """Return the alerts about services that are down, fail or are slow now."""
    holds = config.holds
    return [
        _config_service(config),
        _down(config, "CriticalDependencyDown", "critical", "critical", holds.critical_dependency),
        _down(config, "MandatoryDependencyDown", "mandatory", "warning", holds.mandatory_dependency),
        _down(config, "DependencyDown", "high", "warning", holds.other_dependency),
        _errors(config),
        _latency(config),
    ]


def trends(config: Config) -> list[Alert]:
    """Return the alerts about services that will be slow or fail if they go on like this."""
    return [_latency_rises(config), _errors_rise(config)]


def _config_service(config: Config) -> Alert:
    ask, for_ = Promql(config), config.holds.config_service
    health = ask.raw(
        "signal_service.external_service.health", f'service_name="{config.selectors.config_service}"'
    )
    return _alert(
        name="ConfigServiceUnavailable",
        severity="critical",
        ask=ask,
        expr=f"max by (job, service_name) ({health}) == 0",
        for_=for_,
        summary="{{ $labels.service_name }} is unhealthy",
        description="Every instance of {{ $labels.job }} has found {{ $labels.service_name }} unhealthy for "
        f"{duration(for_)}.",
        impact="Settings are those of the last reload; new instances may not start, and limits cannot be changed.",
        response="Check the config service, then the network to it; do not restart healthy instances meanwhile.",
    )


_IMPACT = {
    "critical": "What needs it fails or runs on old data: signals are missing, late or wrong.",
    "mandatory": "Features that need it are refused, or work on assumptions.",
    "high": "Deliveries and side work are late; the core of the service goes on.",
}


def _down(config: Config, name: str, criticality: str, severity: Severity, for_: int) -> Alert:
    ask, matchers = Promql(config), [f'criticality="{criticality}"']
    if criticality == "critical":  # it has an alert of its own
        matchers.append(f'service_name!="{config.selectors.config_service}"')
    return _alert(
        name=name,
        severity=severity,
        ask=ask,
        expr=f"{ask.of('DEPENDENCY_UP', *matchers)} == 0",
        for_=for_,
        summary="{{ $labels.service_name }} is unhealthy",
        description="Every instance of {{ $labels.job }} has found {{ $labels.service_name }} "
        f"({criticality}) unhealthy for {duration(for_)}.",
        impact=_IMPACT[criticality],
        response="Check the service itself, then the network to it; its breaker keeps the harm small meanwhile.",
        labels={"criticality": criticality},
    )


def _errors(config: Config) -> Alert:
    ask, for_ = Promql(config), config.holds.dependency_calls
    limit = config.thresholds.dependency_error_ratio
    return _alert(
        name="DependencyErrorRateHigh",
        severity="warning",
        ask=ask,
        expr=f"{ask.of('DEPENDENCY_ERROR_RATIO')} > {limit:g} and on (job, service_name) {_enough(ask, '>=')}",
        for_=for_,
        keep_firing_for=config.holds.keep_firing,
        summary="Calls to {{ $labels.service_name }} fail",
        description="{{ $value | humanizePercentage }} of the calls that {{ $labels.job }} makes to it fail, more "
        f"than {100 * limit:g} %.",
        impact="What needs the service is retried, late or missing, while its health check may still be good.",
        response="Look at the types of errors below: timeouts are the network or load, statuses the service itself.",
    )


def _latency(config: Config) -> Alert:
    ask, for_ = Promql(config), config.holds.dependency_calls
    limit = config.thresholds.dependency_p95_seconds
    return _alert(
        name="DependencyLatencyHigh",
        severity="warning",
        ask=ask,
        expr=f"{ask.of('DEPENDENCY_P95')} > {limit:g} and on (job, service_name) {_enough(ask, '>=')}",
        for_=for_,
        keep_firing_for=config.holds.keep_firing,
        summary="{{ $labels.service_name }} is slow",
        description="The 95th percentile of the calls that {{ $labels.job }} makes to it is "
        f"{{{{ $value | humanizeDuration }}}}, above {limit:g} s.",
        impact="Requests that need it wait; latency of the API rises with it.",
        response="See whether its owners know; shorten the timeout if requests pile up.",
    )


def _latency_rises(config: Config) -> Alert:
    ask, limit = Promql(config), config.thresholds.dependency_p95_seconds
    now, ahead, usual = map(ask.of, ("DEPENDENCY_P95", "DEPENDENCY_P95_AHEAD", "DEPENDENCY_P95_USUAL"))
    return _rises(
        ask,
        name="DependencyLatencyRising",
        what="latency",
        expr=f"{ahead} > {limit:g} and {now} <= {limit:g} and {now} > {_SLOWER} * {usual}",
        value=f"{{{{ $value | humanizeDuration }}}}, above {limit:g} s",
    )


def _errors_rise(config: Config) -> Alert:
    ask, limit = Promql(config), config.thresholds.dependency_error_ratio
    now, ahead = map(ask.of, ("DEPENDENCY_ERROR_RATIO", "DEPENDENCY_ERROR_AHEAD"))
    return _rises(
        ask,
        name="DependencyErrorsRising",
        what="error ratio",
        expr=f"{ahead} > {limit:g} and {now} <= {limit:g} and {now} > {_STARTED * limit:g}",
        value=f"{{{{ $value | humanizePercentage }}}}, above {100 * limit:g} %",
    )


def _rises(ask: Promql, *, name: str, what: str, expr: str, value: str) -> Alert:
    return _alert(
        name=name,
        severity="warning",
        ask=ask,
        expr=f"{expr} and {_enough(ask, '>')}",
        for_=ask.config.holds.trend,
        keep_firing_for=ask.config.holds.keep_firing * 5,
        summary=f"The {what} of {{{{ $labels.service_name }}}} rises",
        description=f"If its trend goes on, in {duration(ask.config.forecast.trend)} the {what} of "
        f"{{{{ $labels.job }}}}'s calls is {value}.",
        impact="None yet; when it gets there breakers open, and what needs the service is late or missing.",
        response="Tell the service's owners now; see whether your own load on it has risen.",
    )


def _enough(ask: Promql, comparison: str) -> str:
    """Return the condition that there are enough calls for a ratio or a quantile."""
    calls = ask.of("DEPENDENCY_CALLS")
    return f"sum by (job, service_name) ({calls}) {comparison} {ask.config.thresholds.min_calls_per_second:g}"
