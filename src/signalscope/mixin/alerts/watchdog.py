"""The alert that always fires: when it stops coming, nothing else would come either."""

from __future__ import annotations

from signalscope.config import Config
from signalscope.mixin.alerts._model import Alert, maker

NAME = "Watchdog"


def alerts(config: Config) -> list[Alert]:
    """Return the alert of this module."""
    watchdog = maker(config, "telemetry")(
        NAME,
        "vector(1)",
        severity="info",
        for_=0,
        summary="Alerts reach you",
        description="This alert always fires. It goes to a receiver of its own, which says so when it does not.",
        impact="None. When it is not there, nobody is told of anything.",
        response="Nothing while it fires. When it stops: see whether Prometheus and Alertmanager run.",
        dashboard="telemetry",
    )
    return [watchdog]
