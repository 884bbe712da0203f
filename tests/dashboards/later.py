"""Panels that a stack of some minutes cannot fill."""

from __future__ import annotations

from typing import Any

from tests.dashboards.promql import selectors

from signalscope import derived

__all__ = ["LATER", "comes_later"]

#: Forecasts need days, a measured capacity needs busy replicas, growth is against a day before; the budget of a
#: period and retention are counted every five minutes.
LATER = (
    "FORECAST", "FORECAST_UPPER", "FORECAST_LOWER", "EXHAUSTION", "SCALING", "SCALING_CANDIDATE",
    "REPLICA_CAPACITY", "SUBSCRIPTION_GROWTH", "SLO_REMAINING", "RETENTION",
)  # fmt: skip


def comes_later(panel: dict[str, Any]) -> bool:
    """Whether all that a panel asks for comes later than a short run ends."""
    asked = {name for target in panel["targets"] for name, _ in selectors(target["expr"])}
    return asked <= {derived.get(key).name for key in LATER}
