"""Alerts about circuit breakers."""

from __future__ import annotations

from collections.abc import Iterator

from signalscope.config import Config
from signalscope.derived._promql import Promql, duration
from signalscope.mixin.alerts._model import Alert, maker, shown_after

#: A breaker that opens for timeouts while the caller's own event loop is late says nothing of the service.
_MOSTLY, _BREAKER, _CALLS = 0.5, ("service_name", "operation"), "signal_service.circuit_breaker.calls"


def alerts(config: Config) -> Iterator[Alert]:
    """Yield the alerts of this subject."""
    alert, forecast, for_ = maker(config, "dependency"), config.forecast, config.holds.breaker
    shared = {
        "for_": for_,
        # The ratio of late failures takes longer to change, but it only keeps the alert from firing.
        "shows_after": shown_after(1, "BREAKER_CLOSED", config, for_),
        "summary": "The circuit breaker of {{ $labels.service_name }} is open",
        "description": "In most instances of {{ $labels.job }}, the breaker ({{ $labels.operation }}) "
        f"has not been closed for {duration(for_)}.",
        "response": "Repair the external service; the breaker closes by itself when calls succeed.",
    }
    yield alert(
        "CriticalDependencyBreakerOpen",
        lambda ask: _open(ask, "and"),
        severity="critical",
        impact="Calls are rejected at once; features that need the service use their fallbacks or fail.",
        **shared,
    )
    yield alert(
        "DependencyBreakerOpen",
        lambda ask: _open(ask, "unless"),
        impact="Calls are rejected at once; features that need the service use their fallbacks.",
        **shared,
    )
    yield alert(
        "CircuitBreakerFlapping",
        lambda ask: f"{ask.of('BREAKER_CLOSINGS')} >= {forecast.flapping} unless {_own_flapping(ask)}",
        for_=0,
        summary="The circuit breaker of {{ $labels.service_name }} ({{ $labels.operation }}) flaps",
        description="It has opened and closed again {{ $value }} times in "
        f"{duration(forecast.flapping_window)} on one instance.",
        impact="Calls fail and succeed in turns; features that need the service are unreliable.",
        response="Find out why calls fail when it closes: the service is unstable, or the breaker is too sensitive.",
    )


def _open(ask: Promql, operator: str) -> str:
    """Return an expression for open breakers: `and` selects critical dependencies, `unless` the others."""
    config = ask.config
    open_now = f"{ask.of('BREAKER_CLOSED')} < {config.thresholds.breaker_closed_ratio:g}"
    by_name = ask.of("BREAKER_CLOSED", f'service_name=~"{config.selectors.critical_dependencies}"')
    reported = ask.of("DEPENDENCY_UP", 'criticality="critical"')
    # The service reports the criticality; the configuration adds services that have no health check.
    on = ask.on("service_name")
    own_fault = f"unless {ask.on(*_BREAKER)} {ask.of('BREAKER_LATE_LOOP')} > {_MOSTLY}"
    return f"{open_now} {own_fault} {operator} {on} ({reported} or {on} {by_name})"


def _own_flapping(ask: Promql) -> str:
    """Return an expression for breakers whose calls mostly failed because the event loop of the caller was late."""
    window = ask.config.forecast.flapping_window
    calls = (ask.raw(_CALLS, f'outcome="{outcome}"') for outcome in ("late_loop", "failure"))
    late, failed = (f"sum {ask.by(*_BREAKER)} (increase({one}[{duration(window)}]))" for one in calls)
    return f"{ask.on(*_BREAKER)} {late} > {failed}"
