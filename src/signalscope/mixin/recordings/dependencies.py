"""Series of external services and circuit breakers."""

from __future__ import annotations

from signalscope.config import Config
from signalscope.mixin._promql import Promql, quantile, ratio
from signalscope.mixin.rules import Group, Recording

__all__ = ["groups"]

_SECONDS = "signal_service.external_service.duration"
_STATE = "signal_service.circuit_breaker.state"


def groups(config: Config) -> list[Group]:
    """The group of this module."""
    ask = Promql(config.selectors.job)
    health = ask.raw("signal_service.external_service.health")
    by_health = "job, service_name, criticality"
    # What was cancelled says nothing about the service.
    ended = ask.of("DEPENDENCY_CALLS", 'outcome!="cancelled"')
    failed = ask.of("DEPENDENCY_CALLS", 'outcome="error"')
    kept = "job, service_name"
    buckets = ask.rate(_SECONDS, by="service_name, le", suffix="_bucket")
    breaker = "job, service_name, operation"
    return [
        Group(
            "dependencies",
            config.pipeline.recording,
            (
                Recording("DEPENDENCY_UP", f"max by ({by_health}) ({health})"),
                Recording("DEPENDENCY_HEALTH", f"avg by ({by_health}) (avg_over_time({health}[5m]))"),
                Recording("DEPENDENCY_SCORE", f"100 * avg by (job) ({ask.of('DEPENDENCY_HEALTH')})"),
                Recording(
                    "DEPENDENCY_CALLS", ask.rate(_SECONDS, by="service_name, outcome", suffix="_count")
                ),
                Recording(
                    "DEPENDENCY_ERRORS",
                    ask.rate("signal_service.dependency.errors", by="service_name, error_type"),
                ),
                Recording(
                    "DEPENDENCY_ERROR_RATIO",
                    ratio(f"sum by ({kept}) ({failed})", f"sum by ({kept}) ({ended})"),
                ),
                Recording("DEPENDENCY_P95", quantile(0.95, buckets)),
                Recording("DEPENDENCY_TIME", ask.rate(_SECONDS, by="service_name", suffix="_sum")),
                Recording("BREAKER_OPEN", f"max by ({breaker}) ({ask.raw(_STATE, _OPEN)})"),
                Recording("BREAKER_CLOSED", f"avg by ({breaker}) ({ask.raw(_STATE, _CLOSED)})"),
                Recording(
                    "BREAKER_REJECTED",
                    ask.rate(
                        "signal_service.circuit_breaker.calls",
                        'outcome="rejected"',
                        by="service_name, operation",
                    ),
                ),
            ),
        )
    ]


_OPEN, _CLOSED = 'state="open"', 'state="closed"'
