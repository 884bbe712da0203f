"""The answer of `/monitoring/capacity-planning`: what the service can take, and for how long."""

from __future__ import annotations

import math
from typing import Annotated

from pydantic import BaseModel, Field

from signalscope.config import Config
from signalscope.derived._vector import Vector
from signalscope.derived.table.forecast import LOAD, WITHIN
from signalscope.fastapi.monitoring._answer import Answer, ByName, Number
from signalscope.fastapi.monitoring._binding import NoValue, Series, by_label, computed


class ResourceUtilization(BaseModel):
    """What is in use."""

    cpu_usage_percentage: Annotated[Number, Series("CPU", "% of a core", factor=100, combine=max)] = Field(
        description="Of one core: the busiest process."
    )
    memory_usage_gb: Annotated[Number, Series("MEMORY_BYTES", "GB", factor=1e-9)] = Field(
        description="Resident memory of the service, in 10^9 bytes."
    )
    queue_utilization: Annotated[Number, Series("QUEUE_FILL", "ratio", combine=max)] = Field(
        description="Items waiting, of what the queue can hold: the fullest, 0 to 1."
    )


class Scaling(BaseModel):
    """How many replicas are wanted."""

    replicas: float
    reason: str = Field(description="load, forecast, queue, minimum or maximum.")


class Bottleneck(BaseModel):
    """What limits the service."""

    resource: str
    kind: str = Field(description="cpu, memory, queue, cache, database or dependency.")
    saturation: float = Field(description="0 to 1.")
    resources: dict[str, float] = Field(description="The saturation of every resource.")


class Exhaustion(BaseModel):
    """When a resource is exhausted."""

    resource: str | None = Field(
        description="The first one; null when none is foreseen to be exhausted within 48 hours."
    )
    seconds: float = Field(description="Until then; 172800 when it is not foreseen within 48 hours.")
    resources: dict[str, float] = Field(description="The seconds of every resource.")


def _scaling(_: Config, replicas: Vector) -> Scaling | None:
    for labels, number in replicas.items():
        return Scaling(replicas=number, reason=dict(labels).get("reason", ""))
    return None


def _bottleneck(_: Config, saturation: Vector) -> Bottleneck | None:
    if not saturation:
        return None
    worst = max(saturation, key=lambda labels: (saturation[labels], labels))
    ordered = sorted(saturation.items(), key=lambda pair: -pair[1])
    return Bottleneck(
        resource=dict(worst).get("resource", ""),
        kind=dict(worst).get("kind", ""),
        saturation=saturation[worst],
        resources={dict(labels).get("resource", ""): number for labels, number in ordered},
    )


def _exhaustion(_: Config, seconds: Vector) -> Exhaustion | None:
    left = by_label(seconds, "resource", min)
    if not left:
        return None
    first = min(left, key=lambda resource: (left[resource], resource))
    return Exhaustion(resource=first if left[first] < WITHIN else None, seconds=left[first], resources=left)


class ScalingIndicators(BaseModel):
    """What to do about it."""

    scaling_recommendation: Annotated[Scaling | None, computed(_scaling, "SCALING", unit="replicas")]
    bottleneck_analysis: Annotated[Bottleneck | None, computed(_bottleneck, "BOTTLENECK", unit="ratio")]
    predicted_capacity_exhaustion: Annotated[Exhaustion | None, computed(_exhaustion, "EXHAUSTION", unit="s")]


def _latency_impact(_: Config, waiting: Vector, mean: Vector, rate: Vector) -> float | NoValue | None:
    if not waiting:
        return None
    served = math.fsum(mean.values()) * math.fsum(rate.values())
    if served <= 0:
        return NoValue("no requests were served in the window")
    return math.fsum(waiting.values()) / served


def _compliance(config: Config, error_ratios: Vector, p95: Vector) -> float | NoValue | None:
    limits = config.thresholds
    latencies = by_label(p95, "service_name")
    ratios = by_label(error_ratios, "service_name")
    # Without a latency it is unknown whether a service complies, unless it fails too often anyhow.
    judged = [
        ratio <= limits.dependency_error_ratio and latencies[name] <= limits.dependency_p95_seconds
        for name, ratio in ratios.items()
        if name in latencies or ratio > limits.dependency_error_ratio
    ]
    if judged:
        return 100 * sum(judged) / len(judged)
    return NoValue("there is no latency of any service") if ratios else None


class ExternalDependencies(BaseModel):
    """External services."""

    dependency_health_score: Annotated[Number, Series("DEPENDENCY_SCORE", "%")] = Field(
        description="Services that are healthy, 0 to 100."
    )
    network_latency_impact: Annotated[
        Number, computed(_latency_impact, "DEPENDENCY_TIME", "API_MEAN", "API_REQUESTS", unit="s/s")
    ] = Field(description="Seconds of waiting for external services for each second of serving requests.")
    service_level_compliance: Annotated[
        Number, computed(_compliance, "DEPENDENCY_ERROR_RATIO", "DEPENDENCY_P95", unit="%")
    ] = Field(description="Services whose errors and 95th percentile of latency are within limits, 0 to 100.")


class CapacityPlanning(Answer):
    """What it can take, and for how long."""

    horizon_hours: int
    resource_utilization: ResourceUtilization
    cpu_by_process: Annotated[ByName, Series("CPU", "ratio", by="instance")] = Field(
        description="Of one core, by instance."
    )
    memory_by_process: Annotated[ByName, Series("MEMORY", "ratio", by="instance")] = Field(
        description="Of the limit, by instance."
    )
    queue_utilization: Annotated[ByName, Series("QUEUE_FILL", "ratio", by="queue_type")]
    cache_utilization: Annotated[ByName, Series("CACHE_FILL", "ratio", by="cache_type")]
    scaling_indicators: ScalingIndicators
    capacity_used: Annotated[
        ByName, Series("CAPACITY_USED", "ratio", by="resource", units={LOAD: "requests/s"})
    ] = Field(description="Of each resource, 0 to 1; `load` in requests a second.")
    forecast: Annotated[
        ByName,
        Series(
            "FORECAST",
            "ratio",
            by="resource",
            where={"horizon": lambda builder: f"{builder.parameters['horizon_hours']}h"},
            units={LOAD: "requests/s"},
        ),
    ] = Field(description="The same at the horizon.")
    replicas: Annotated[Number, Series("REPLICAS", "replicas")] = Field(description="Replicas now.")
    replica_capacity: Annotated[Number, Series("REPLICA_CAPACITY", "requests/s")] = Field(
        description="Requests a second that one replica can take, as measured."
    )
