"""Alerts about what is unusual for this time of a trading day."""

from __future__ import annotations

from signalscope.config import Config
from signalscope.derived._expressions import RATE
from signalscope.derived._promql import Promql, duration
from signalscope.mixin.alerts._model import Alert

__all__ = ["alerts"]


def alerts(config: Config) -> list[Alert]:
    """The alert of this module."""
    ask, settings = Promql(config), config.anomaly
    hold, keep = duration(settings.hold), duration(settings.keep)
    return [
        Alert(
            name="AnomalyDetected",
            severity="warning",
            domain="service",
            expr=f"{ask.of('ANOMALY_OUTSIDE')} == 1",
            hold=settings.hold,
            keep=settings.keep,
            window=RATE + config.pipeline.insight,
            summary="{{ $labels.signal }} of {{ $labels.job }} is {{ $labels.direction }}, for this time of day",
            description=f"For {hold} {{{{ $labels.signal }}}} has been {{{{ $labels.direction }}}}: not in the band "
            f"of what was usual at this time in the sessions of the last {settings.lookback_days} days.",
            impact="None for certain; what is unusual now is often what users notice next.",
            response="Compare the level with its band; look for a release, a market event, a new client.",
            meaning="A rate, the latency or the error ratio is outside of what this time of a trading day usually "
            "brings: `above` or `below` the band, or `missing` although it is usually there.",
            why="The band is the median of the same local time on earlier trading days, and its median absolute "
            "deviation: a spike or an outage of one day does not move it, and a throughput below "
            f"{100 * settings.drop_share:g} % of the usual is always outside. It needs {settings.least_days} trading "
            f"days of history and is there in sessions only. {hold} let an opening burst pass; {keep} of keeping "
            "make one alert of a level at the edge of its band. docs/anomaly-and-forecast.md says how "
            "often it is right.",
            diagnosis={
                "The level": ask.of("ANOMALY_LEVEL"),
                "The least that is normal": ask.of("ANOMALY_LOWER"),
                "The most that is normal": ask.of("ANOMALY_UPPER"),
                "The same time on earlier days": ask.of("ANOMALY_HISTORY"),
            },
            mitigation=(
                "Missing or below: see whether clients reach the service, and whether its sources deliver.",
                "Above: see who asks for more; add replicas or limit the client before latency follows.",
                "If it is the new normal, silence it: the band follows after a few sessions.",
            ),
            dashboard="capacity",
        )
    ]
