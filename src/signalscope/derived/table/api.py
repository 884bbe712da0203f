"""The API: requests, errors, latency, concurrency, health."""

from __future__ import annotations

from signalscope.config.defaults import HOUR_SECONDS
from signalscope.derived._expressions import (
    AvgOverTime,
    Expr,
    Instrument,
    PromqlOnly,
    Quantile,
    Series,
    Setting,
    matches,
)
from signalscope.derived._operators import Min, Minus, Per, Percentage, Scale, Sum, Union, total_and_by
from signalscope.derived._rows import asked, group, series
from signalscope.derived.table import increase, rate

_REQUESTS = "signal_service.api.requests"
_SECONDS = "signal_service.api.request.duration"
_LATENCY = Setting("windows.latency")


def _failed(*by: str) -> Expr:
    return Sum(Series("API_REQUESTS_ALL", status_code=matches("5..")), *by)


def _every(*by: str) -> Expr:
    return Sum(Series("API_REQUESTS_ALL"), *by)


def _latency(q: float, *by: str) -> Expr:
    return Quantile(q, Sum(Series("API_BUCKETS"), *by, "le"))


_TIMED = rate(_SECONDS, part="count")

GROUPS = (
    # A target that has left service discovery is down. A target that never existed has no value: the second part of
    # the rule continues only a series that the rule has recorded before.
    group("up", "evaluation", {
        "UP": series(
            "job:up:max", unit="",
            meaning="1 while any instance answers its scrape, else 0, also after the last instance has gone.",
            expr=PromqlOnly(lambda ask: f'max {ask.by()} (up{{job="{ask.job}"}}) or 0 * {ask.of("UP")}'),
        ),
    }, fixed=True),
    group("api", "recording", {
        # Only this rule reads the counters of all processes; the other rules read its series.
        "API_REQUESTS_ALL": series(
            "job_endpoint_status_code_user_tier:signal_service_api_requests:rate5m", unit="{request}/s",
            meaning="Requests by endpoint, status and tier; other series are sums of this one.",
            expr=rate(_REQUESTS, "endpoint", "status_code", "user_tier"),
        ),
        "API_REQUESTS": series(
            "job:signal_service_api_requests:rate5m", unit="{request}/s", meaning="Requests.", expr=_every(),
        ),
        "API_REQUESTS_ENDPOINT": series(
            "job_endpoint:signal_service_api_requests:rate5m", unit="{request}/s",
            meaning="Requests of each endpoint.", expr=_every("endpoint"),
        ),
        "API_REQUESTS_STATUS": series(
            "job_status_code:signal_service_api_requests:rate5m", unit="{request}/s",
            meaning="Requests by status.", expr=_every("status_code"),
        ),
        "API_ERRORS": series(
            "job:signal_service_api_errors:rate5m", unit="{request}/s", meaning="Requests that failed (5xx).",
            expr=Union(_failed(), Scale(_every(), 0)),
        ),
        "ERROR_RATE": series(
            "signal_service_error_rate_percentage", unit="%",
            meaning="Percentage of requests that failed (5xx), of the service and of each endpoint.",
            expr=total_and_by("endpoint", lambda by: Percentage(_failed(*by), _every(*by))),
        ),
        "HEALTH": series(
            "job_component:signal_service_health_check_status:min", unit="",
            meaning="Latest health check, worst of all instances: 1 healthy, 0.5 degraded, 0 unhealthy.",
            expr=Min(Instrument("signal_service.health_check.status"), "component"),
        ),
    }),
    group("api-latency", "recording", {
        "API_BUCKETS": series(
            "job_endpoint_user_tier:signal_service_api_request_duration_seconds_bucket:rate", unit="{request}/s",
            meaning="Requests by duration, for quantiles.",
            expr=rate(_SECONDS, "endpoint", "user_tier", "le", part="bucket", over=_LATENCY),
        ),
        "API_P50": series(
            "job:signal_service_api_request_duration_seconds:p50", unit="s", meaning="Median API latency.",
            expr=_latency(0.5),
        ),
        "API_P95": series(
            "job:signal_service_api_request_duration_seconds:p95", unit="s",
            meaning="95th percentile of API latency.", expr=_latency(0.95),
        ),
        "API_P99": series(
            "job:signal_service_api_request_duration_seconds:p99", unit="s",
            meaning="99th percentile of API latency.", expr=_latency(0.99),
        ),
        "API_P95_ENDPOINT": series(
            "job_endpoint:signal_service_api_request_duration_seconds:p95", unit="s",
            meaning="95th percentile of API latency of each endpoint.", expr=_latency(0.95, "endpoint"),
        ),
        "API_MEAN": series(
            "job:signal_service_api_request_duration_seconds:mean", unit="s",
            meaning="Mean API latency, over the window of the quantiles.",
            expr=Per(rate(_SECONDS, part="sum", over=_LATENCY), rate(_SECONDS, part="count", over=_LATENCY)),
        ),
        "API_TIMED": series(
            "job:signal_service_api_request_duration_seconds_count:rate5m", unit="{request}/s",
            meaning="Requests whose duration was measured.", expr=_TIMED,
        ),
        "API_SLOW_RATE": series(
            "job:signal_service_api_slow_requests:rate5m", unit="{request}/s",
            meaning="Requests slower than the objective for API latency.",
            expr=Minus(
                Series("API_TIMED"), rate(_SECONDS, part="bucket", le=Setting("slos.api_latency.seconds"))
            ),
        ),
        "API_SLOW": series(
            "job:signal_service_api_slow_requests:percentage", unit="%",
            meaning="Percentage of requests slower than the objective for API latency.",
            expr=Per(Scale(Series("API_SLOW_RATE"), 100), Series("API_TIMED")),
        ),
    }),
)  # fmt: skip

ASKED = {
    "REQUESTS_LAST_MINUTE": asked(
        unit="{request}", meaning="Requests in the last minute.", expr=increase(_REQUESTS, over=60),
    ),
    "API_TIME": asked(
        unit="s/s", meaning="Seconds of serving requests, each second.", expr=rate(_SECONDS, part="sum"),
    ),
    "COMPONENT_AVAILABILITY": asked(
        unit="", meaning="Mean health of a component in the last hour: 1 healthy, 0.5 degraded, 0 unhealthy.",
        expr=AvgOverTime(Series("HEALTH"), HOUR_SECONDS),
    ),
}  # fmt: skip
