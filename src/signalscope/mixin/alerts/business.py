"""Alerts about the business."""

from __future__ import annotations

from signalscope.config import Config
from signalscope.derived._promql import Promql
from signalscope.mixin.alerts._model import Alert

__all__ = ["alerts"]


def alerts(config: Config) -> list[Alert]:
    """Return the alert of this module."""
    ask, for_ = Promql(config), config.holds.subscriptions
    limit = config.thresholds.active_subscriptions
    return [
        Alert(
            name="HighActiveSubscriptions",
            severity="info",
            domain="business",
            ask=ask,
            expr=f"{ask.of('SUBSCRIPTIONS_TOTAL')} > {limit:g}",
            for_=for_,
            summary="{{ $labels.job }} has many active subscriptions",
            description=f"{{{{ $value | humanize }}}} subscriptions are active, more than {limit:g}.",
            impact="None yet; delivery will take longer when signals are frequent.",
            response="See whether it is growth or one client; check the queue, and plan capacity.",
            dashboard="capacity",
        )
    ]
