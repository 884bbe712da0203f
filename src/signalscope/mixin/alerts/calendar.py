"""The alert about the trading calendar, which other rules need."""

from __future__ import annotations

from signalscope.config import Config
from signalscope.derived._promql import Promql
from signalscope.derived.table.calendar import valid_until
from signalscope.mixin.alerts._model import Alert

__all__ = ["alerts"]

#: How long before the calendar ends, in seconds: exchanges publish their holidays earlier than that.
_AHEAD = 60 * 86_400


def alerts(config: Config) -> list[Alert]:
    """Return the alert of this module."""
    return [
        Alert(
            name="TradingCalendarEnds",
            severity="info",
            domain="telemetry",
            ask=Promql(config),
            expr=f"vector(time()) > {valid_until(config.calendar) - _AHEAD}",
            for_=0,
            summary="The trading calendar ends soon",
            description=f"Its last day is {config.calendar.valid_until}. After it there are no anomalies and no "
            "forecasts.",
            impact="None yet; after that day nobody is told what is unusual.",
            response="Add the exchange's holidays of the next years to [calendar], move valid_until, generate again.",
            dashboard="capacity",
        )
    ]
