"""What the alerts about telemetry have in common."""

from __future__ import annotations

from typing import Any

from signalscope.derived._promql import Promql
from signalscope.mixin.alerts._model import Alert

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


def telemetry_alert(ask: Promql, **fields: Any) -> Alert:
    """Return an alert about telemetry, with what most of them share where it is not given.

    Args:
        ask: What rendered the names in its expression.
        fields: The fields of `Alert`.
    """
    holds = ask.config.holds
    shared = {
        "severity": "warning", "domain": "telemetry", "dashboard": "telemetry",
        "for_": holds.telemetry, "keep_firing_for": holds.keep_firing,
    }  # fmt: skip
    return Alert(ask=ask, **{**shared, **fields})
