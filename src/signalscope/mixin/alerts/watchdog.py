"""The watchdog, an alert that always fires. If it stops, the delivery of alerts is broken."""

from __future__ import annotations

from signalscope.config import Config
from signalscope.mixin.alerts._model import Alert, maker

NAME = "Watchdog"


def alerts(config: Config) -> list[Alert]:
    """Return the watchdog alert."""
    watchdog = maker(config, "telemetry")(
        NAME,
        "vector(1)",
        severity="info",
        for_=0,
        summary="Alerts are delivered",
        description="This alert always fires. It has a separate receiver, which raises an alarm when it stops.",
        impact="None. If this alert stops, no alert is delivered.",
        response="None while it fires. When it stops, check that Prometheus and Alertmanager run.",
        dashboard="telemetry",
    )
    return [watchdog]
