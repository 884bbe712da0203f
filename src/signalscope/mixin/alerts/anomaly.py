"""Alerts about what is unusual for this time of a trading day, and about the calendar that says so."""

from __future__ import annotations

from collections.abc import Iterator

from signalscope.config import Config
from signalscope.derived._promql import duration
from signalscope.derived.table.calendar import valid_until
from signalscope.mixin.alerts._model import Alert, maker

#: How long before the calendar ends, in seconds: exchanges publish their holidays earlier than that.
_AHEAD = 60 * 86_400


def alerts(config: Config) -> Iterator[Alert]:
    """Yield the alerts of this module."""
    anomaly, calendar = config.anomaly, config.calendar
    yield maker(config, "telemetry")(
        "TradingCalendarEnds",
        f"vector(time()) > {valid_until(calendar) - _AHEAD}",
        severity="info",
        for_=0,
        summary="The trading calendar ends soon",
        description=f"Its last day is {calendar.valid_until}. After it there are no anomalies and no forecasts.",
        impact="None yet; after that day nobody is told what is unusual.",
        response="Add the exchange's holidays of the next years to [calendar], move valid_until, generate again.",
        dashboard="capacity",
    )
    yield maker(config, "service")(
        "AnomalyDetected",
        lambda ask: f"{ask.of('ANOMALY_OUTSIDE')} == 1",
        for_=anomaly.hold,
        keep_firing_for=anomaly.keep,
        summary="{{ $labels.signal }} of {{ $labels.job }} is {{ $labels.direction }}, for this time of day",
        description=f"For {duration(anomaly.hold)} {{{{ $labels.signal }}}} has been "
        "{{ $labels.direction }}, compared with this time in earlier sessions.",
        impact="None for certain; what is unusual now is often what users notice next.",
        response="Compare the level with its band; look for a release, a market event, a new client.",
        dashboard="capacity",
    )
