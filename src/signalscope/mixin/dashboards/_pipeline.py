"""Series that the Collector, Prometheus and Alertmanager have about themselves, as far as dashboards use them."""

from __future__ import annotations

import difflib

from signalscope._contract_model import ContractError
from signalscope.mixin.dashboards._expr import INTERVAL

__all__ = ["SERIES", "by", "total"]

#: Each name, and its labels beside job and instance. The Collector's counters have no ``_total`` here.
SERIES: dict[str, tuple[str, ...]] = {
    "up": (),
    "scrape_duration_seconds": (),
    "scrape_samples_scraped": (),
    "otelcol_receiver_accepted_metric_points": ("receiver", "transport"),
    "otelcol_receiver_accepted_spans": ("receiver", "transport"),
    "otelcol_receiver_refused_metric_points": ("receiver", "transport"),
    "otelcol_receiver_refused_spans": ("receiver", "transport"),
    "otelcol_exporter_sent_metric_points": ("exporter",),
    "otelcol_exporter_sent_spans": ("exporter",),
    "otelcol_exporter_send_failed_metric_points": ("exporter",),
    "otelcol_exporter_send_failed_spans": ("exporter",),
    "otelcol_exporter_queue_size": ("exporter",),
    "otelcol_exporter_queue_capacity": ("exporter",),
    "otelcol_process_memory_rss": (),
    "otelcol_process_cpu_seconds": (),
    "otelcol_processor_incoming_items": ("processor",),
    "otelcol_processor_outgoing_items": ("processor",),
    "prometheus_rule_evaluations_total": ("rule_group",),
    "prometheus_rule_evaluation_failures_total": ("rule_group",),
    "prometheus_rule_group_last_duration_seconds": ("rule_group",),
    "prometheus_rule_group_interval_seconds": ("rule_group",),
    "prometheus_notifications_sent_total": ("alertmanager",),
    "prometheus_notifications_dropped_total": (),
    "prometheus_tsdb_head_series": (),
    "ALERTS": ("alertname", "alertstate", "severity"),
    "ALERTS_FOR_STATE": ("alertname", "severity"),
}


def by(name: str, *labels: str) -> str:
    """A counter of the pipeline, per second, by labels.

    Raises:
        ContractError: There is no such series or label.
    """
    known = (*_labels(name), "job", "instance")
    unknown = set(labels) - set(known)
    if unknown:
        raise ContractError(f"{name} has no label {', '.join(sorted(unknown))}; it has: {', '.join(known)}")
    grouped = f"sum by ({', '.join(labels)})" if labels else "sum"
    return f"{grouped} (rate({name}[{INTERVAL}]))"


def total(failures: str, attempts: str, *labels: str) -> str:
    """Failures per second: zero, not nothing, where there were attempts and none has failed yet."""
    return f"{by(failures, *labels)} or 0 * {by(attempts, *labels)}"


def _labels(name: str) -> tuple[str, ...]:
    try:
        return SERIES[name]
    except KeyError:
        near = difflib.get_close_matches(name, SERIES, 1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise ContractError(f"the pipeline has no series {name!r} that is known here{hint}") from None
