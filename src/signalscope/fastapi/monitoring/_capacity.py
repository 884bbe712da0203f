"""The answer of `/monitoring/capacity-planning`: utilization, scaling and forecasts."""

from __future__ import annotations

import math
from typing import Annotated

from pydantic import BaseModel, Field

from signalscope import contract
from signalscope.config import Config
from signalscope.derived._vector import Vector
from signalscope.derived.table import PROCESS
from signalscope.derived.table.forecast import LOAD, WITHIN
from signalscope.fastapi.monitoring._answer import Answer, Block, ByName, Number
from signalscope.fastapi.monitoring._binding import NoValue, Series, by_label, computed


class ResourceUtilization(Block):
    """The utilization of CPU, memory and queues."""

    cpu_usage_percentage: Annotated[Number, Series("CPU", "% of a core", factor=100, combine=max)] = Field(
        description="CPU use of the busiest process, in percent of one core."
    )
    memory_usage_gb: Annotated[Number, Series("MEMORY_BYTES", "GB", factor=1e-9)] = Field(
        description="Resident memory of all processes, in 10^9 bytes."
    )
    queue_utilization: Annotated[Number, Series("QUEUE_FILL", "ratio", combine=max)] = Field(
        description="Waiting items of the fullest queue, as a ratio of its capacity, 0 to 1."
    )


class Scaling(BaseModel):
    """The recommended number of replicas."""

    replicas: float = Field(description="The recommended number.")
    reason: str = Field(description="The cause: load, forecast, queue, minimum or maximum.")


class Bottleneck(BaseModel):
    """The most saturated resource, which limits the service."""

    resource: str = Field(description="The name of the resource.")
    kind: str = Field(description="cpu, memory, queue, cache, database or dependency.")
    saturation: float = Field(description="The saturation of this resource, 0 to 1.")
    resources: dict[str, float] = Field(description="The saturation of each resource, 0 to 1.")


class Exhaustion(BaseModel):
    """The forecast time until the first resource is exhausted."""

    resource: str | None = Field(
        description="The first exhausted resource; null if none is exhausted within 48 hours."
    )
    seconds: float = Field(description="Seconds until then; 172800 if none is exhausted within 48 hours.")
    resources: dict[str, float] = Field(description="The seconds for each resource.")


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


class ScalingIndicators(Block):
    """The recommended replicas, the bottleneck and the next exhausted resource."""

    scaling_recommendation: Annotated[Scaling | None, computed(_scaling, "SCALING", unit="replicas")]
    bottleneck_analysis: Annotated[Bottleneck | None, computed(_bottleneck, "BOTTLENECK", unit="ratio")]
    predicted_capacity_exhaustion: Annotated[Exhaustion | None, computed(_exhaustion, "EXHAUSTION", unit="s")]


_SERVING = contract.get("signal_service.api.request.duration").prometheus_name


def _latency_impact(_: Config, waiting: Vector, serving: Vector) -> float | NoValue | None:
    if not waiting:
        return None
    served = math.fsum(serving.values())
    if served <= 0:
        return NoValue(f"{_SERVING} did not increase in this window: no requests were served")
    return math.fsum(waiting.values()) / served


def _compliance(config: Config, error_ratios: Vector, p95: Vector) -> float | NoValue | None:
    limits = config.thresholds
    latencies = by_label(p95, "service_name")
    ratios = by_label(error_ratios, "service_name")
    # A service without a latency cannot be judged, unless its errors already exceed the limit.
    judged = [
        ratio <= limits.dependency_error_ratio and latencies[name] <= limits.dependency_p95_seconds
        for name, ratio in ratios.items()
        if name in latencies or ratio > limits.dependency_error_ratio
    ]
    if judged:
        return 100 * sum(judged) / len(judged)
    return NoValue("no external service has a recorded latency") if ratios else None


class ExternalDependencies(Block):
    """The health, latency and compliance of external services."""

    dependency_health_score: Annotated[Number, Series("DEPENDENCY_SCORE_NOW", "%")] = Field(
        description="External services that are healthy now, 0 to 100 percent."
    )
    network_latency_impact: Annotated[
        Number, computed(_latency_impact, "DEPENDENCY_TIME", "API_TIME", unit="s/s")
    ] = Field(description="Seconds of waiting for external services per second of serving requests.")
    service_level_compliance: Annotated[
        Number, computed(_compliance, "DEPENDENCY_ERROR_RATIO", "DEPENDENCY_P95", unit="%")
    ] = Field(description="Services within the limits of error ratio and p95 latency, 0 to 100 percent.")


class CapacityPlanning(Answer):
    """Utilization, scaling indicators and forecasts."""

    horizon_hours: int = Field(description="The horizon of the forecast, in hours.")
    resource_utilization: ResourceUtilization
    cpu_by_process: Annotated[ByName, Series("CPU", "ratio", by=PROCESS)] = Field(
        description="CPU use as a ratio of one core, by instance and process."
    )
    memory_by_process: Annotated[ByName, Series("MEMORY", "ratio", by=PROCESS)] = Field(
        description="Memory use as a ratio of the limit, by instance and process."
    )
    queue_utilization: Annotated[ByName, Series("QUEUE_FILL", "ratio", by="queue_type")]
    cache_utilization: Annotated[ByName, Series("CACHE_FILL", "ratio", by="cache_type")]
    scaling_indicators: ScalingIndicators
    capacity_used: Annotated[
        ByName, Series("CAPACITY_USED", "ratio", by="resource", units={LOAD: "requests/s"})
    ] = Field(description="Used capacity of each resource, 0 to 1; `load` in requests per second.")
    forecast: Annotated[
        ByName,
        Series(
            "FORECAST",
            "ratio",
            by="resource",
            where={"horizon": lambda builder: f"{builder.parameters['horizon_hours']}h"},
            units={LOAD: "requests/s"},
        ),
    ] = Field(description="Forecast of `capacity_used` at the horizon.")
    replicas: Annotated[Number, Series("REPLICAS", "replicas")] = Field(description="Present replicas.")
    replica_capacity: Annotated[Number, Series("REPLICA_CAPACITY", "requests/s")] = Field(
        description="Measured capacity of one replica, in requests per second."
    )
