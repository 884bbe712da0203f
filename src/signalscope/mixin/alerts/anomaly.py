"""The alert about what is unusual for this time of a trading day."""

from __future__ import annotations

from signalscope.config import Config
from signalscope.derived._promql import Promql, duration
from signalscope.mixin.alerts._model import Alert

__all__ = ["alerts"]


def alerts(config: Config) -> list[Alert]:
    """Return the alert of this module."""
    ask, anomaly = Promql(config), config.anomaly
    return [
        Alert(
            name="AnomalyDetected",
            severity="warning",
            domain="service",
            ask=ask,
            expr=f"{ask.of('ANOMALY_OUTSIDE')} == 1",
            for_=anomaly.hold,
            keep_firing_for=anomaly.keep,
            summary="{{ $labels.signal }} of {{ $labels.job }} is {{ $labels.direction }}, for this time of day",
            description=f"For {duration(anomaly.hold)} {{{{ $labels.signal }}}} has been "
            "{{ $labels.direction }}, compared with this time in earlier sessions.",
            impact="None for certain; what is unusual now is often what users notice next.",
            response="Compare the level with its band; look for a release, a market event, a new client.",
            dashboard="capacity",
        )
    ]
