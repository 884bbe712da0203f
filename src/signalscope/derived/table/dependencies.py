"""External services and circuit breakers."""

from __future__ import annotations

from signalscope.config.defaults import RATE_SECONDS
from signalscope.derived._expressions import (
    AvgOverTime,
    Expr,
    Instrument,
    Match,
    Quantile,
    Series,
    Setting,
    is_not,
    one_of,
)
from signalscope.derived._operators import Avg, Max, Ratio, Scale, Sum, Union
from signalscope.derived._rows import asked, group, series
from signalscope.derived.table import increase, rate

_SECONDS = "signal_service.external_service.duration"
_HEALTH = Instrument("signal_service.external_service.health")
_STATE, _BREAKER_CALLS, _TRANSITIONS = (
    f"signal_service.circuit_breaker.{name}" for name in ("state", "calls", "transitions")
)
_BREAKER = ("service_name", "operation")


def _late_failures(over: float | Setting) -> Expr:
    late, failed = (
        rate(_BREAKER_CALLS, *_BREAKER, outcome=outcome, over=over)
        for outcome in ("late_loop", one_of("failure", "late_loop"))
    )
    return Ratio(late, failed)


def _calls(outcome: str | Match) -> Expr:
    return Sum(Series("DEPENDENCY_CALLS", outcome=outcome), "service_name")


GROUPS = (
    group("dependencies", "recording", {
        "DEPENDENCY_UP": series(
            "job_service_name:signal_service_external_service_health:max", unit="",
            meaning="1 if the probe of any instance finds the service healthy, else 0.",
            expr=Max(_HEALTH, "service_name", "criticality"),
        ),
        "DEPENDENCY_HEALTH": series(
            "job_service_name:signal_service_external_service_health:avg5m", unit="",
            meaning="Ratio of probes that found the service healthy.",
            expr=Avg(AvgOverTime(_HEALTH), "service_name", "criticality"),
        ),
        "DEPENDENCY_SCORE": series(
            "job:signal_service_dependency_health:percentage", unit="%",
            meaning="Percentage of healthy dependencies: the mean of all dependencies over five minutes.",
            expr=Scale(Avg(Series("DEPENDENCY_HEALTH")), 100),
        ),
        "DEPENDENCY_CALLS": series(
            "job_service_name_outcome:signal_service_external_service_calls:rate5m", unit="{call}/s",
            meaning="Calls by outcome.", expr=rate(_SECONDS, "service_name", "outcome", part="count"),
        ),
        "DEPENDENCY_ERRORS": series(
            "job_service_name_error_type:signal_service_dependency_errors:rate5m", unit="{error}/s",
            meaning="Calls that failed, by type of error.",
            expr=rate("signal_service.dependency.errors", "service_name", "error_type"),
        ),
        # Without cancelled calls: the caller cancels a call, not the service.
        "DEPENDENCY_ERROR_RATIO": series(
            "job_service_name:signal_service_external_service_errors:ratio5m", unit="",
            meaning="Ratio of calls that failed; a timeout while the caller's event loop was late is not a failure.",
            expr=Ratio(_calls("error"), _calls(is_not("cancelled"))),
        ),
        "DEPENDENCY_P95": series(
            "job_service_name:signal_service_external_service_duration_seconds:p95", unit="s",
            meaning="95th percentile of the time of a call to the service, if the caller's event loop was in time.",
            expr=Quantile(0.95, rate(_SECONDS, "service_name", "le", part="bucket", outcome=is_not("late_loop"))),
        ),
        "DEPENDENCY_TIME": series(
            "job_service_name:signal_service_external_service_time:rate5m", unit="s/s",
            meaning="Seconds in calls to the service, each second, if the caller's event loop was in time.",
            expr=rate(_SECONDS, "service_name", part="sum", outcome=is_not("late_loop")),
        ),
        "BREAKER_OPEN": series(
            "job_service_name_operation:signal_service_circuit_breaker_open:max", unit="",
            meaning="1 while the breaker of any instance is open, else 0.",
            expr=Max(Instrument(_STATE, state="open"), *_BREAKER),
        ),
        "BREAKER_CLOSED": series(
            "job_service_name_operation:signal_service_circuit_breaker_closed:avg", unit="",
            meaning="Ratio of the instances whose breaker is closed.",
            expr=Avg(Instrument(_STATE, state="closed"), *_BREAKER),
        ),
        "BREAKER_REJECTED": series(
            "job_service_name_operation:signal_service_circuit_breaker_rejected:rate5m", unit="{call}/s",
            meaning="Calls that an open breaker refused.",
            expr=rate(_BREAKER_CALLS, *_BREAKER, outcome="rejected"),
        ),
        # The newest failures count: a service may fail right after a delay of the event loop.
        "BREAKER_LATE_LOOP": series(
            "job_service_name_operation:signal_service_circuit_breaker_late_loop:ratio", unit="",
            meaning="Ratio of failed calls through a breaker that timed out while the caller's event loop was late. "
            "Without a failure in the window of the lag, it is over five minutes.",
            expr=Union(_late_failures(Setting("lag_window")), _late_failures(RATE_SECONDS)),
        ),
    }),
)  # fmt: skip

ASKED = {
    "DEPENDENCY_SCORE_NOW": asked(
        unit="%", meaning="Percentage of the dependencies that are healthy at the last check.",
        expr=Scale(Avg(Series("DEPENDENCY_UP")), 100),
    ),
    "BREAKER_STATES": asked(
        unit="", meaning="1 for each state that the breaker of any instance is in, else 0.",
        expr=Max(Instrument(_STATE), *_BREAKER, "state"),
    ),
    "BREAKER_CALLS": asked(
        unit="{call}", meaning="Calls through each breaker in the last hour, by outcome.",
        expr=increase(_BREAKER_CALLS, *_BREAKER, "outcome"),
    ),
    "BREAKER_TRANSITIONS": asked(
        unit="{transition}", meaning="State changes of each breaker in the last hour, by the new state.",
        expr=increase(_TRANSITIONS, *_BREAKER, "to"),
    ),
}  # fmt: skip
