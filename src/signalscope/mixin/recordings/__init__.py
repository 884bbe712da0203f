"""Recording rules: series of the whole service that alerts, dashboards and the monitoring API share."""

from __future__ import annotations

from signalscope.config import Config
from signalscope.mixin import series
from signalscope.mixin.recordings import (
    api,
    business,
    cache,
    dependencies,
    greeks,
    kpis,
    queue,
    resources,
    signals,
)
from signalscope.mixin.rules import Group, Recording

__all__ = ["API_P95", "ERROR_RATE", "VECTORIZED_P90", "Group", "Recording", "groups", "recordings"]

ERROR_RATE = series.get("ERROR_RATE").name
API_P95 = series.get("API_P95").name
VECTORIZED_P90 = series.get("VECTORIZED_P90").name

_MODULES = (api, greeks, signals, cache, queue, dependencies, resources, business, kpis)


def groups(config: Config) -> list[Group]:
    """Every group of recording rules, SLOs excepted."""
    return [group for module in _MODULES for group in module.groups(config)]


def recordings(config: Config) -> list[Recording]:
    """Every recording rule, SLOs excepted."""
    return [rule for group in groups(config) for rule in group.rules]
