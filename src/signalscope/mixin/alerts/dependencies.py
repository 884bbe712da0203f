"""Alerts about external services: down, failing, slow, and on the way there."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from signalscope.config import Config
from signalscope.derived._promql import Promql, duration
from signalscope.mixin.alerts._model import Alert, maker

#: A trend counts when the latency is already so many times the usual, or the error ratio this part of its limit.
_SLOWER, _STARTED = 2, 0.25
_IMPACT = {
    "critical": "What needs it fails or runs on old data: signals are missing, late or wrong.",
    "mandatory": "Features that need it are refused, or work on assumptions.",
    "high": "Deliveries and side work are late; the core of the service goes on.",
}


def alerts(config: Config) -> Iterator[Alert]:
    """Yield the alerts about services that are down, fail or are slow now."""
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
        impact="Settings are those of the last reload; new instances may not start, and limits cannot be changed.",
        response="Check the config service, then the network to it; do not restart healthy instances meanwhile.",
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
            response="Check the service itself, then the network to it; its breaker keeps the harm small meanwhile.",
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
        description="{{ $value | humanizePercentage }} of the calls that {{ $labels.job }} makes to it fail, more "
        f"than {100 * limits.dependency_error_ratio:g} %.",
        impact="What needs the service is retried, late or missing, while its health check may still be good.",
        response="Look at the types of errors below: timeouts are the network or load, statuses the service itself.",
    )
    yield alert(
        "DependencyLatencyHigh",
        lambda ask: (
            f"{ask.of('DEPENDENCY_P95')} > {limits.dependency_p95_seconds:g}"
            f" and {ask.on('service_name')} {_enough(ask, '>=')}"
        ),
        summary="{{ $labels.service_name }} is slow",
        description="The 95th percentile of the calls that {{ $labels.job }} makes to it is "
        f"{{{{ $value | humanizeDuration }}}}, above {limits.dependency_p95_seconds:g} s.",
        impact="Requests that need it wait; latency of the API rises with it.",
        response="See whether its owners know; shorten the timeout if requests pile up.",
    )


def trends(config: Config) -> Iterator[Alert]:
    """Yield the alerts about services that will be slow or fail if they go on like this."""
    seconds, ratio = config.thresholds.dependency_p95_seconds, config.thresholds.dependency_error_ratio
    shared = {
        "for_": config.holds.trend,
        "keep_firing_for": config.holds.keep_firing * 5,
        "impact": "None yet; when it gets there breakers open, and what needs the service is late or missing.",
        "response": "Tell the service's owners now; see whether your own load on it has risen.",
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
            summary=f"The {what} of {{{{ $labels.service_name }}}} rises",
            description=f"If its trend goes on, in {duration(config.forecast.trend)} the {what} of "
            f"{{{{ $labels.job }}}}'s calls is {value}.",
        )


def _down(ask: Promql, criticality: str) -> str:
    matchers = [f'criticality="{criticality}"']
    if criticality == "critical":  # the configuration service has an alert of its own
        matchers.append(f'service_name!="{ask.config.selectors.config_service}"')
    return f"{ask.of('DEPENDENCY_UP', *matchers)} == 0"


def _latency_rises(ask: Promql) -> str:
    limit = f"{ask.config.thresholds.dependency_p95_seconds:g}"
    now, ahead, usual = map(ask.of, ("DEPENDENCY_P95", "DEPENDENCY_P95_AHEAD", "DEPENDENCY_P95_USUAL"))
    return f"{ahead} > {limit} and {now} <= {limit} and {now} > {_SLOWER} * {usual} and {_enough(ask, '>')}"


def _errors_rise(ask: Promql) -> str:
    limit = ask.config.thresholds.dependency_error_ratio
    now, ahead = map(ask.of, ("DEPENDENCY_ERROR_RATIO", "DEPENDENCY_ERROR_AHEAD"))
    started = f"{now} <= {limit:g} and {now} > {_STARTED * limit:g}"
    return f"{ahead} > {limit:g} and {started} and {_enough(ask, '>')}"


def _enough(ask: Promql, comparison: str) -> str:
    """Return the condition that there are enough calls for a ratio or a quantile."""
    calls, least = ask.of("DEPENDENCY_CALLS"), ask.config.thresholds.min_calls_per_second
    return f"sum {ask.by('service_name')} ({calls}) {comparison} {least:g}"
