"""Alerts about the pipeline itself: without measurements no other alert can fire.

Names of the Collector's metrics are those of its own telemetry page (v0.159.0), of Prometheus' those of its page.
"""

from __future__ import annotations

from signalscope.config import Config
from signalscope.mixin.alerts._model import Alert
from signalscope.mixin.alerts.telemetry import collector, instrumentation, prometheus
from signalscope.mixin.alerts.telemetry._shared import COLLECTOR_KINDS

__all__ = ["OWN_METRICS", "alerts"]

_TARGET = frozenset({"job", "instance"})
#: The metrics of other programs that rules use, and the labels of them that rules use.
OWN_METRICS: dict[str, frozenset[str]] = {
    "up": _TARGET,
    "scrape_samples_post_metric_relabeling": _TARGET,
    "ALERTS": frozenset({"job", "alertname", "alertstate", "sloth_slo"}),
    **{
        f"otelcol_{part}_{event}_{kind}": _TARGET | {part}
        for part, event in (
            ("receiver", "refused"),
            ("receiver", "failed"),
            ("exporter", "send_failed"),
            ("exporter", "enqueue_failed"),
        )
        for kind in COLLECTOR_KINDS
    },
    "otelcol_exporter_queue_size": _TARGET | {"exporter"},
    "otelcol_exporter_queue_capacity": _TARGET | {"exporter"},
    "otelcol_process_memory_rss": _TARGET,
    "prometheus_rule_evaluation_failures_total": _TARGET | {"rule_group"},
    "prometheus_rule_group_iterations_missed_total": _TARGET | {"rule_group"},
    "prometheus_rule_group_last_duration_seconds": _TARGET | {"rule_group"},
    "prometheus_rule_group_interval_seconds": _TARGET | {"rule_group"},
    "prometheus_notifications_errors_total": _TARGET | {"alertmanager"},
    "prometheus_notifications_dropped_total": _TARGET,
}


def alerts(config: Config) -> list[Alert]:
    """Return the alerts of this package."""
    return [*collector.alerts(config), *prometheus.alerts(config), *instrumentation.alerts(config)]
