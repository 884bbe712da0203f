"""Alerts about anomalies, and about the end of the trading calendar that anomaly detection needs."""

from __future__ import annotations

from collections.abc import Iterator

from signalscope.config import Config
from signalscope.derived._promql import duration
from signalscope.derived.table.calendar import valid_until
from signalscope.mixin.alerts._model import Alert, maker

#: Seconds before the end of the calendar. Exchanges publish their holidays earlier than that.
_AHEAD = 60 * 86_400


def alerts(config: Config) -> Iterator[Alert]:
    """Yield the alerts of this subject."""
    anomaly, calendar = config.anomaly, config.calendar
    yield maker(config, "telemetry")(
        "TradingCalendarEnds",
        f"vector(time()) > {valid_until(calendar) - _AHEAD}",
        severity="info",
        for_=0,
        summary="The trading calendar ends soon",
        description=f"Its last day is {calendar.valid_until}. After that day, anomaly detection and forecasts stop.",
        impact="None yet. After that day, anomalies are not reported.",
        response="Add the exchange holidays of the next years to [calendar], change valid_until, and generate again.",
        dashboard="capacity",
    )
    yield maker(config, "service")(
        "AnomalyDetected",
        lambda ask: ask.measured(f"{ask.of('ANOMALY_OUTSIDE')} == 1", anomaly.lookback_days * 86_400),
        for_=anomaly.hold,
        keep_firing_for=anomaly.keep,
        summary="{{ $labels.signal }} of {{ $labels.job }} is {{ $labels.direction }} for this time of day",
        description=f"For {duration(anomaly.hold)}, {{{{ $labels.signal }}}} has been "
        "{{ $labels.direction }}, compared with the same time in earlier sessions.",
        impact="None confirmed. Users often notice an anomaly soon after.",
        response="Compare the level with its prediction interval; look for a release, a market event, a new client.",
        dashboard="capacity",
    )
