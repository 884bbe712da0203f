"""What alerts, health checks and dashboards compare with, how far they look back, how long they wait."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, field_validator, model_validator

from signalscope import contract
from signalscope.config._section import (
    BelowOne,
    Count,
    Limit,
    Pattern,
    PositiveRatio,
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


def _quantile(name: str) -> AfterValidator:
    """Return the check of a limit for the quantiles of a histogram: a quantile is never above its last bucket."""
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

    Attributes:
        critical_dependencies: Services that count as critical also where nothing reports their health.
        shared_queues: Queue types that all processes share (in Redis, say), as a regular expression; sizes of the
            others add up.

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
    critical_dependencies: Pattern = "ticker_service|config_service"
    shared_queues: Annotated[str, Field(pattern=r'^[^"\\\n]*$'), AfterValidator(pattern)] = ""

    @field_validator("job")
    @classmethod
    def _own(cls, job: str) -> str:
        if job in PIPELINE_JOBS:
            raise ValueError(
                f"{job} is one of the pipeline's own jobs ({', '.join(PIPELINE_JOBS)}): choose another"
            )
        return job


#: Labels that rules add, beside those that begin with ``sloth_``: none of them can be a scope.
RULE_LABELS = frozenset({
    "alertname", "alertstate", "category", "criticality", "days", "direction", "domain", "exporter", "horizon",
    "instance", "job", "kind", "kpi", "le", "method", "metric", "period", "receiver", "resource", "route",
    "rule_group", "severity", "signal", "team", "weeks",
})  # fmt: skip


def _scope_label(label: str) -> str:
    """Check a label that tells services of one job apart: no instrument and no rule may have it."""
    if not re.fullmatch(r"(?!__)[a-zA-Z_][a-zA-Z0-9_]*", label):
        raise ValueError(f"{label!r} is not a label name; use letters, digits and _ only [SS114]")
    of_contract = {name for instrument in contract.instruments() for name in instrument.attribute_names}
    if label in of_contract | RULE_LABELS or label.startswith("sloth_"):
        owner = "the contract" if label in of_contract else "the rules"
        raise ValueError(f"{label!r} is a label of {owner}; use one that says where a service runs [SS114]")
    return label


class Scope(Section):
    """Where a service runs: what is kept apart everywhere, as jobs are.

    Attributes:
        labels: Labels of every series of the job, such as ``cluster``, that every aggregation, join and alert keeps.
    """

    labels: tuple[Annotated[str, AfterValidator(_scope_label)], ...] = ()

    @field_validator("labels")
    @classmethod
    def _once(cls, labels: tuple[str, ...]) -> tuple[str, ...]:
        if repeated := [label for label in labels if labels.count(label) > 1]:
            raise ValueError(f"{repeated[0]!r} is listed more than once; write it once [SS114]")
        return labels


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
    breaker_closed_ratio: PositiveRatio = 0.5
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


class Histograms(Section):
    """How Prometheus stores the contract's histograms."""

    kind: Literal["classic", "native"] = "classic"


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


class HealthLimits(Section):
    """From when on a component is degraded, and from when on unhealthy.

    Attributes:
        error_rate_percent_degraded: Failed requests.
        error_rate_percent_unhealthy: The same.
        failed_work_degraded: Ratio of calculations and generations that fail or are unusable.
        failed_work_unhealthy: The same.
        backpressure_degraded: Of a queue: 0 is empty, 1 full or refusing items.
        backpressure_unhealthy: The same.
        memory_degraded: Ratio of thresholds.memory_bytes.
        memory_unhealthy: The same.
        loop_delay_seconds_degraded: How late the event loop is with what is due.
        loop_delay_seconds_unhealthy: The same.
        least_events: Fewer requests or calls say nothing about a ratio.

    Examples:
        >>> from signalscope.config import HealthLimits
        >>> HealthLimits().error_rate_percent_degraded
        1.0
    """

    error_rate_percent_degraded: Limit = 1.0
    error_rate_percent_unhealthy: Limit = 5.0
    failed_work_degraded: Limit = 0.1
    failed_work_unhealthy: Limit = 0.5
    backpressure_degraded: Limit = 0.8
    backpressure_unhealthy: Limit = 1.0
    memory_degraded: Limit = 0.8
    memory_unhealthy: Limit = 1.0
    loop_delay_seconds_degraded: Limit = 0.1
    loop_delay_seconds_unhealthy: Limit = 1.0
    least_events: int = Field(default=20, ge=1)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        for unhealthy in type(self).model_fields:
            degraded = unhealthy.replace("_unhealthy", "_degraded")
            if getattr(self, degraded) > getattr(self, unhealthy):
                raise ValueError(f"{degraded} is above {unhealthy}")
        return self


class Dashboards(Section):
    """Where dashboards change colour without an alert, as ratios; and the currency of costs and prices.

    Attributes:
        saturation_warning: A resource is orange from here on; it is red where it counts as exhausted.
        budget_warning: An error budget is orange when less than this is left.
        currency: What SIGNALSCOPE_CPU_SECOND_PRICE and the prices of subscriptions are in.

    Examples:
        >>> from signalscope.config import Dashboards
        >>> Dashboards().currency
        'USD'
    """

    saturation_warning: PositiveRatio = 0.7
    budget_warning: PositiveRatio = 0.25
    currency: Literal["USD", "EUR", "GBP", "JPY", "CHF", "INR"] = "USD"


#: The subject of an alert or an SLO: a key of ``[teams]``, which decides the team.
Domain = Literal[
    "service", "greeks", "signals", "cache", "queue", "dependency", "business", "capacity", "telemetry"
]


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
