"""Series of the API: requests, errors, latency, concurrency, health."""

from __future__ import annotations

from signalscope.config import Config
from signalscope.mixin._promql import Promql, duration, le, quantile, ratio
from signalscope.mixin.rules import Group, Recording

__all__ = ["groups"]

_REQUESTS = "signal_service.api.requests"
_SECONDS = "signal_service.api.request.duration"


def groups(config: Config) -> list[Group]:
    """The groups of this module."""
    ask = Promql(config.selectors.job)
    base = ask.of("API_REQUESTS_ALL")
    failed = ask.of("API_REQUESTS_ALL", 'status_code=~"5.."')
    latency = duration(config.windows.latency)
    buckets = ask.of("API_BUCKETS")

    def latency_of(q: float, by: str) -> str:
        return quantile(q, f"sum by ({by}) ({buckets})")

    every = ask.rate(_SECONDS, suffix="_count")
    quick = ask.rate(_SECONDS, le(config.slos.api_latency.seconds), suffix="_bucket")
    up = f'up{{job="{config.selectors.job}"}}'
    return [
        # A target that is gone is down: a service that has left service discovery serves nobody. One that was never
        # there is unknown: only what this rule recorded itself goes on.
        Group(
            "up",
            config.pipeline.evaluation,
            (Recording("UP", f"max by (job) ({up}) or 0 * {ask.of('UP')}"),),
            fixed=True,
        ),
        Group(
            "api",
            config.pipeline.recording,
            (
                # The one look at every process' counters; the rest is made of it.
                Recording("API_REQUESTS_ALL", ask.rate(_REQUESTS, by="endpoint, status_code, user_tier")),
                Recording("API_REQUESTS", f"sum by (job) ({base})"),
                Recording("API_REQUESTS_ENDPOINT", f"sum by (job, endpoint) ({base})"),
                Recording("API_REQUESTS_STATUS", f"sum by (job, status_code) ({base})"),
                Recording("API_REQUESTS_TIER", f"sum by (job, user_tier) ({base})"),
                Recording("API_ERRORS", f"sum by (job) ({failed}) or 0 * sum by (job) ({base})"),
                # Of the whole service, without an endpoint; and of each endpoint.
                Recording(
                    "ERROR_RATE",
                    " or ".join(
                        f"(100 * {ratio(f'sum by ({by}) ({failed})', f'sum by ({by}) ({base})')})"
                        for by in ("job", "job, endpoint")
                    ),
                ),
                Recording(
                    "API_RATE_LIMITED",
                    ask.rate("signal_service.rate_limit.hits", by="limit_type"),
                ),
                Recording(
                    "API_CONCURRENT",
                    f"sum by (job, endpoint_group) ({ask.raw('signal_service.concurrent_requests')})",
                ),
                Recording(
                    "HEALTH", f"min by (job, component) ({ask.raw('signal_service.health_check.status')})"
                ),
            ),
        ),
        Group(
            "api-latency",
            config.pipeline.recording,
            (
                Recording(
                    "API_BUCKETS",
                    ask.rate(_SECONDS, by="endpoint, user_tier, le", over=latency, suffix="_bucket"),
                ),
                Recording("API_P50", latency_of(0.5, "job, le")),
                Recording("API_P95", latency_of(0.95, "job, le")),
                Recording("API_P99", latency_of(0.99, "job, le")),
                Recording("API_P95_ENDPOINT", latency_of(0.95, "job, endpoint, le")),
                Recording("API_MEAN", f"{ask.rate(_SECONDS, suffix='_sum')} / ({every} > 0)"),
                Recording("API_TIMED", every),
                Recording("API_SLOW_RATE", f"{ask.of('API_TIMED')} - {quick}"),
                Recording("API_SLOW", f"100 * {ask.of('API_SLOW_RATE')} / ({ask.of('API_TIMED')} > 0)"),
            ),
        ),
    ]
