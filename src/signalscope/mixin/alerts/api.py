"""Alerts about the service as its users see it: whether it answers, and how fast."""

from __future__ import annotations

from signalscope.config import Config
from signalscope.derived._promql import Promql, duration
from signalscope.mixin.alerts._model import Alert

__all__ = ["alerts"]


def alerts(config: Config) -> list[Alert]:
    """Return the alerts of this module."""
    return [_down(config), _latency(config)]


def _down(config: Config) -> Alert:
    ask, for_ = Promql(config), config.holds.service_down
    up = f'up{{job="{ask.job}"}}'
    # One scope of several is gone where only what was recorded goes on.
    gone = f" or {ask.of('UP')} == 0" if config.scope.labels else ""
    return Alert(
        name="SignalServiceDown",
        severity="critical",
        domain="service",
        ask=ask,
        expr=f"max by (job) ({up}) == 0 or absent({up}){gone}",
        for_=for_,
        summary="{{ $labels.job }} is down",
        description="No instance of {{ $labels.job }} has answered a scrape for "
        f"{duration(for_)}, or there is none to scrape.",
        impact="No signals and no Greeks: clients get errors or nothing, and trade on stale numbers.",
        response="See whether its processes run and what they logged last; restart, or roll back the last release.",
        values={"scrapes": f"{for_ // config.pipeline.scrape}"},
    )


def _latency(config: Config) -> Alert:
    ask, for_ = Promql(config), config.holds.api_latency
    limit = config.thresholds.api_p95_seconds
    return Alert(
        name="SignalServiceHighLatency",
        severity="warning",
        domain="service",
        ask=ask,
        expr=f"{ask.of('API_P95')} > {limit:g}",
        for_=for_,
        keep_firing_for=config.holds.keep_firing,
        summary="{{ $labels.job }} answers slowly",
        description=f"The 95th percentile of API latency is {{{{ $value | humanizeDuration }}}}, above {limit:g} s.",
        impact="One request in twenty takes longer than clients wait; signals arrive after the move.",
        response="Find the slow endpoint below; see whether a dependency, the queue or the CPU holds it up.",
        dashboard="developer",
    )
