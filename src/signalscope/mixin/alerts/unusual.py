"""Alerts about what is unusual for this time of a trading day."""

from __future__ import annotations

from signalscope.config import Config
from signalscope.mixin._promql import Promql, duration
from signalscope.mixin.alerts._model import Alert
from signalscope.mixin.recordings.anomaly import RATE_SECONDS

__all__ = ["alerts"]


def alerts(config: Config) -> list[Alert]:
    """The alert of this module."""
    ask, settings = Promql(config.selectors.job), config.anomaly
    hold = duration(settings.hold)
    return [
        Alert(
            name="AnomalyDetected",
            severity="warning",
            domain="service",
            expr=f"{ask.of('ANOMALY_OUTSIDE')} == 1",
            hold=settings.hold,
            keep=settings.keep,
            window=RATE_SECONDS + config.pipeline.insight,
            summary="{{ $labels.signal }} of {{ $labels.job }} is {{ $labels.direction }}, for this time of day",
            description=f"For {hold} {{{{ $labels.signal }}}} has been {{{{ $labels.direction }}}}: not in the band "
            f"of what was usual at this time in the sessions of the last {settings.lookback_days} days.",
            impact="None for certain; what is unusual now is often what users notice next.",
            response="Compare the level with its band; look for a release, a market event, a new client.",
            dashboard="capacity",
        )
    ]
