"""Alerts about external services and circuit breakers."""

from __future__ import annotations

from signalscope.config import Config
from signalscope.derived._promql import Promql, duration
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


def _diagnosis(ask: Promql) -> dict[str, str]:
    return {
        "Health, as the service probes it": ask.of("DEPENDENCY_HEALTH"),
        "What each instance sees": ask.raw("signal_service.external_service.health"),
        "Calls by outcome": ask.of("DEPENDENCY_CALLS"),
        "Errors by type": ask.of("DEPENDENCY_ERRORS"),
        "Slowest calls": ask.of("DEPENDENCY_P95"),
        "Breakers that are open": f"{ask.of('BREAKER_OPEN')} == 1",
    }


_IMPACT = {
    "critical": "What needs it fails or runs on old data: signals are missing, late or wrong.",
    "mandatory": "Features that need it are refused, or work on assumptions.",
    "high": "Deliveries and side work are late; the core of the service goes on.",
}


def _down(config: Config, name: str, criticality: str, severity: Severity, hold: int) -> Alert:
    ask = Promql(config)
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
        meaning=f"A service of criticality `{criticality}` does not answer the health probes of any "
        f"instance.",
        why="The service's own probe, and all instances must agree: what one alone sees is a network "
        "problem of its "
        f"own. {duration(hold)} are "
        + ("enough for several probes; longer would be felt." if severity == "critical" else
           "enough for its restart.")
        + " It ends when one instance finds it healthy.",
        diagnosis=_diagnosis(ask),
        mitigation=(
            "Bring it back, or point the service to its standby.",
            "Tell its owners; their page may not have gone out.",
            "If it comes and goes, open its breaker by hand until it is stable.",
        ),
        labels={"criticality": criticality},
    )  # fmt: skip


def _errors(config: Config) -> Alert:
    ask = Promql(config)
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
        meaning="The service answers its health check, perhaps, but not its calls.",
        why="Failed calls of all calls that were not cancelled, over five minutes; silent below "
        f"{config.thresholds.min_calls_per_second:g} calls a second. Held for {duration(hold)} and kept on "
        f"for "
        f"{duration(config.holds.keep_firing)} against flapping, which retries and breakers cause.",
        diagnosis=_diagnosis(ask),
        mitigation=(
            "Statuses of 500 and more: its owners; a release of theirs is the usual cause.",
            "Timeouts: see DependencyLatencyHigh; lower the load that is sent.",
            "Errors of one type after a release of yours: roll it back.",
        ),
    )


def _latency(config: Config) -> Alert:
    ask = Promql(config)
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
        meaning="One call in twenty takes longer than the limit.",
        why=f"A quantile over five minutes; silent below {config.thresholds.min_calls_per_second:g} calls a "
        f"second. Held "
        f"for {duration(hold)} and kept on for {duration(config.holds.keep_firing)}.",
        diagnosis=_diagnosis(ask)
        | {
            "Time spent waiting for it": ask.of("DEPENDENCY_TIME"),
            "API latency": ask.of("API_P95"),
        },
        mitigation=(
            "Shorten its timeout, so that its breaker opens and fallbacks answer.",
            "Cache its answers for longer.",
            "Take premium work that needs it out of service for a while.",
        ),
    )


def _busy(ask: Promql, config: Config) -> str:
    calls = f"sum by (job, service_name) ({ask.of('DEPENDENCY_CALLS')})"
    return f"{calls} >= {config.thresholds.min_calls_per_second:g}"


def _breaker(config: Config, *, critical: bool) -> Alert:
    ask = Promql(config)
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
        meaning="So many calls failed that most instances have stopped calling"
        + (", and the service is one that others cannot do without." if critical else "."),
        why="Not closed, rather than open: a breaker that tries again is half open for a moment, and that "
        "must not end "
        f"the alert. In fewer than {100 * limit:g} % of the instances closed: what one sees alone is its "
        f"own network. "
        f"{duration(hold)} let a breaker that recovers at its first try do so.",
        diagnosis={"Share of instances whose breaker is closed": ask.of("BREAKER_CLOSED"),
                   "Calls refused": ask.of("BREAKER_REJECTED"),
                   "State changes": ask.increase("signal_service.circuit_breaker.transitions",
                                                 by="service_name, operation, to", over="15m")}
        | _diagnosis(ask),
        mitigation=(
            "Mend or replace the service behind it.",
            "If the service is well, look for a timeout that is shorter than its answers take.",
            "If it opens again and again, lengthen the time it stays open: each try costs requests.",
        ),
    )  # fmt: skip
