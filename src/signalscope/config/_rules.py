"""What alerts compare with, how far they look back, how long they wait."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field, field_validator

from signalscope import contract
from signalscope.config._section import (
    BelowOne,
    Limit,
    Pattern,
    Ratio,
    Seconds,
    Section,
    Text,
    Window,
    pattern,
)
from signalscope.config.defaults import HOUR_SECONDS, RATE_SECONDS

#: What Prometheus scrapes beside the service.
PIPELINE_JOBS = ("otel-collector", "otel-collector-telemetry", "prometheus", "alertmanager")
Count = Annotated[float, Field(ge=0)]


def _quantile(name: str) -> AfterValidator:
    """A limit for the quantiles of a histogram: within its bounds, or nothing is ever above."""
    last = (contract.get(name).buckets or (0.0,))[-1]

    def below(seconds: float) -> float:
        if seconds >= last:
            raise ValueError(
                f"{seconds:g} s: a quantile of {name} is never above {last:g} s, its last bucket's bound"
            )
        return seconds

    return AfterValidator(below)


class Selectors(Section):
    """Which series are the service's.

    Examples:
        >>> from signalscope.config import Selectors
        >>> Selectors().job
        'signal-service'
    """

    job: Text = "signal-service"
    greeks_endpoints: Pattern = ".*greeks.*"
    greeks_cache: Text = "greeks"
    indicators_cache: Text = "indicators"
    config_service: Text = "config_service"
    critical_dependencies: Pattern = Field(
        default="ticker_service|config_service",
        description="Services that count as critical also where nothing reports their health.",
    )
    shared_queues: Annotated[str, AfterValidator(pattern)] = Field(
        default="",
        pattern=r'^[^"\\\n]*$',
        description="Queue types that all processes share (in Redis, say), as a regular expression; sizes of the "
        "others add up.",
    )

    @field_validator("job")
    @classmethod
    def _own(cls, job: str) -> str:
        if job in PIPELINE_JOBS:
            raise ValueError(
                f"{job} is one of the pipeline's own jobs ({', '.join(PIPELINE_JOBS)}): choose another"
            )
        return job


class Thresholds(Section):
    """What is compared with.

    Attributes:
        cpu_percent: Of one core, by process.
        memory_bytes: By process.
        vectorized_speedup: Below it, vectorising gains nothing.
        breaker_closed_ratio: Of the instances; below it, the breaker is open.
        rule_group_seconds_ratio: Of a rule group's interval.
        min_calls_per_second: Fewer calls than this say nothing about a ratio or a quantile.

    Examples:
        >>> from signalscope.config import Thresholds
        >>> Thresholds().api_p95_seconds
        5.0
    """

    api_p95_seconds: Annotated[Limit, _quantile("signal_service.api.request.duration")] = 5.0
    vectorized_p90_seconds: Annotated[Limit, _quantile("signal_service.greeks.calculation")] = 1.0
    active_subscriptions: Count = 10_000
    cpu_percent: Limit = 80.0
    memory_bytes: Limit = 4 * 1024**3
    invalid_greeks_ratio: Ratio = 0.05
    vectorized_speedup: Limit = 1.0
    critical_backlog_items: Count = 10
    queue_backpressure: BelowOne = 0.8
    dependency_error_ratio: BelowOne = 0.1
    dependency_p95_seconds: Annotated[Limit, _quantile("signal_service.external_service.duration")] = 2.0
    database_p95_seconds: Annotated[Limit, _quantile("signal_service.database.query")] = 0.5
    breaker_closed_ratio: Annotated[Ratio, Field(gt=0)] = 0.5
    collector_queue_ratio: BelowOne = 0.8
    rule_group_seconds_ratio: Limit = 1.0
    min_calls_per_second: Count = 0.1


class Windows(Section):
    """How far rates look back, in seconds.

    `rate` and `hour` are fixed, because names of series and labels say them (`signalscope.config.defaults`).

    Examples:
        >>> from signalscope.config import Windows
        >>> Windows().latency
        120
    """

    latency: Window = 120
    greeks: Window = 60
    cpu: Window = 60
    pipeline: Window = RATE_SECONDS

    @property
    def rate(self) -> int:
        """How far rates, ratios and means look back that have no window of their own."""
        return RATE_SECONDS

    @property
    def hour(self) -> int:
        """How far values of the business and increases look back."""
        return HOUR_SECONDS


class Holds(Section):
    """How long a condition must last before its alert fires, in seconds: Prometheus' `for`.

    Examples:
        >>> from signalscope.config import Holds
        >>> Holds().service_down
        30
    """

    service_down: Seconds = 30
    greeks_failure: Seconds = 15
    config_service: Seconds = 10
    api_latency: Seconds = 30
    slow_greeks: Seconds = 30
    subscriptions: Seconds = 30
    cpu: Seconds = 600
    memory: Seconds = 120
    invalid_greeks: Seconds = 60
    vectorization: Seconds = 300
    critical_backlog: Seconds = 60
    backpressure: Seconds = 60
    critical_dependency: Seconds = 15
    mandatory_dependency: Seconds = 30
    other_dependency: Seconds = 120
    dependency_calls: Seconds = 60
    breaker: Seconds = 30
    slo_threshold: Seconds = 300
    slo_burn: Seconds = 0
    memory_trend: Seconds = 600
    trend: Seconds = 300
    telemetry: Seconds = 120
    scrape: Seconds = 60
    #: Prometheus' `keep_firing_for` of an alert on a rate.
    keep_firing: Seconds = 60


class Teams(Section):
    """Which team is notified, by the domain of an alert.

    Examples:
        >>> from signalscope.config import Teams
        >>> Teams().greeks
        'quant'
    """

    service: Text = "platform"
    greeks: Text = "quant"
    signals: Text = "quant"
    cache: Text = "platform"
    queue: Text = "platform"
    dependency: Text = "platform"
    business: Text = "product"
    capacity: Text = "platform"
    telemetry: Text = "observability"
