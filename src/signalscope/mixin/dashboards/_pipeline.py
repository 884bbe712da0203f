"""Series that the Collector, Prometheus and Alertmanager have about themselves, as far as dashboards use them."""

from __future__ import annotations

import difflib

from signalscope.contract._model import ContractError
from signalscope.mixin.alerts.telemetry import OWN_METRICS
from signalscope.mixin.dashboards._expr import INTERVAL

#: Each name, and its labels: what rules use, and what only dashboards do. The Collector counts without ``_total``.
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


def by(name: str, *labels: str) -> str:
    """A counter of the pipeline, per second, by labels.

    Raises:
        ContractError: There is no such series or label.
    """
    if name not in SERIES:
        near = difflib.get_close_matches(name, SERIES, 1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise ContractError(f"the pipeline has no series {name!r} that is known here{hint}")
    if unknown := sorted(set(labels) - SERIES[name]):
        has = ", ".join(sorted(SERIES[name]))
        raise ContractError(f"{name} has no label {', '.join(unknown)}; it has: {has}")
    grouped = f"sum by ({', '.join(labels)})" if labels else "sum"
    return f"{grouped} (rate({name}[{INTERVAL}]))"


def total(failures: str, attempts: str, *labels: str) -> str:
    """Failures per second: zero, not nothing, where there were attempts and none has failed yet."""
    return f"{by(failures, *labels)} or 0 * {by(attempts, *labels)}"
