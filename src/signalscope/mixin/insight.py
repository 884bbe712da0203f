"""Rules about what is unusual and what is foreseen: calendar, bands, trends, forecast, recommendation."""

from __future__ import annotations

from signalscope.config import Config
from signalscope.mixin import calendar
from signalscope.mixin.recordings import anomaly, forecast, predictive, scaling
from signalscope.mixin.rules import Group

__all__ = ["groups"]

_MODULES = (calendar, anomaly, predictive, forecast, scaling)


def groups(config: Config) -> list[Group]:
    """Every group; they need what `signalscope.mixin.recordings` records, and a longer retention than its 15 days."""
    return [group for module in _MODULES for group in module.groups(config)]
