"""Alerts about external services that are about to fail."""

from __future__ import annotations

from signalscope.config import Config
from signalscope.derived._promql import Promql, duration
from signalscope.mixin.alerts._model import Alert

__all__ = ["alerts"]

#: How much worse than usual a latency must be already, and how much of its limit an error ratio.
_SLOWER, _STARTED = 2, 0.25


def alerts(config: Config) -> list[Alert]:
    """The alerts of this module."""
    return [_flapping(config), _latency(config), _errors(config)]


def _flapping(config: Config) -> Alert:
    ask, settings = Promql(config), config.forecast
    window = duration(settings.flapping_window)
    return Alert(
        name="CircuitBreakerFlapping",
        severity="warning",
        domain="dependency",
        expr=f"{ask.of('BREAKER_OPENINGS')} >= {settings.flapping}",
        hold=0,
        window=config.pipeline.insight,
        summary="The breaker of {{ $labels.service_name }} ({{ $labels.operation }}) flaps",
        description=f"It has opened {{{{ $value }}}} times in {window} on one instance.",
        impact="Calls fail, wait and succeed in turns; what needs the service is unreliable.",
        response="See why calls fail when it closes: the service is half well, or the breaker is too touchy.",
        meaning="A breaker that opens, lets a call through, closes and opens again: the service recovers and fails.",
        why=f"{settings.flapping} openings within {window} on any one instance; the window itself is the hold, and "
        "keeps it firing until the last opening is that long ago.",
        diagnosis={
            "Openings": ask.of("BREAKER_OPENINGS"),
            "Breakers that are open": f"{ask.of('BREAKER_OPEN')} == 1",
            "Calls by outcome": ask.of("DEPENDENCY_CALLS"),
            "Errors by type": ask.of("DEPENDENCY_ERRORS"),
        },
        mitigation=(
            "Hold the breaker open by hand until the service is well.",
            "Give the service longer before a trial call.",
            "Lower the load that is sent when it closes.",
        ),
    )


def _latency(config: Config) -> Alert:
    ask = Promql(config)
    limit, now = config.thresholds.dependency_p95_seconds, ask.of("DEPENDENCY_P95")
    return _trend(
        config,
        name="DependencyLatencyRising",
        what="latency",
        expr=f"{ask.of('DEPENDENCY_P95_AHEAD')} > {limit:g} and {now} <= {limit:g}"
        f" and {now} > {_SLOWER} * {ask.of('DEPENDENCY_P95_USUAL')}",
        value=f"{{{{ $value | humanizeDuration }}}}, above {limit:g} s",
        started=f"{_SLOWER} times what was usual in the last six hours",
        successor="DependencyLatencyHigh",
        diagnosis={
            "The 95th percentile": now,
            "If it goes on": ask.of("DEPENDENCY_P95_AHEAD"),
            "What was usual": ask.of("DEPENDENCY_P95_USUAL"),
        },
    )


def _errors(config: Config) -> Alert:
    ask = Promql(config)
    limit, now = config.thresholds.dependency_error_ratio, ask.of("DEPENDENCY_ERROR_RATIO")
    return _trend(
        config,
        name="DependencyErrorsRising",
        what="error ratio",
        expr=f"{ask.of('DEPENDENCY_ERROR_AHEAD')} > {limit:g} and {now} <= {limit:g}"
        f" and {now} > {_STARTED * limit:g}",
        value=f"{{{{ $value | humanizePercentage }}}}, above {100 * limit:g} %",
        started=f"{100 * _STARTED:g} % of the limit",
        successor="DependencyErrorRateHigh",
        diagnosis={
            "Failed calls, of all": now,
            "If it goes on": ask.of("DEPENDENCY_ERROR_AHEAD"),
            "By type": ask.of("DEPENDENCY_ERRORS"),
        },
    )


def _trend(
    config: Config,
    *,
    name: str,
    what: str,
    expr: str,
    value: str,
    started: str,
    successor: str,
    diagnosis: dict[str, str],
) -> Alert:
    ask, holds = Promql(config), config.holds
    ahead, hold, keep = (
        duration(each) for each in (config.forecast.trend, holds.trend, holds.keep_firing * 5)
    )
    busy = f"sum by (job, service_name) ({ask.of('DEPENDENCY_CALLS')})"
    return Alert(
        name=name,
        severity="warning",
        domain="dependency",
        expr=f"{expr} and {busy} > {config.thresholds.min_calls_per_second:g}",
        hold=holds.trend,
        keep=holds.keep_firing * 5,
        window=1_800,
        summary=f"The {what} of {{{{ $labels.service_name }}}} rises",
        description=f"If its trend goes on, in {ahead} the {what} of {{{{ $labels.job }}}}'s calls is {value}.",
        impact="None yet; when it gets there breakers open, and what needs the service is late or missing.",
        response="Tell the service's owners now; see whether your own load on it has risen.",
        meaning=f"The {what} of a service is not bad yet, but is on the way there.",
        why=f"A line through the last 30 minutes, drawn out by {ahead}; only when it is already {started}, and only "
        f"with enough calls. Above the limit {successor} takes over. {hold} let a burst pass, and {keep} of keeping "
        "bridge a trend that pauses.",
        diagnosis=diagnosis | {"Calls by outcome": ask.of("DEPENDENCY_CALLS")},
        mitigation=(
            "Send it less: cache longer, batch calls, put off what is not urgent.",
            "Point the service to a standby while there is time.",
            "Lower the time-out so that a slow service does not hold up everything.",
        ),
    )
