"""What the alerts about telemetry have in common."""

from __future__ import annotations

from signalscope.derived._promql import Promql
from signalscope.mixin.alerts._model import Alert, Severity

__all__ = ["COLLECTOR", "COLLECTOR_KINDS", "PROMETHEUS", "increased", "telemetry_alert"]

#: Which series are the Collector's and Prometheus' own.
COLLECTOR, PROMETHEUS = 'job="otel-collector-telemetry"', 'job="prometheus"'
#: What the Collector counts apart, as the ends of its metrics' names.
COLLECTOR_KINDS = ("spans", "metric_points", "log_records")


def increased(counter: str, window: str, by: str, present: str) -> str:
    """Return an expression that is true where a counter has increased.

    `increase` misses the first event of a counter that begins with it. That one counts too where something else of
    the same job was there before: else nothing is known of the time before.

    Args:
        counter: The counter's selector.
        window: How far to look back.
        by: Labels to keep.
        present: The selector of a series of the same job that is always there.
    """
    known = f"count by (job) ({present} offset {window})"
    first = f"(({counter} unless {counter} offset {window}) and on (job) {known})"
    return f"sum by ({by}) ((increase({counter}[{window}]) > 0) or {first}) > 0"


def telemetry_alert(
    ask: Promql,
    *,
    name: str,
    expr: str,
    summary: str,
    description: str,
    impact: str,
    response: str,
    severity: Severity = "warning",
    for_: int | None = None,
    keep_firing_for: int | None = None,
    shows_after: int | None = None,
) -> Alert:
    """Return an alert about telemetry, with the times that most of them share where none are given."""
    holds = ask.config.holds
    return Alert(
        name=name,
        severity=severity,
        domain="telemetry",
        expr=expr,
        ask=ask,
        for_=holds.telemetry if for_ is None else for_,
        keep_firing_for=holds.keep_firing if keep_firing_for is None else keep_firing_for,
        shows_after=shows_after,
        summary=summary,
        description=description,
        impact=impact,
        response=response,
        dashboard="telemetry",
    )
