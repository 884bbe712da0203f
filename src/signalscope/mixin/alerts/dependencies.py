"""Alerts about external services that are down, fail, are slow, or have a rising trend."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from signalscope.config import Config
from signalscope.derived._promql import Promql, duration
from signalscope.mixin.alerts._model import Alert, maker, shown_after

#: A trend alert needs a latency of 2 times the usual one, or an error ratio of 25 % of its limit.
_SLOWER, _STARTED = 2, 0.25
#: The calls whose time is the service's: the event loop of the caller was in time.
_TIMED = 'outcome!="late_loop"'
_IMPACT = {
    "critical": "Features that need it fail or use old data: signals are missing, late or wrong.",
    "mandatory": "Features that need it are disabled or use default values.",
    "high": "Deliveries and secondary work are late; the core of the service works.",
}


def alerts(config: Config) -> Iterator[Alert]:
    """Yield the alerts about external services that are down, fail or are slow now."""
    alert, limits = maker(config, "dependency"), config.thresholds
    own = f'service_name="{config.selectors.config_service}"'
    yield alert(
        "ConfigServiceUnavailable",
        lambda ask: (
            f"max {ask.by('service_name')} ({ask.raw('signal_service.external_service.health', own)}) == 0"
        ),
        severity="critical",
        for_=config.holds.config_service,
        summary="{{ $labels.service_name }} is unhealthy",
        description="Every instance of {{ $labels.job }} has found {{ $labels.service_name }} unhealthy for "
        f"{duration(config.holds.config_service)}.",
        impact="Settings stay as last loaded; new instances may not start, and limits cannot be changed.",
        response="Check the config service, then the network to it. Do not restart healthy instances.",
    )
    for name, criticality, for_ in (
        ("CriticalDependencyDown", "critical", config.holds.critical_dependency),
        ("MandatoryDependencyDown", "mandatory", config.holds.mandatory_dependency),
        ("DependencyDown", "high", config.holds.other_dependency),
    ):
        yield alert(
            name,
            partial(_down, criticality=criticality),
            severity="critical" if criticality == "critical" else "warning",
            for_=for_,
            summary="{{ $labels.service_name }} is unhealthy",
            description="Every instance of {{ $labels.job }} has found {{ $labels.service_name }} "
            f"({criticality}) unhealthy for {duration(for_)}.",
            impact=_IMPACT[criticality],
            response="Check the service, then the network to it; until then its circuit breaker limits the damage.",
            labels={"criticality": criticality},
        )
    alert = partial(alert, for_=config.holds.dependency_calls, keep_firing_for=config.holds.keep_firing)
    yield alert(
        "DependencyErrorRateHigh",
        lambda ask: (
            f"{ask.of('DEPENDENCY_ERROR_RATIO')} > {limits.dependency_error_ratio:g}"
            f" and {ask.on('service_name')} {_enough(ask, '>=')}"
        ),
        summary="Calls to {{ $labels.service_name }} fail",
        description="{{ $value | humanizePercentage }} of the calls from {{ $labels.job }} to it fail; the limit is "
        f"{100 * limits.dependency_error_ratio:g} %.",
        impact="Results that need the service are late or missing, even if its health check still succeeds.",
        response="See the error types below: timeouts point to the network or load, HTTP statuses to the service.",
    )
    yield alert(
        "DependencyLatencyHigh",
        lambda ask: (
            f"{ask.of('DEPENDENCY_P95')} > {limits.dependency_p95_seconds:g}"
            f" and {ask.on('service_name')} {_enough(ask, '>=', _TIMED)}"
        ),
        shows_after=shown_after(1, "DEPENDENCY_P95", config, config.holds.dependency_calls),
        summary="{{ $labels.service_name }} is slow",
        description="The 95th percentile of the latency of calls from {{ $labels.job }} to it is "
        f"{{{{ $value | humanizeDuration }}}}, above {limits.dependency_p95_seconds:g} s.",
        impact="Requests that need it wait, and the API latency rises.",
        response="Inform the owners of the service; shorten the timeout if requests accumulate.",
    )


def trends(config: Config) -> Iterator[Alert]:
    """Yield the alerts about external services that will be slow or fail if their trend continues."""
    seconds, ratio = config.thresholds.dependency_p95_seconds, config.thresholds.dependency_error_ratio
    shared = {
        "for_": config.holds.trend,
        "keep_firing_for": config.holds.keep_firing * 5,
        "impact": "None yet. Above the limit, breakers open, and results that need the service are late or missing.",
        "response": "Inform the owners of the service now; check whether your own load on it has increased.",
    }
    for name, what, expr, value in (
        ("Latency", "latency", _latency_rises, f"{{{{ $value | humanizeDuration }}}}, above {seconds:g} s"),
        (
            "Errors",
            "error ratio",
            _errors_rise,
            f"{{{{ $value | humanizePercentage }}}}, above {100 * ratio:g} %",
        ),
    ):
        yield maker(config, "dependency", **shared)(
            f"Dependency{name}Rising",
            expr,
            summary=f"The {what} of {{{{ $labels.service_name }}}} is rising",
            description=f"If the trend continues, in {duration(config.forecast.trend)} the {what} of calls from "
            f"{{{{ $labels.job }}}} is {value}.",
        )


def _down(ask: Promql, criticality: str) -> str:
    matchers = [f'criticality="{criticality}"']
    if criticality == "critical":  # the configuration service has a separate alert
        matchers.append(f'service_name!="{ask.config.selectors.config_service}"')
    return f"{ask.of('DEPENDENCY_UP', *matchers)} == 0"


def _latency_rises(ask: Promql) -> str:
    limit = f"{ask.config.thresholds.dependency_p95_seconds:g}"
    now, ahead, usual = map(ask.of, ("DEPENDENCY_P95", "DEPENDENCY_P95_AHEAD", "DEPENDENCY_P95_USUAL"))
    return f"{ahead} > {limit} and {now} <= {limit} and {now} > {_SLOWER} * {usual} and {_enough(ask, '>', _TIMED)}"


def _errors_rise(ask: Promql) -> str:
    limit = ask.config.thresholds.dependency_error_ratio
    now, ahead = map(ask.of, ("DEPENDENCY_ERROR_RATIO", "DEPENDENCY_ERROR_AHEAD"))
    started = f"{now} <= {limit:g} and {now} > {_STARTED * limit:g}"
    return f"{ahead} > {limit:g} and {started} and {_enough(ask, '>')}"


def _enough(ask: Promql, comparison: str, *matchers: str) -> str:
    """Return the condition that the number of calls is sufficient for a ratio or a quantile."""
    calls, least = ask.of("DEPENDENCY_CALLS", *matchers), ask.config.thresholds.min_calls_per_second
    return f"sum {ask.by('service_name')} ({calls}) {comparison} {least:g}"
