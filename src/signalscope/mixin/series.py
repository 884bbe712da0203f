"""The one table of every recorded series: name, labels, unit, meaning.

Rules are checked against it; dashboards, the monitoring API and anomaly detection take the names from here::

    from signalscope.mixin import series
    query = f'{series.get("API_P95").name}{{job="signal-service"}}'

Names of the user's list keep their form. All others are ``level:metric:operation``: ``level`` is the labels that
are left (``job``, ``job_endpoint``), ``rate5m`` a rate per second over five minutes. An operation without a
window looks back as far as the config says. Every series is absent while there is no data for it.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass

from signalscope.config.defaults import SLO_WINDOWS
from signalscope.contract._model import ContractError

__all__ = ["SLO_WINDOWS", "Series", "all_series", "get"]


@dataclass(frozen=True, slots=True)
class Series:
    """One recorded series.

    Attributes:
        key: The name that code uses.
        name: The name in Prometheus.
        labels: The labels that every series has.
        unit: As in the contract: ``s``, ``By``, ``%``, ``{request}/s``; empty for a ratio of 0 to 1.
        description: What a value means.
        section: The module of rules that records it.
        optional: Labels that only some of the series have; without them it is the service's total.
    """

    key: str
    name: str
    labels: tuple[str, ...]
    unit: str
    description: str
    section: str
    optional: tuple[str, ...] = ()

    @property
    def all_labels(self) -> frozenset[str]:
        """Every label that a series of it may have."""
        return frozenset((*self.labels, *self.optional))


def all_series() -> Iterator[Series]:
    """Every recorded series, in the order of the table."""
    return iter(_BY_KEY.values())


def get(key: str) -> Series:
    """The series of that key, or of that name in Prometheus.

    Args:
        key: Such as ``API_P95``.

    Raises:
        ContractError: There is none; the message names the nearest.
    """
    try:
        return _BY_KEY[key] if key in _BY_KEY else _BY_NAME[key]
    except KeyError:
        near = difflib.get_close_matches(key, _BY_KEY, 1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise ContractError(f"no recorded series {key!r}{hint}") from None


def _section(section: str, *rows: tuple[str, str, str, str, str]) -> tuple[Series, ...]:
    """Rows of one module: key, name, labels (``?`` after those that only some have), unit, description."""
    return tuple(
        Series(
            key,
            name,
            tuple(each for each in labels.split() if not each.endswith("?")),
            unit,
            description,
            section,
            tuple(each[:-1] for each in labels.split() if each.endswith("?")),
        )
        for key, name, labels, unit, description in rows
    )


_SLO = "job sloth_id sloth_service sloth_slo"

_TABLE: tuple[Series, ...] = (
    *_section(
        "api",
        ("ERROR_RATE", "signal_service_error_rate_percentage", "job endpoint?", "%",
         "Requests that failed (5xx), of all; of the service, and of each endpoint."),
        ("API_REQUESTS_ALL", "job_endpoint_status_code_user_tier:signal_service_api_requests:rate5m",
         "job endpoint status_code user_tier", "{request}/s", "Requests; what the others are made of."),
        ("API_REQUESTS", "job:signal_service_api_requests:rate5m", "job", "{request}/s", "Requests."),
        ("API_REQUESTS_ENDPOINT", "job_endpoint:signal_service_api_requests:rate5m", "job endpoint",
         "{request}/s", "Requests of each endpoint."),
        ("API_REQUESTS_STATUS", "job_status_code:signal_service_api_requests:rate5m", "job status_code",
         "{request}/s", "Requests by status."),
        ("API_REQUESTS_TIER", "job_user_tier:signal_service_api_requests:rate5m", "job user_tier",
         "{request}/s", "Requests by the caller's tier."),
        ("API_ERRORS", "job:signal_service_api_errors:rate5m", "job", "{request}/s", "Requests that failed (5xx)."),
        ("API_BUCKETS", "job_endpoint_user_tier:signal_service_api_request_duration_seconds_bucket:rate",
         "job endpoint user_tier le", "{request}/s", "Requests by duration; what the quantiles are made of."),
        ("API_MEAN", "job:signal_service_api_request_duration_seconds:mean5m", "job", "s", "Mean API latency."),
        ("API_P50", "job:signal_service_api_request_duration_seconds:p50", "job", "s", "Median API latency."),
        ("API_P95", "job:signal_service_api_request_duration_seconds:p95", "job", "s",
         "95th percentile of API latency."),
        ("API_P99", "job:signal_service_api_request_duration_seconds:p99", "job", "s",
         "99th percentile of API latency."),
        ("API_P95_ENDPOINT", "job_endpoint:signal_service_api_request_duration_seconds:p95", "job endpoint", "s",
         "95th percentile of API latency of each endpoint."),
        ("API_SLOW", "job:signal_service_api_slow_requests:percentage", "job", "%",
         "Requests slower than the objective for API latency, of all."),
        ("API_CONCURRENT", "job_endpoint_group:signal_service_concurrent_requests:sum", "job endpoint_group",
         "{request}", "Requests being served now."),
        ("API_TIMED", "job:signal_service_api_request_duration_seconds_count:rate5m", "job", "{request}/s",
         "Requests whose time was taken."),
        ("API_SLOW_RATE", "job:signal_service_api_slow_requests:rate5m", "job", "{request}/s",
         "Those of them slower than the objective for API latency."),
        ("API_RATE_LIMITED", "job_limit_type:signal_service_rate_limit_hits:rate5m", "job limit_type",
         "{request}/s", "Requests refused by a rate limit."),
        ("UP", "job:up:max", "job", "",
         "1 while any instance answers its scrape, else 0: also when there is none any more."),
        ("HEALTH", "job_component:signal_service_health_check_status:min", "job component", "",
         "Latest health check, the worst of all instances: 1, 0.5 or 0."),
    ),
    *_section(
        "greeks",
        ("GREEKS_CALLS", "job_outcome:signal_service_greeks_calculations:rate5m", "job outcome", "{call}/s",
         "Calculation calls by outcome."),
        ("GREEKS_OPTIONS", "job:signal_service_greeks_options:rate5m", "job", "{option}/s", "Options priced."),
        ("GREEKS_OPTIONS_TYPE", "job_calculation_type_vectorized:signal_service_greeks_options:rate5m",
         "job calculation_type vectorized", "{option}/s", "Options priced, by what was calculated and how."),
        ("VECTORIZED_SHARE", "job:signal_service_greeks_vectorized_share:ratio5m", "job calculation_type?", "",
         "Options priced in array operations, of all options; of the service, and of each calculation."),
        ("GREEKS_BUCKETS", "job_vectorized:signal_service_greeks_calculation_seconds_bucket:rate",
         "job vectorized le", "{call}/s", "Calculation calls by duration; what the quantiles are made of."),
        ("GREEKS_P50", "job_vectorized:signal_service_greeks_calculation_seconds:p50", "job vectorized", "s",
         "Median time of a calculation call, vectorised and individual."),
        ("GREEKS_P90", "job_vectorized:signal_service_greeks_calculation_seconds:p90", "job vectorized", "s",
         "90th percentile of the time of a calculation call, vectorised and individual."),
        ("VECTORIZED_P90", "job:signal_service_greeks_calculation_seconds_vectorized:p90", "job", "s",
         "90th percentile of the time of a vectorised calculation call."),
        ("GREEKS_MEAN", "job_vectorized:signal_service_greeks_calculation_seconds:mean5m", "job vectorized", "s",
         "Mean time of a calculation call, vectorised and individual."),
        ("PER_OPTION", "job_vectorized:signal_service_greeks_seconds_per_option:mean5m", "job vectorized", "s",
         "Calculation time for each option, vectorised and individual."),
        ("GREEKS_SECONDS", "job_vectorized_batch_size:signal_service_greeks_calculation_seconds:rate5m",
         "job vectorized batch_size", "s/s", "Seconds spent in calculations that priced something, each second."),
        ("BATCH_BUCKETS", "job_vectorized:signal_service_greeks_batch_options_bucket:rate5m", "job vectorized le",
         "{call}/s", "Calculation calls by number of options."),
        ("BATCH_OPTIONS_ROUGH", "job_vectorized_batch_size:signal_service_greeks_options:estimate5m",
         "job vectorized batch_size", "{option}/s",
         "Options priced by class of batch size, each bucket by its middle; what the next is made of."),
        ("BATCH_OPTIONS", "job_vectorized_batch_size:signal_service_greeks_options:rate5m",
         "job vectorized batch_size", "{option}/s",
         "Options priced by class of batch size; estimated where several classes of more than one size are in use."),
        ("PER_OPTION_BATCH", "job_vectorized_batch_size:signal_service_greeks_seconds_per_option:mean5m",
         "job vectorized batch_size", "s",
         "Calculation time for each option by class of batch size; estimated for classes of more than one size."),
        ("BEST_BATCH", "job_batch_size:signal_service_greeks_best_batch_size:seconds_per_option", "job batch_size",
         "s", "The vectorised class of batch size with the least time for each option, and that time."),
        ("VECTORIZED_SPEEDUP", "job:signal_service_greeks_vectorized_speedup:ratio5m", "job", "{times}",
         "How many times less an option costs when vectorised than individually."),
        ("GREEKS_INVALID", "job_reason:signal_service_greeks_invalid_results:rate5m", "job reason", "{result}/s",
         "Results that cannot be used."),
        ("GREEKS_INVALID_RATIO", "job:signal_service_greeks_invalid_results:ratio5m", "job", "",
         "Results that cannot be used, for each option priced."),
    ),
    *_section(
        "signals",
        ("SIGNALS", "job:signal_service_signals_emitted:rate5m", "job", "{signal}/s", "Signals emitted."),
        ("SIGNALS_TYPE", "job_signal_type_direction:signal_service_signals_emitted:rate5m",
         "job signal_type direction", "{signal}/s", "Signals emitted, by kind and direction."),
        ("SIGNAL_CALLS", "job_outcome:signal_service_signal_generations:rate5m", "job outcome", "{call}/s",
         "Generations of signals by outcome."),
        ("SIGNAL_BUCKETS", "job_signal_type:signal_service_signal_generation_seconds_bucket:rate",
         "job signal_type le", "{call}/s", "Generations by duration; what the quantiles are made of."),
        ("SIGNAL_MEAN", "job:signal_service_signal_generation_seconds:mean5m", "job", "s",
         "Mean time to generate signals."),
        ("SIGNAL_P95", "job:signal_service_signal_generation_seconds:p95", "job", "s",
         "95th percentile of the time to generate signals."),
        ("SIGNAL_P95_TYPE", "job_signal_type:signal_service_signal_generation_seconds:p95", "job signal_type", "s",
         "95th percentile of the time to generate signals of each kind."),
        ("SIGNAL_ACCURACY", "job_signal_type_time_horizon:signal_service_signal_accuracy_ratio:mean",
         "job signal_type time_horizon", "", "Share of signals that proved right; the mean of all instances."),
    ),
    *_section(
        "cache",
        ("CACHE_OPERATIONS", "job_cache_type_operation_result:signal_service_cache_operations:rate5m",
         "job cache_type operation result", "{operation}/s", "Cache operations."),
        ("CACHE_HITS", "job_cache_type:signal_service_cache_hits:ratio5m", "job cache_type", "",
         "Hits, of all gets that found out; weighted by traffic."),
        ("CACHE_P95", "job_cache_type_operation:signal_service_cache_operation_seconds:p95",
         "job cache_type operation", "s", "95th percentile of the time of a cache operation."),
        ("CACHE_FILL", "job_cache_type:signal_service_cache_fill:ratio", "job cache_type", "",
         "Entries, of those the cache can hold."),
        ("CACHE_BYTES", "job_cache_type:signal_service_cache_size_bytes:sum", "job cache_type", "By",
         "Bytes the cached values take."),
        ("CACHE_EVICTIONS", "job_cache_type_reason:signal_service_cache_evictions:rate5m",
         "job cache_type reason", "{entry}/s", "Entries that left the cache."),
    ),
    *_section(
        "queue",
        ("QUEUE_RATE", "signal_service_queue_processing_rate_per_second", "job queue_type priority", "{item}/s",
         "Items processed."),
        ("QUEUE_BACKPRESSURE", "signal_service_queue_backpressure_level", "job queue_type", "",
         "How far a queue is from keeping up: 0 empty, 1 full or refusing items."),
        ("QUEUE_SIZE", "job_queue_type_priority:signal_service_queue_size:sum", "job queue_type priority",
         "{item}", "Items waiting."),
        ("QUEUE_FILL", "job_queue_type:signal_service_queue_fill:ratio", "job queue_type", "",
         "Items waiting, of those the queue can hold."),
        ("QUEUE_EVENTS", "job_queue_type_priority_event:signal_service_queue_items:rate5m",
         "job queue_type priority event", "{item}/s", "Items, by what happened to them."),
        ("QUEUE_WAIT_P95", "job_queue_type_priority:signal_service_queue_wait_seconds:p95",
         "job queue_type priority", "s", "95th percentile of the waiting time."),
        ("QUEUE_PROCESSING_P95", "job_queue_type_priority:signal_service_queue_processing_seconds:p95",
         "job queue_type priority", "s", "95th percentile of the processing time."),
    ),
    *_section(
        "dependencies",
        ("DEPENDENCY_UP", "job_service_name:signal_service_external_service_health:max",
         "job service_name criticality", "", "1 when any instance finds the service healthy, else 0."),
        ("DEPENDENCY_HEALTH", "job_service_name:signal_service_external_service_health:avg5m",
         "job service_name criticality", "", "Share of probes that found the service healthy."),
        ("DEPENDENCY_SCORE", "job:signal_service_dependency_health:percentage", "job", "%",
         "Dependencies that are healthy: the mean of all of them over five minutes."),
        ("DEPENDENCY_CALLS", "job_service_name_outcome:signal_service_external_service_calls:rate5m",
         "job service_name outcome", "{call}/s", "Calls by outcome."),
        ("DEPENDENCY_ERRORS", "job_service_name_error_type:signal_service_dependency_errors:rate5m",
         "job service_name error_type", "{error}/s", "Calls that failed, by type."),
        ("DEPENDENCY_ERROR_RATIO", "job_service_name:signal_service_external_service_errors:ratio5m",
         "job service_name", "", "Calls that failed, of all calls."),
        ("DEPENDENCY_P95", "job_service_name:signal_service_external_service_duration_seconds:p95",
         "job service_name", "s", "95th percentile of the time of a call."),
        ("DEPENDENCY_TIME", "job_service_name:signal_service_external_service_time:rate5m", "job service_name",
         "s/s", "Seconds spent waiting for the service, each second."),
        ("BREAKER_OPEN", "job_service_name_operation:signal_service_circuit_breaker_open:max",
         "job service_name operation", "", "1 while any instance's breaker is open."),
        ("BREAKER_CLOSED", "job_service_name_operation:signal_service_circuit_breaker_closed:avg",
         "job service_name operation", "", "Share of the instances whose breaker is closed."),
        ("BREAKER_REJECTED", "job_service_name_operation:signal_service_circuit_breaker_rejected:rate5m",
         "job service_name operation", "{call}/s", "Calls that an open breaker refused."),
    ),
    *_section(
        "resources",
        ("CPU", "instance:process_cpu_utilization:ratio", "job instance", "",
         "CPU time of one process, of one core; more than 1 when it uses several."),
        ("CPU_CORES", "job:process_cpu_seconds:rate5m", "job", "s/s", "Cores in use by the service."),
        ("MEMORY", "instance:process_memory_utilization:ratio", "job instance", "",
         "Resident memory of one process, of the limit in the config."),
        ("MEMORY_BYTES", "job:process_resident_memory_bytes:sum", "job", "By", "Resident memory of the service."),
        ("MEMORY_OPERATION", "job_operation_type:signal_service_memory_usage_bytes:sum", "job operation_type",
         "By", "Bytes in use by kind of work."),
        ("QUERIES", "job_query_type_operation:signal_service_database_queries:rate5m", "job query_type operation",
         "{query}/s", "Database queries."),
        ("QUERY_P95", "job_query_type:signal_service_database_query_seconds:p95", "job query_type", "s",
         "95th percentile of the time of a database query."),
        ("TASKS", "job_task_type_outcome:signal_service_background_tasks:rate5m", "job task_type outcome",
         "{task}/s", "Background tasks by outcome."),
        ("TASK_P95", "job_task_type:signal_service_background_task_seconds:p95", "job task_type", "s",
         "95th percentile of the time of a background task."),
        ("BOTTLENECK", "bottleneck_analysis", "job resource kind", "",
         "Saturation of each resource, 0 to 1; the highest is the bottleneck. `kind` is cpu, memory, queue, cache, "
         "database or dependency; `resource` the queue, cache or dependency, else the kind."),
    ),
    *_section(
        "business",
        ("SUBSCRIPTIONS", "job_user_tier:signal_service_active_subscriptions:sum", "job user_tier",
         "{subscription}", "Active subscriptions."),
        ("SUBSCRIPTIONS_TOTAL", "job:signal_service_active_subscriptions:sum", "job", "{subscription}",
         "Active subscriptions of all tiers."),
        ("SUBSCRIPTION_GROWTH", "job:signal_service_active_subscriptions:growth", "job period", "",
         "Growth of the subscriptions against a day or 30 days (`1d`, `30d`) before: 0.15 is 15 % more."),
        ("ACTIVE_USERS", "job_window_user_tier:signal_service_active_users:max", "job window user_tier", "{user}",
         "Distinct users: exact with one process, a lower bound with several."),
        ("PREMIUM_USAGE", "signal_service_premium_feature_usage", "job feature user_tier", "{use}",
         "Uses of premium features in the last hour."),
        ("FEATURE_USES", "job_feature_user_tier:signal_service_feature_usage:increase1h", "job feature user_tier",
         "{use}", "Uses of features in the last hour."),
        ("ADOPTION", "feature_adoption_rates", "job feature", "{use}/{user}",
         "Uses of a feature in the last hour for each user active in it."),
        ("PREMIUM_ADOPTION", "job:signal_service_premium_adoption:ratio", "job", "",
         "Users active in the last 24 hours whose tier is a premium one, of all active users."),
        ("RETENTION", "retention_metrics", "job metric", "",
         "`stickiness`: users of the last hour, of those of the last 24; `day_over_day`, `week_over_week`: "
         "active users (24 h) against those a day, a week before."),
        ("SATISFACTION", "user_satisfaction_score", "job user_tier?", "{score}",
         "0 to 100, like Apdex: satisfied requests count whole, tolerable ones half, slow and failed ones not."),
        ("COST", "job_operation_type:signal_service_calculation_cost:increase1h", "job operation_type",
         "{currency}", "Cost of the last hour by kind of work."),
        ("COST_TIER", "job_user_tier:signal_service_calculation_cost:increase1h", "job user_tier", "{currency}",
         "Cost of the last hour by tier."),
        ("COST_PER_CALCULATION", "signal_service_cost_per_calculation", "job", "{currency}",
         "Cost of the last hour for each Greeks calculation in it."),
        ("COST_PER_USER", "signal_service_cost_per_user", "job user_tier?", "{currency}",
         "Cost of the last hour for each user active in it; of all, and of each tier."),
        ("TIER_PRICE", "job_user_tier:signal_service_subscription_price:monthly", "job user_tier", "{currency}",
         "What a subscription brings in a month, as the config says; nothing of tiers without a price there."),
        ("REVENUE", "job_user_tier:signal_service_subscription_revenue:monthly", "job user_tier", "{currency}",
         "What the active subscriptions bring in a month, by the prices in the config."),
        ("PROFITABILITY", "signal_service_feature_profitability", "job feature", "{currency}/h",
         "A feature's share of the revenue, by its uses, less the cost of its work."),
        ("REVENUE_IMPACT", "revenue_impact_score", "job", "{currency}",
         "Monthly revenue that is served to satisfaction: revenue of each tier times its satisfaction."),
    ),
    *_section(
        "kpis",
        ("KPI_VALUE", "signal_service_kpi_value", "job kpi category cache_type?", "{kpi}",
         "A KPI's present value, in its own unit (docs/rules.md)."),
        ("KPI_TARGET", "signal_service_kpi_target", "job kpi category direction cache_type?", "{kpi}",
         "Its target; `direction` says whether the value should be above or below."),
        ("KPI_ATTAINMENT", "signal_service_kpi_attainment", "job kpi category cache_type?", "",
         "How near the target is, 0 to 1; 1 is reached."),
    ),
    *_section(
        "slos",
        ("SLO_EVENTS", "slo:sli_events:rate5m", _SLO, "{event}/s", "Events that an SLO counts."),
        ("SLO_BAD", "slo:sli_bad_events:rate5m", _SLO, "{event}/s", "Those of them that spend error budget."),
        *((f"SLO_ERROR_{window.upper()}", f"slo:sli_error:ratio_rate{window}", f"{_SLO} sloth_window", "",
           f"Bad events, of all events of {window}; weighted by traffic.") for window in SLO_WINDOWS),
        ("SLO_OBJECTIVE", "slo:objective:ratio", _SLO, "", "Good events that are wanted, of all."),
        ("SLO_BUDGET", "slo:error_budget:ratio", _SLO, "", "Bad events that are allowed, of all."),
        ("SLO_PERIOD", "slo:time_period:days", _SLO, "d", "Days over which the budget is to last."),
        ("SLO_BURN", "slo:current_burn_rate:ratio", _SLO, "{times}",
         "How many times faster than allowed the budget is being spent: over five minutes."),
        ("SLO_PERIOD_BURN", "slo:period_burn_rate:ratio", _SLO, "{times}", "The same over the whole period."),
        ("SLO_REMAINING", "slo:period_error_budget_remaining:ratio", _SLO, "",
         "Budget that is left of the period's; below 0 when it is overspent."),
        ("SLO_INFO", "sloth_slo_info", f"{_SLO} sloth_mode sloth_spec sloth_version sloth_objective", "",
         "Always 1: what SLOs there are."),
    ),
    *_section(
        "calendar",
        ("CALENDAR_OFFSET", "calendar:utc_offset:seconds", "horizon", "s",
         "The exchange's clock, ahead of UTC; `horizon` is now, 24h or 48h: how far ahead. Absent outside of the "
         "calendar's validity."),
        ("CALENDAR_LOCAL", "calendar:local_time:seconds", "horizon", "s",
         "The exchange's local time, as seconds since 1970-01-01 00:00 local time."),
        ("CALENDAR_SESSION", "calendar:session:state", "horizon", "",
         "2 in the trading session, 1 outside of it on a trading day, 0 on any other day."),
        ("CALENDAR_CLOSE", "calendar:session_close:seconds", "horizon", "s",
         "Seconds until the session ends; absent outside of it."),
    ),
    *_section(
        "anomaly",
        ("ANOMALY_LEVEL", "signal_service_anomaly_level", "job signal", "",
         "What is watched: `signal` is request_rate, latency, error_ratio, greeks_throughput or signal_rate."),
        ("ANOMALY_SESSION", "signal_service_anomaly_session_level", "job signal", "",
         "The same, in trading sessions only; what later days are compared with."),
        ("ANOMALY_HISTORY", "signal_service_anomaly_history", "job signal days", "",
         "What it was at the same local time, `days` days ago; only of trading sessions."),
        ("ANOMALY_EXPECTED", "signal_service_anomaly_expected", "job signal", "",
         "The median of that; absent without enough history."),
        ("ANOMALY_SPREAD", "signal_service_anomaly_spread", "job signal", "",
         "How much it usually differs from the expected: scaled median absolute deviation, and the least noise."),
        ("ANOMALY_LOWER", "signal_service_anomaly_lower", "job signal", "", "The least that is normal now."),
        ("ANOMALY_UPPER", "signal_service_anomaly_upper", "job signal", "", "The most that is normal now."),
        ("ANOMALY_OUTSIDE", "signal_service_anomaly_outside", "job signal direction", "",
         "Always 1: the level is `above` or `below` the band, or `missing` although it is usually there."),
    ),
    *_section(
        "forecast",
        ("CAPACITY_USED", "signal_service_capacity_used", "job resource", "",
         "How much of a resource is in use, 0 to 1; for the resource `load`, requests a second."),
        ("CAPACITY_GROWTH", "signal_service_capacity_weekly:ratio", "job resource weeks", "{times}",
         "Use in the session, of that at the same time one or two `weeks` ago."),
        ("CAPACITY_TREND", "signal_service_capacity_growth:ratio", "job resource weeks", "{times}",
         "The median of that over the last sessions."),
        ("FORECAST_CANDIDATE", "signal_service_capacity_forecast_candidate", "job resource horizon method", "",
         "What a `method` foresees: last_week and two_weeks (that week's value times growth), recent_days."),
        ("FORECAST", "signal_service_capacity_forecast", "job resource horizon", "",
         "How much of it will be in use in 24 or 48 hours (`horizon`): the median of the candidates; absent without "
         "enough history. For `load`, requests a second."),
        ("FORECAST_ERROR", "signal_service_capacity_forecast_error", "job resource horizon", "",
         "How far off the forecast for now was."),
        ("FORECAST_MARGIN", "signal_service_capacity_forecast_margin", "job resource horizon", "",
         "What nine in ten errors of the last week were below."),
        ("FORECAST_LOWER", "signal_service_capacity_forecast_lower", "job resource horizon", "",
         "The forecast less its margin; not below 0."),
        ("FORECAST_UPPER", "signal_service_capacity_forecast_upper", "job resource horizon", "",
         "The forecast and its margin."),
        ("EXHAUSTED_AT", "signal_service_capacity_exhausted_at:seconds", "job resource horizon", "s",
         "The moment, in seconds since 1970, for which exhaustion is foreseen just now."),
        ("EXHAUSTION", "capacity_exhaustion_prediction", "job resource", "s",
         "Seconds until a resource is exhausted; 0 when it is, 172800 when it will not be within 48 hours, absent "
         "without enough history to tell."),
    ),
    *_section(
        "predictive",
        ("MEMORY_EXHAUSTION", "instance:process_memory_exhaustion:seconds", "job instance", "s",
         "Seconds until a process' memory reaches the limit at the growth of the last hour; absent unless it still "
         "grows, and is well on the way."),
        ("BREAKER_OPENINGS", "job_service_name_operation:signal_service_circuit_breaker_openings:increase",
         "job service_name operation", "{transition}",
         "How often a breaker has opened lately: that of the instance where it was most often."),
        ("DEPENDENCY_P95_USUAL", "job_service_name:signal_service_external_service_duration_seconds:p95_median6h",
         "job service_name", "s", "What the 95th percentile usually was in the last six hours."),
        ("DEPENDENCY_P95_AHEAD", "job_service_name:signal_service_external_service_duration_seconds:p95_ahead",
         "job service_name", "s", "What it will be if its trend goes on."),
        ("DEPENDENCY_ERROR_AHEAD", "job_service_name:signal_service_external_service_errors:ratio_ahead",
         "job service_name", "", "The ratio of failed calls, if its trend goes on."),
    ),
    *_section(
        "scaling",
        ("REPLICAS", "job:signal_service_replicas:count", "job", "{replica}", "Replicas that report."),
        ("REPLICA_EFFICIENCY", "job:signal_service_requests_per_core:rate", "job", "{request}",
         "Requests served for each CPU-second, while replicas are busy enough to tell."),
        ("REPLICA_CAPACITY", "signal_service_replica_capacity", "job", "{request}/s",
         "Requests a second that one replica can take at the CPU that is aimed at, as measured."),
        ("REPLICA_QUEUE_RATE", "job:signal_service_queue_processed_per_replica:rate", "job", "{item}/s",
         "Queue items that one replica processes while there is a backlog."),
        ("SCALING_CANDIDATE", "signal_service_scaling_candidate", "job reason", "{replica}",
         "Replicas that each reason asks for."),
        ("SCALING", "scaling_recommendation", "job reason", "{replica}",
         "Replicas wanted, and what asks for that many: load, forecast, queue, minimum or maximum. One series; "
         "absent without a measured capacity."),
    ),
)  # fmt: skip

_BY_KEY = {each.key: each for each in _TABLE}
_BY_NAME = {each.name: each for each in _TABLE}
