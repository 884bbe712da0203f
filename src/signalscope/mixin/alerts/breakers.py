"""Alerts about circuit breakers."""

from __future__ import annotations

from collections.abc import Iterator

from signalscope.config import Config
from signalscope.derived._promql import Promql, duration
from signalscope.mixin.alerts._model import Alert, maker


def alerts(config: Config) -> Iterator[Alert]:
    """Yield the alerts of this module."""
    alert, forecast, for_ = maker(config, "dependency"), config.forecast, config.holds.breaker
    shared = {
        "for_": for_,
        "summary": "The breaker of {{ $labels.service_name }} is open",
        "description": "The breaker ({{ $labels.operation }}) has not been closed in most instances of "
        f"{{{{ $labels.job }}}} for {duration(for_)}.",
        "response": "Mend the service behind it; a breaker closes by itself when calls succeed.",
    }
    yield alert(
        "CriticalDependencyBreakerOpen",
        lambda ask: _open(ask, "and"),
        severity="critical",
        impact="Calls are refused at once, so whatever needs the service is answered from fallbacks or not at all.",
        **shared,
    )
    yield alert(
        "DependencyBreakerOpen",
        lambda ask: _open(ask, "unless"),
        impact="Calls are refused at once; features that need the service use their fallbacks.",
        **shared,
    )
    yield alert(
        "CircuitBreakerFlapping",
        lambda ask: f"{ask.of('BREAKER_OPENINGS')} >= {forecast.flapping}",
        for_=0,
        summary="The breaker of {{ $labels.service_name }} ({{ $labels.operation }}) flaps",
        description=f"It has opened {{{{ $value }}}} times in {duration(forecast.flapping_window)} on one instance.",
        impact="Calls fail, wait and succeed in turns; what needs the service is unreliable.",
        response="See why calls fail when it closes: the service is half well, or the breaker is too touchy.",
    )


def _open(ask: Promql, operator: str) -> str:
    """Return an expression for open breakers, joined by the operator with the critical dependencies."""
    config = ask.config
    open_now = f"{ask.of('BREAKER_CLOSED')} < {config.thresholds.breaker_closed_ratio:g}"
    by_name = ask.of("BREAKER_CLOSED", f'service_name=~"{config.selectors.critical_dependencies}"')
    reported = ask.of("DEPENDENCY_UP", 'criticality="critical"')
    # The service reports the criticality; the configuration names services whose health nothing reports.
    on = ask.on("service_name")
    return f"{open_now} {operator} {on} ({reported} or {on} {by_name})"
