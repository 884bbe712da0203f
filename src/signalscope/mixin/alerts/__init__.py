"""The alerts: when they fire, what they mean, and what the person who is told does first."""

from __future__ import annotations

import math

from signalscope.config import Config
from signalscope.mixin.alerts import (
    capacity,
    dependencies,
    greeks,
    named,
    predictive,
    queue,
    resources,
    slos,
    telemetry,
    unusual,
    watchdog,
)
from signalscope.mixin.alerts._model import ANNOTATIONS, LABELS, Alert

__all__ = ["ANNOTATIONS", "LABELS", "Alert", "alerts", "expected_seconds"]

_MODULES = (
    named,
    greeks,
    queue,
    dependencies,
    resources,
    capacity,
    predictive,
    unusual,
    slos,
    telemetry,
    watchdog,
)


def alerts(config: Config) -> list[Alert]:
    """Every alert."""
    return [alert for module in _MODULES for alert in module.alerts(config)]


def expected_seconds(name: str, config: Config | None = None) -> int:
    """The longest that an alert takes from a sudden, complete cause to firing, in seconds.

    Args:
        name: The alert's name.
        config: The configuration of the rules.

    Raises:
        KeyError: There is no such alert.
    """
    config = config or Config()
    found = {alert.name: alert for alert in alerts(config)}[name]
    pipeline = config.pipeline
    every = pipeline.watched(found.hold)
    held = math.ceil(found.hold / every) * every
    return pipeline.export + pipeline.scrape + found.window + every + held
