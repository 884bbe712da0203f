"""Alerts: conditions, texts and first responses, in a module for each subject."""

from __future__ import annotations

import math

from signalscope.config import Config
from signalscope.mixin.alerts import (
    anomaly,
    api,
    breakers,
    dependencies,
    greeks,
    process,
    queue,
    resources,
    slos,
    telemetry,
    watchdog,
)
from signalscope.mixin.alerts._model import ANNOTATIONS, LABELS, Alert

__all__ = ["ANNOTATIONS", "LABELS", "Alert", "alerts", "expected_seconds"]

_SUBJECTS = (
    api.alerts,
    greeks.alerts,
    dependencies.alerts,
    resources.alerts,
    process.alerts,
    queue.alerts,
    breakers.alerts,
    dependencies.trends,
    anomaly.alerts,
    slos.alerts,
    telemetry.alerts,
    watchdog.alerts,
)


def alerts(config: Config) -> list[Alert]:
    """Return all alerts of a configuration.

    Example:
        >>> alerts(Config())[0].name
        'SignalServiceDown'
    """
    return [alert for subject in _SUBJECTS for alert in subject(config)]


def expected_seconds(name: str, config: Config | None = None) -> int:
    """Return the longest time from a sudden, complete failure until an alert fires, in seconds.

    Args:
        name: The alert's name.
        config: The configuration; None for the defaults.

    Raises:
        KeyError: No alert has this name.

    Example:
        >>> expected_seconds("SignalServiceDown")
        45
    """
    config = config or Config()
    alert = {alert.name: alert for alert in alerts(config)}[name]
    pipeline = config.pipeline
    interval = pipeline.alert_interval(alert.for_)
    waits = math.ceil(alert.for_ / interval) * interval
    return pipeline.export + pipeline.scrape + alert.window + interval + waits
