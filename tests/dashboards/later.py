"""Panels that have no data in a stack that runs for only a few minutes."""

from __future__ import annotations

from typing import Any

from tests.dashboards.promql import selectors

from signalscope import derived

__all__ = ["LATER", "comes_later"]

#: Series that are absent at first. Forecasts and growth need days, and a measured capacity needs busy replicas.
#: An error budget needs a day. Retention has an interval of five minutes.
LATER = (
    "FORECAST", "FORECAST_UPPER", "FORECAST_LOWER", "EXHAUSTION", "SCALING", "SCALING_CANDIDATE",
    "REPLICA_CAPACITY", "SUBSCRIPTION_GROWTH", "SLO_REMAINING", "RETENTION",
)  # fmt: skip


def comes_later(panel: dict[str, Any]) -> bool:
    """Return True if all series of a panel are in `LATER`."""
    asked = {name for target in panel["targets"] for name, _ in selectors(target["expr"])}
    return asked <= {derived.get(key).name for key in LATER}
