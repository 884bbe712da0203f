"""Alerts about the availability and the latency of the service."""

from __future__ import annotations

import math
from collections.abc import Iterator

from signalscope.config import Config
from signalscope.derived._promql import Promql, duration
from signalscope.mixin.alerts._model import Alert, maker, shown_after, slow


def alerts(config: Config) -> Iterator[Alert]:
    """Yield the alerts of this subject."""
    alert, limit = maker(config, "service"), config.thresholds.api_p95_seconds
    up = f'up{{job="{config.selectors.job}"}}'

    def down(ask: Promql) -> str:
        # One scope of several is gone where only what was recorded goes on.
        gone = f" or {ask.of('UP')} == 0" if config.scope.labels else ""
        return f"max {ask.by()} ({up}) == 0 or absent({up}){gone}"

    yield alert(
        "SignalServiceDown",
        down,
        severity="critical",
        for_=config.holds.service_down,
        summary="{{ $labels.job }} is down",
        description="No instance of {{ $labels.job }} has answered a scrape for "
        f"{duration(config.holds.service_down)}, or Prometheus has no target for it.",
        impact="No signals and no Greeks: clients get errors or no answer, and trade on old data.",
        response="Check that its processes run, and read their last log lines. Restart, or roll back a release.",
        values={"scrapes": f"{config.holds.service_down // config.pipeline.scrape}"},
    )
    yield alert(
        "SignalServiceHighLatency",
        lambda ask: slow(
            ask,
            (ask.of("API_P95"), 0.95),
            ask.of("API_BUCKETS", le=math.inf),
            limit,
            config.holds.api_latency,
        ),
        for_=0,
        # A slow request is measured at its end.
        shows_after=shown_after(0.05, "API_BUCKETS", config, 0) + math.ceil(limit),
        keep_firing_for=config.holds.keep_firing,
        summary="The API latency of {{ $labels.job }} is high",
        description=f"The 95th percentile of API latency is {{{{ $value | humanizeDuration }}}}, above {limit:g} s.",
        impact="One request in twenty takes longer than clients wait; signals arrive too late to trade on.",
        response="Find the slow endpoint below; check whether a dependency, the queue or the CPU slows it down.",
        dashboard="developer",
    )
