"""`/monitoring/capacity-planning`: what it can take, and for how long."""

from __future__ import annotations

from signalscope.derived.read import Facts
from signalscope.derived.table.forecast import LOAD
from signalscope.fastapi.monitoring import _parts
from signalscope.fastapi.monitoring._fields import Fields
from signalscope.fastapi.monitoring._models import CapacityPlanning

__all__ = ["HORIZONS", "KEYS", "capacity_planning"]

#: Hours ahead that are forecast.
HORIZONS = (24, 48)
KEYS = (
    *_parts.CAPACITY_KEYS, "MEMORY", "CACHE_FILL", "CAPACITY_USED", "FORECAST", "REPLICAS", "REPLICA_CAPACITY",
)  # fmt: skip


def capacity_planning(facts: Facts, horizon: int) -> CapacityPlanning:
    """The answer.

    Args:
        facts: The series of `KEYS`.
        horizon: One of `HORIZONS`.
    """
    fields = Fields(facts)
    used = fields.by("capacity_used", "CAPACITY_USED", "resource", "ratio")
    coming = fields.by("forecast", "FORECAST", "resource", "ratio", where={"horizon": f"{horizon}h"})
    for path, key, values in (("capacity_used", "CAPACITY_USED", used), ("forecast", "FORECAST", coming)):
        if values and LOAD in values:  # no share of a resource, but what asks for them
            fields.note(f"{path}.{LOAD}", key, "requests/s", missing=False)
    return CapacityPlanning(
        horizon_hours=horizon,
        resource_utilization=_parts.utilization(fields, "resource_utilization"),
        cpu_by_process=fields.by("cpu_by_process", "CPU", "instance", "ratio"),
        memory_by_process=fields.by("memory_by_process", "MEMORY", "instance", "ratio"),
        queue_utilization=fields.by("queue_utilization", "QUEUE_FILL", "queue_type", "ratio"),
        cache_utilization=fields.by("cache_utilization", "CACHE_FILL", "cache_type", "ratio"),
        scaling_indicators=_parts.scaling_indicators(fields, "scaling_indicators"),
        capacity_used=used,
        forecast=coming,
        replicas=fields.number("replicas", "REPLICAS", "replicas"),
        replica_capacity=fields.number("replica_capacity", "REPLICA_CAPACITY", "requests/s"),
        **fields.head(),
    )
