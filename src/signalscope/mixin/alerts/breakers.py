"""Alerts about circuit breakers."""

from __future__ import annotations

from functools import partial

from signalscope.config import Config
from signalscope.derived._promql import Promql, duration
from signalscope.mixin.alerts._model import Alert

__all__ = ["alerts"]

_alert = partial(Alert, domain="dependency")


def alerts(config: Config) -> list[Alert]:
    """Return the alerts of this module."""
    return [_open(config, critical=True), _open(config, critical=False), _flapping(config)]


def _open(config: Config, *, critical: bool) -> Alert:
    ask, for_ = Promql(config), config.holds.breaker
    open_now = f"{ask.of('BREAKER_CLOSED')} < {config.thresholds.breaker_closed_ratio:g}"
    by_name = ask.of("BREAKER_CLOSED", f'service_name=~"{config.selectors.critical_dependencies}"')
    reported = ask.of("DEPENDENCY_UP", 'criticality="critical"')
    # The service reports the criticality; the configuration names services whose health nothing reports.
    of_critical = f"({reported} or on (job, service_name) {by_name})"
    return _alert(
        name="CriticalDependencyBreakerOpen" if critical else "DependencyBreakerOpen",
        severity="critical" if critical else "warning",
        ask=ask,
        expr=f"{open_now} {'and' if critical else 'unless'} on (job, service_name) {of_critical}",
        for_=for_,
        summary="The breaker of {{ $labels.service_name }} is open",
        description="The breaker ({{ $labels.operation }}) has not been closed in most instances of "
        f"{{{{ $labels.job }}}} for {duration(for_)}.",
        impact="Calls are refused at once, so whatever needs the service is answered from fallbacks or not at all."
        if critical
        else "Calls are refused at once; features that need the service use their fallbacks.",
        response="Mend the service behind it; a breaker closes by itself when calls succeed.",
    )


def _flapping(config: Config) -> Alert:
    ask, forecast = Promql(config), config.forecast
    return _alert(
        name="CircuitBreakerFlapping",
        severity="warning",
        ask=ask,
        expr=f"{ask.of('BREAKER_OPENINGS')} >= {forecast.flapping}",
        for_=0,
        summary="The breaker of {{ $labels.service_name }} ({{ $labels.operation }}) flaps",
        description=f"It has opened {{{{ $value }}}} times in {duration(forecast.flapping_window)} on one instance.",
        impact="Calls fail, wait and succeed in turns; what needs the service is unreliable.",
        response="See why calls fail when it closes: the service is half well, or the breaker is too touchy.",
    )
