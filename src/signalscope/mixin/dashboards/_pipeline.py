"""Metrics of the Collector, Prometheus and Alertmanager about themselves that dashboards use."""

from __future__ import annotations

import difflib

from signalscope.contract._model import ContractError
from signalscope.mixin.alerts.telemetry import OWN_METRICS
from signalscope.mixin.dashboards._expr import INTERVAL

#: The labels of each metric. Counters of the Collector have no suffix ``_total``.
SERIES: dict[str, frozenset[str]] = {
    **OWN_METRICS,
    "scrape_duration_seconds": frozenset({"job", "instance"}),
    **{
        f"otelcol_receiver_accepted_{kind}": frozenset({"job", "instance", "receiver", "transport"})
        for kind in ("metric_points", "spans")
    },
    **{
        f"otelcol_exporter_sent_{kind}": frozenset({"job", "instance", "exporter"})
        for kind in ("metric_points", "spans")
    },
    "otelcol_processor_incoming_items": frozenset({"job", "instance", "processor"}),
    "otelcol_processor_outgoing_items": frozenset({"job", "instance", "processor"}),
    "prometheus_rule_evaluations_total": frozenset({"job", "instance", "rule_group"}),
    "prometheus_notifications_sent_total": frozenset({"job", "instance", "alertmanager"}),
    "prometheus_tsdb_head_series": frozenset({"job", "instance"}),
    "ALERTS": OWN_METRICS["ALERTS"] | {"severity"},
    "ALERTS_FOR_STATE": frozenset({"job", "alertname", "severity"}),
}


def by(name: str, *labels: str, over: str = "") -> str:
    """Return PromQL for the rate of a pipeline counter per second, or for its increase in a range, by labels.

    Args:
        name: The counter.
        labels: The labels of the result.
        over: The range of the increase, such as ``5m``; empty for the rate.

    Raises:
        ContractError: The table has no such metric or label.
    """
    if name not in SERIES:
        near = difflib.get_close_matches(name, SERIES, 1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise ContractError(f"{name!r} is not a pipeline metric that dashboards use{hint} [SS622]")
    if unknown := sorted(set(labels) - SERIES[name]):
        has = ", ".join(sorted(SERIES[name]))
        raise ContractError(f"{name} has no label {', '.join(unknown)}; use one of: {has} [SS620]")
    grouped = f"sum by ({', '.join(labels)})" if labels else "sum"
    return f"{grouped} ({f'increase({name}[{over}])' if over else f'rate({name}[{INTERVAL}])'})"


def total(failures: str, attempts: str, *labels: str, over: str = "") -> str:
    """Return PromQL for failures as in `by`; it is 0, not empty, if there are attempts and no failures yet."""
    return f"{by(failures, *labels, over=over)} or 0 * {by(attempts, *labels, over=over)}"
