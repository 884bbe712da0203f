"""Selectors, thresholds, windows and durations of alerts, health checks and dashboards."""

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

#: The jobs that Prometheus scrapes beside the service.
PIPELINE_JOBS = ("otel-collector", "otel-collector-telemetry", "prometheus", "alertmanager")


def _quantile(name: str) -> AfterValidator:
    """Return a check of a limit for quantiles: no quantile is above the last bucket boundary of its histogram."""
    last = (contract.get(name).buckets or (0.0,))[-1]

    def below(seconds: float) -> float:
        if seconds >= last:
            raise ValueError(
                f"{seconds:g} s: a quantile of {name} is never above {last:g} s, its last bucket boundary [SS107]"
            )
        return seconds

    return AfterValidator(below)


class Selectors(Section):
    """Names that select the series of the service.

    Attributes:
        job: The label `job` of the service in Prometheus.
        greeks_endpoints: Regular expression of the endpoints that calculate Greeks.
        greeks_cache: The `cache_type` of the cache of Greeks.
        indicators_cache: The `cache_type` of the cache of indicators.
        config_service: The `service_name` of the configuration service.
        critical_dependencies: Regular expression of the external services that are critical even if no process
            reports their health.
        shared_queues: Regular expression of the queue types that all processes share, such as queues in Redis. The
            sizes of other queues are added up.
        generated_until: Name of a series with the end of generated history, as Unix time. KPIs, alerts and forecast
            errors that rest on that history are then left out. Empty if all history is measured.

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
    generated_until: Annotated[str, Field(pattern=r"^([a-zA-Z_:][a-zA-Z0-9_:]*)?$")] = ""

    @field_validator("job")
    @classmethod
    def _own(cls, job: str) -> str:
        if job in PIPELINE_JOBS:
            raise ValueError(
                f"{job} is one of the pipeline's own jobs ({', '.join(PIPELINE_JOBS)}); use another [SS112]"
            )
        return job


#: Labels that rules add, beside those that begin with ``sloth_``: none of them can be a scope.
RULE_LABELS = frozenset({
    "alertname", "alertstate", "category", "criticality", "days", "direction", "domain", "exporter", "horizon",
    "instance", "job", "kind", "kpi", "le", "method", "metric", "period", "process", "receiver", "resource", "route",
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
    """Limits of alerts. An alert fires above its limit if nothing else is said.

    Attributes:
        api_p95_seconds: 95th percentile of API latency, in seconds.
        vectorized_p90_seconds: 90th percentile of the time of a vectorised calculation call, in seconds.
        active_subscriptions: Number of active subscriptions.
        cpu_percent: CPU of one process, as a percentage of one core.
        memory_bytes: Resident memory of one process, in bytes.
        invalid_greeks_ratio: Results that cannot be used, as a ratio of the options priced.
        vectorized_speedup: Speedup of vectorised calculations; the alert fires below it.
        critical_backlog_items: Number of critical items that wait in a queue.
        queue_backpressure: Backpressure of a queue: 0 is empty, 1 is full or refuses items.
        dependency_error_ratio: Ratio of calls to an external service that fail.
        dependency_p95_seconds: 95th percentile of the time of a call to an external service, in seconds.
        database_p95_seconds: 95th percentile of the time of a database query, in seconds.
        breaker_closed_ratio: Ratio of the instances whose breaker is closed; the alert fires below it.
        collector_queue_ratio: Ratio of the Collector's sending queue that is in use.
        rule_group_seconds_ratio: Evaluation time of a rule group, as a ratio of its interval.
        event_loop_lag_seconds: 99th percentile of the lag of an event loop above which a warning fires, in seconds.
        event_loop_lag_critical_seconds: The same, above which the alert is critical.
        failed_greeks_requests: Least number of requests in a window for the alert on failed calculations.
        slow_calls: Least number of slow requests or calculations for which an alert on latency fires without a wait.
            With fewer, it waits for `holds.api_latency` or `holds.slow_greeks`.
        min_calls_per_second: Least rate of calls: below it, alerts do not evaluate ratios and quantiles.

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
    event_loop_lag_seconds: Annotated[Limit, _quantile("signal_service.event_loop.lag")] = 0.5
    event_loop_lag_critical_seconds: Annotated[Limit, _quantile("signal_service.event_loop.lag")] = 2.0
    failed_greeks_requests: Limit = 5
    slow_calls: Limit = 5
    min_calls_per_second: Count = 0.1


class Windows(Section):
    """Lengths of the windows of rates, in seconds.

    `rate` and `hour` are fixed, because names of series and labels contain them (`signalscope.config.defaults`).

    Attributes:
        latency: Window of the quantiles of API, signal and calculation latency.
        greeks: Least window of the alert on failed calculations; see `Config.greeks_window`. With few requests, the
            alert looks back over `rate`.
        cpu: Window of the CPU utilization of a process.
        event_loop: Window of the lag of an event loop; extended if two values do not fit in. If it is longer than its
            `for`, one delay can fire the alert.
        pipeline: Window of alerts on the telemetry pipeline.

    Examples:
        >>> from signalscope.config import Windows
        >>> Windows().latency
        120
    """

    latency: Window = 120
    greeks: Window = 15
    cpu: Window = 60
    event_loop: Window = 30
    pipeline: Window = RATE_SECONDS

    @property
    def rate(self) -> int:
        """Window of rates, ratios and means that have no window of their own, in seconds."""
        return RATE_SECONDS

    @property
    def hour(self) -> int:
        """Window of business metrics and increases, in seconds."""
        return HOUR_SECONDS


class Histograms(Section):
    """The kind of histogram in which Prometheus stores the histograms of the contract."""

    kind: Literal["classic", "native"] = "classic"


class Holds(Section):
    """The `for` of each alert in Prometheus: seconds for which its condition must be true before it fires.

    Attributes:
        api_latency: Applies only with less than `thresholds.slow_calls` slow requests in `windows.latency`.
        slow_greeks: Applies only with less than `thresholds.slow_calls` slow calculations in `windows.latency`.

    Examples:
        >>> from signalscope.config import Holds
        >>> Holds().service_down
        30
    """

    service_down: Seconds = 30
    greeks_failure: Seconds = 0
    config_service: Seconds = 10
    api_latency: Seconds = 30
    slow_greeks: Seconds = 30
    subscriptions: Seconds = 30
    cpu: Seconds = 600
    event_loop: Seconds = 30
    executor: Seconds = 60
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
    spans_lost: Seconds = 300
    #: The `keep_firing_for` of alerts on rates.
    keep_firing: Seconds = 60


class HealthLimits(Section):
    """Limits of the health checks: one above which a component is degraded, one above which it is unhealthy.

    Attributes:
        error_rate_percent_degraded: Percentage of failed requests.
        error_rate_percent_unhealthy: Percentage of failed requests.
        failed_work_degraded: Ratio of calculations and signal generations that fail or give unusable results.
        failed_work_unhealthy: Ratio of calculations and signal generations that fail or give unusable results.
        backpressure_degraded: Backpressure of a queue: 0 is empty, 1 is full or refuses items.
        backpressure_unhealthy: Backpressure of a queue: 0 is empty, 1 is full or refuses items.
        memory_degraded: Resident memory as a ratio of `thresholds.memory_bytes`.
        memory_unhealthy: Resident memory as a ratio of `thresholds.memory_bytes`.
        loop_delay_seconds_degraded: Delay of the event loop, in seconds.
        loop_delay_seconds_unhealthy: Delay of the event loop, in seconds.
        least_events: Least number of requests or calls for which a ratio is evaluated.

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
                raise ValueError(f"{degraded} must not be above {unhealthy} [SS111]")
        return self


class Dashboards(Section):
    """Ratios at which dashboards change colour without an alert, and the currency of costs and prices.

    Attributes:
        saturation_warning: A resource is orange at this ratio or above; it is red at `forecast.exhausted_at`.
        budget_warning: An error budget is orange when a smaller ratio is left.
        currency: Currency of SIGNALSCOPE_CPU_SECOND_PRICE and of the prices of subscriptions.

    Examples:
        >>> from signalscope.config import Dashboards
        >>> Dashboards().currency
        'USD'
    """

    saturation_warning: PositiveRatio = 0.7
    budget_warning: PositiveRatio = 0.25
    currency: Literal["USD", "EUR", "GBP", "JPY", "CHF", "INR"] = "USD"


#: The subject of an alert or an SLO: a key of ``[teams]``, which names the team that is notified.
Domain = Literal[
    "service",
    "greeks",
    "signals",
    "cache",
    "queue",
    "dependency",
    "business",
    "capacity",
    "process",
    "telemetry",
]


class Teams(Section):
    """The team that is notified, by the domain of an alert.

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
    process: Text = "platform"
    telemetry: Text = "observability"
