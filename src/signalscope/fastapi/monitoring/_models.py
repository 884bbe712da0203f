"""What the monitoring API answers. A number is null when there is none, and `provenance` says why."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

__all__ = [
    "ApiPerformance",
    "Bottleneck",
    "Breaker",
    "Business",
    "BusinessDashboard",
    "CachePerformance",
    "Capacity",
    "CapacityPlanning",
    "EnhancedMetrics",
    "Exhaustion",
    "ExternalDependencies",
    "HealthSummary",
    "Kpi",
    "Performance",
    "PerformanceSummary",
    "Provenance",
    "ResourceUtilization",
    "RevenueImpact",
    "Scaling",
    "ScalingIndicators",
    "SignalGeneration",
    "Source",
    "Statistics",
    "Status",
    "Subscriptions",
    "Summary",
    "TierCost",
    "UserActivity",
    "UserCostEntry",
]

Status = Literal["healthy", "degraded", "unhealthy", "unknown"]
Number = float | None
ByName = dict[str, float] | None


class Source(BaseModel):
    """Where the numbers of an answer come from."""

    name: Literal["prometheus", "process"] = Field(
        description="`prometheus`: the whole service; `process`: one worker's view."
    )
    description: str = Field(
        description="The same for people; with several workers it says whose view it is."
    )


class Provenance(BaseModel):
    """Where one value comes from, or why there is none."""

    source: Literal["prometheus", "process"]
    series: str = Field(description="The recorded series, expression or instrument.")
    unit: str = Field(description="The value's unit.")
    window_seconds: float | None = Field(description="How far it looks back; null for a value of now.")
    meaning: str = Field(description="What a value means.")
    reason: str | None = Field(default=None, description="Why the value is null.")


class Summary(BaseModel):
    """What every answer has."""

    timestamp: datetime = Field(description="When the values were read, in UTC.")
    source: Source
    degraded: bool = Field(
        description="Whether the source gave no usable answer; `problems` says what happened."
    )
    problems: list[str] = Field(description="What a reader should know of the source.")
    provenance: dict[str, Provenance] = Field(
        description="By the dotted path of a field: where its value comes from, or why it is null."
    )


class HealthSummary(BaseModel):
    """The service's health."""

    status: Status
    components: dict[str, Status]


class Breaker(BaseModel):
    """One circuit breaker."""

    service_name: str
    operation: str
    state: Literal["closed", "open", "half_open"] | None = Field(
        description="The worst of all workers: open before half open before closed. Null when none reports it now; "
        "then there were calls or state changes in the window."
    )
    calls: dict[str, float] = Field(description="Calls of the window by outcome: success, failure, rejected.")
    transitions: dict[str, float] = Field(description="State changes of the window by the state entered.")


class ApiPerformance(BaseModel):
    """The API."""

    total_requests_last_minute: Number = Field(description="Requests.")
    average_response_time_ms: Number = Field(description="Mean latency, in milliseconds.")
    error_rate_percentage: Number = Field(description="Requests that failed (5xx), 0 to 100.")
    slow_requests_percentage: Number = Field(
        description="Requests slower than the objective for API latency, 0 to 100."
    )


class SignalGeneration(BaseModel):
    """Signals and Greeks."""

    signals_generated_last_minute: Number = Field(description="Signals.")
    average_generation_time_ms: Number = Field(description="Mean time to generate signals, in milliseconds.")
    greeks_calculations_per_second: Number = Field(description="Calculation calls each second.")
    vectorization_efficiency: Number = Field(
        description="Options priced in array operations, of all, 0 to 1."
    )


class CachePerformance(BaseModel):
    """Caches."""

    greeks_cache_hit_ratio: Number = Field(description="Hits, of all gets that found out, 0 to 1.")
    indicators_cache_hit_ratio: Number = Field(description="The same of the cache of indicators.")
    cache_size_bytes: Number = Field(description="Bytes that the cached values of all caches take.")


class Performance(BaseModel):
    """How well it works."""

    api_performance: ApiPerformance
    signal_generation: SignalGeneration
    cache_performance: CachePerformance


class Subscriptions(BaseModel):
    """Subscriptions."""

    total_active: Number = Field(description="Active subscriptions.")
    by_tier: ByName = Field(description="Active subscriptions by tier.")
    growth_rate_daily: Number = Field(description="Growth against a day before: 0.02 is 2 % more.")


class UserActivity(BaseModel):
    """Users."""

    active_users_last_hour: Number = Field(description="Distinct users of the last hour.")
    top_features_usage: ByName = Field(
        description="Uses in the last hour of the features that are used most."
    )
    user_satisfaction_score: Number = Field(description="0 to 100; see docs/monitoring-api.md.")


class RevenueImpact(BaseModel):
    """Cost and premium use."""

    computation_cost_last_hour: Number = Field(description="In the currency of SIGNALSCOPE_CPU_SECOND_PRICE.")
    premium_feature_usage: ByName = Field(
        description="Uses of premium features in the last hour, by feature."
    )
    cost_per_user: Number = Field(description="Cost of the last hour for each user active in it.")


class Business(BaseModel):
    """What it is worth."""

    subscriptions: Subscriptions
    user_activity: UserActivity
    revenue_impact: RevenueImpact


class ResourceUtilization(BaseModel):
    """What is in use."""

    cpu_usage_percentage: Number = Field(description="Of one core: the busiest process.")
    memory_usage_gb: Number = Field(description="Resident memory of the service, in 10^9 bytes.")
    queue_utilization: Number = Field(
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


class ScalingIndicators(BaseModel):
    """What to do about it."""

    scaling_recommendation: Scaling | None
    bottleneck_analysis: Bottleneck | None
    predicted_capacity_exhaustion: Exhaustion | None


class ExternalDependencies(BaseModel):
    """External services."""

    dependency_health_score: Number = Field(description="Services that are healthy, 0 to 100.")
    network_latency_impact: Number = Field(
        description="Seconds of waiting for external services for each second of serving requests."
    )
    service_level_compliance: Number = Field(
        description="Services whose errors and 95th percentile of latency are within limits, 0 to 100."
    )


class Capacity(BaseModel):
    """What it can take."""

    resource_utilization: ResourceUtilization
    scaling_indicators: ScalingIndicators
    external_dependencies: ExternalDependencies


class EnhancedMetrics(Summary):
    """Everything at a glance."""

    service_uptime_seconds: float = Field(description="Since this process started.")
    health: HealthSummary
    circuit_breakers: list[Breaker] | None
    performance: Performance
    business: Business
    capacity: Capacity
    component_availability: ByName = Field(
        description="Of each component: the mean of its health over the window, 0 to 1."
    )


class Statistics(BaseModel):
    """A number now, and over the window."""

    now: Number
    lowest: Number = None
    mean: Number = None
    highest: Number = None


class PerformanceSummary(Summary):
    """How well the service works."""

    window: str = Field(description="How far the lowest, mean and highest values look back.")
    api: dict[str, Statistics] = Field(
        description="Latency in seconds, errors in percent, requests a second."
    )
    endpoints: dict[str, dict[str, Number]] = Field(
        description="By route template: requests_per_second, p95_seconds, error_rate_percentage."
    )
    greeks: dict[str, Statistics]
    signals: dict[str, Statistics]
    caches: ByName = Field(description="Hit ratio of each cache, 0 to 1.")
    queues: ByName = Field(description="Backpressure of each queue, 0 to 1.")
    dependencies: dict[str, dict[str, Number]] = Field(
        description="By service: healthy (1 or 0), p95_seconds, error_ratio."
    )
    kpis: list[Kpi] | None = Field(description="Technical and operational KPIs; from Prometheus only.")


class Kpi(BaseModel):
    """One KPI."""

    name: str
    category: str
    cache_type: str | None
    meaning: str | None = Field(description="What the value is, and of which time; null of a KPI of others.")
    unit: str | None = Field(description="Of value and target.")
    value: Number
    target: Number
    direction: Literal["above", "below"] | None
    attainment: Number = Field(description="How near the target is, 0 to 1.")
    reason: str | None = Field(description="Why value, target or attainment is null.")


class TierCost(BaseModel):
    """What a tier costs and brings."""

    cost_last_hour: Number
    cost_per_user: Number
    monthly_revenue: Number
    satisfaction: Number
    active_users_last_hour: Number


class UserCostEntry(BaseModel):
    """What one user's work costs, in this process."""

    user: str = Field(
        description="The user's id, for those who may see ids; else a name of this answer's only."
    )
    cpu_seconds: float = Field(description="CPU time of the last hour.")
    at_least: float
    at_most: float
    cost: Number = Field(description="At SIGNALSCOPE_CPU_SECOND_PRICE.")


class BusinessDashboard(Summary):
    """What it is worth."""

    tier: str | None = Field(description="The tier that was asked for; null for all of them.")
    subscriptions: Subscriptions
    user_activity: UserActivity
    revenue_impact: RevenueImpact
    tiers: dict[str, TierCost]
    feature_adoption: ByName = Field(description="Uses for each active user, by feature.")
    feature_profitability: ByName = Field(description="Currency each hour, by feature.")
    premium_adoption: Number = Field(description="Active users whose tier is a premium one, 0 to 1.")
    retention: ByName = Field(description="stickiness, day_over_day, week_over_week.")
    cost_per_calculation: Number
    revenue_impact_score: Number
    costliest_users: list[UserCostEntry] | None = Field(
        description="Whose work took most CPU time in the last hour, as far as this process knows."
    )
    kpis: list[Kpi] | None


class CapacityPlanning(Summary):
    """What it can take, and for how long."""

    horizon_hours: int
    resource_utilization: ResourceUtilization
    cpu_by_process: ByName = Field(description="Of one core, by instance.")
    memory_by_process: ByName = Field(description="Of the limit, by instance.")
    queue_utilization: ByName
    cache_utilization: ByName
    scaling_indicators: ScalingIndicators
    capacity_used: ByName = Field(description="Of each resource, 0 to 1; `load` in requests a second.")
    forecast: ByName = Field(description="The same at the horizon.")
    replicas: Number = Field(description="Replicas now.")
    replica_capacity: Number = Field(description="Requests a second that one replica can take, as measured.")


PerformanceSummary.model_rebuild()
