"""Alerts about the pipeline itself: what is not measured cannot alarm anybody.

Names of the Collector's metrics are those of its own telemetry page (v0.159.0), of Prometheus' those of its page.
"""

from __future__ import annotations

from signalscope.config import Config
from signalscope.mixin._promql import Promql, duration
from signalscope.mixin.alerts._model import Alert

__all__ = ["OWN_METRICS", "alerts"]

_COLLECTOR, _PROMETHEUS = 'job="otel-collector-telemetry"', 'job="prometheus"'
_KINDS = ("spans", "metric_points", "log_records")

#: The metrics of other programs that rules use, and the labels of them that rules use.
OWN_METRICS: dict[str, frozenset[str]] = {
    "up": frozenset({"job", "instance"}),
    "scrape_samples_post_metric_relabeling": frozenset({"job", "instance"}),
    "ALERTS": frozenset({"job", "alertname", "alertstate", "sloth_slo"}),
    **{f"otelcol_receiver_refused_{kind}": frozenset({"job", "instance", "receiver"}) for kind in _KINDS},
    **{f"otelcol_receiver_failed_{kind}": frozenset({"job", "instance", "receiver"}) for kind in _KINDS},
    **{f"otelcol_exporter_send_failed_{kind}": frozenset({"job", "instance", "exporter"}) for kind in _KINDS},
    **{
        f"otelcol_exporter_enqueue_failed_{kind}": frozenset({"job", "instance", "exporter"})
        for kind in _KINDS
    },
    "otelcol_exporter_queue_size": frozenset({"job", "instance", "exporter"}),
    "otelcol_exporter_queue_capacity": frozenset({"job", "instance", "exporter"}),
    "otelcol_process_memory_rss": frozenset({"job", "instance"}),
    "prometheus_rule_evaluation_failures_total": frozenset({"job", "instance", "rule_group"}),
    "prometheus_rule_group_iterations_missed_total": frozenset({"job", "instance", "rule_group"}),
    "prometheus_rule_group_last_duration_seconds": frozenset({"job", "instance", "rule_group"}),
    "prometheus_rule_group_interval_seconds": frozenset({"job", "instance", "rule_group"}),
    "prometheus_notifications_errors_total": frozenset({"job", "instance", "alertmanager"}),
    "prometheus_notifications_dropped_total": frozenset({"job", "instance"}),
}


def alerts(config: Config) -> list[Alert]:
    """The alerts of this module."""
    return [
        _scrape(config),
        _missing(config),
        _collector(config, "Refusing", "refuses data", ("receiver_refused", "receiver_failed"), "receiver"),
        _collector(
            config, "Dropping", "loses data", ("exporter_send_failed", "exporter_enqueue_failed"), "exporter"
        ),
        _queue(config),
        _rules(config),
        _slow_rules(config),
        _delivery(config),
        _overflow(config),
        _internal(config),
    ]


def _grew(selector: str, window: str, by: str, there: str) -> str:
    """Whether a counter has grown: also when it was born with its first event, which `increase` misses.

    Args:
        selector: The counter.
        window: How far to look back.
        by: Labels to keep.
        there: What of the same job is always there: where it was not, nobody knows what was before.
    """
    known = f"count by (job) ({there} offset {window})"
    born = f"(({selector} unless {selector} offset {window}) and on (job) {known})"
    return f"sum by ({by}) ((increase({selector}[{window}]) > 0) or {born}) > 0"


def _telemetry(config: Config, **rest: object) -> Alert:
    fields = {
        "severity": "warning", "domain": "telemetry", "hold": config.holds.telemetry,
        "keep": config.holds.keep_firing, "window": config.windows.pipeline, "dashboard": "telemetry",
    } | rest  # fmt: skip
    return Alert(**fields)  # type: ignore[arg-type]  # mypy does not see through a dictionary


def _scrape(config: Config) -> Alert:
    others = f'up{{job!="{config.selectors.job}"}}'
    return _telemetry(
        config,
        name="ScrapeFailing",
        expr=f"{others} == 0",
        hold=config.holds.scrape,
        keep=0,
        window=0,
        summary="{{ $labels.job }} cannot be scraped",
        description="{{ $labels.instance }} of {{ $labels.job }} has not answered Prometheus for "
        f"{duration(config.holds.scrape)}.",
        impact="Dashboards and alerts that need it are blind; users notice nothing.",
        response="See whether it runs; then Prometheus' page of targets for the reason.",
    )


def _missing(config: Config) -> Alert:
    ask = Promql(config.selectors.job)
    return _telemetry(
        config,
        name="TelemetryMissing",
        expr=f"{ask.of('UP')} == 1 unless on (job) count by (job) ({ask.raw('process.cpu')})",
        keep=0,
        window=330,
        summary="{{ $labels.job }} is up, but nothing of it is measured",
        description="It answers its scrape, and no metrics of it have arrived for "
        f"{duration(config.holds.telemetry)} or longer.",
        impact="Nobody sees what the service does: all its alerts but SignalServiceDown are blind.",
        response="See whether the service exports (its log), and whether the Collector receives.",
    )


def _collector(config: Config, what: str, does: str, prefixes: tuple[str, ...], part: str) -> Alert:
    window = duration(config.windows.pipeline)
    names = [f"otelcol_{prefix}_{kind}" for prefix in prefixes for kind in _KINDS]
    up = f"up{{{_COLLECTOR}}}"
    expr = " or ".join(
        f"label_replace({_grew(f'{name}{{{_COLLECTOR}}}', window, f'job, instance, {part}', up)}, "
        f'"counter", "{name}", "", "")'
        for name in names
    )
    refused = part == "receiver"
    return _telemetry(
        config,
        name=f"Collector{what}Data",
        expr=f"sum by (job, instance, {part}) ({expr})",
        summary=f"The Collector {does}",
        description=f"{{{{ $labels.{part} }}}} of {{{{ $labels.instance }}}} "
        + ("refused" if refused else "gave up on") + f" {{{{ $value | humanize }}}} items in {window}.",
        impact="Numbers are too low or have gaps, so alerts may be late; users notice nothing.",
        response="See its memory below: it refuses when that runs out." if refused
        else "See whether what it sends to answers.",
    )  # fmt: skip


def _queue(config: Config) -> Alert:
    limit = config.thresholds.collector_queue_ratio
    kept = "job, instance, exporter"
    size, capacity = (
        f"sum by ({kept}) (otelcol_exporter_queue_{each}{{{_COLLECTOR}}})" for each in ("size", "capacity")
    )
    return _telemetry(
        config,
        name="CollectorQueueFilling",
        expr=f"{size} / ({capacity} > 0) > {limit:g}",
        window=0,
        summary="The Collector's export queue is filling",
        description="The queue of {{ $labels.exporter }} is {{ $value | humanizePercentage }} full, more "
        "than "
        f"{100 * limit:g} %.",
        impact="None yet; when it is full, telemetry is lost.",
        response="See whether what it sends to is slow or away.",
    )


def _rules(config: Config) -> Alert:
    window = duration(config.windows.pipeline)
    failures = f"prometheus_rule_evaluation_failures_total{{{_PROMETHEUS}}}"
    return _telemetry(
        config,
        name="RuleEvaluationFailing",
        expr=_grew(failures, window, "job, instance, rule_group", f"up{{{_PROMETHEUS}}}"),
        summary="Rules fail to evaluate",
        description=f"{{{{ $labels.rule_group }}}} failed {{{{ $value | humanize }}}} times in {window}.",
        impact="Series and alerts of that group are missing; users notice nothing.",
        response="Prometheus' page of rules shows the error.",
    )


def _slow_rules(config: Config) -> Alert:
    limit = config.thresholds.rule_group_seconds_ratio
    last, interval = (
        f"prometheus_rule_group_{each}_seconds{{{_PROMETHEUS}}}" for each in ("last_duration", "interval")
    )
    return _telemetry(
        config,
        name="RuleEvaluationSlow",
        expr=f"{last} / on (job, instance, rule_group) {interval} > {limit:g}",
        window=0,
        summary="Rules take longer than their interval",
        description="{{ $labels.rule_group }} takes {{ $value | humanize }} times its interval.",
        impact="Evaluations are skipped, so alerts are late; users notice nothing.",
        response="See which group takes long, and how many series it reads.",
    )


def _delivery(config: Config) -> Alert:
    window = duration(config.windows.pipeline)
    errors = f"prometheus_notifications_errors_total{{{_PROMETHEUS}}}"
    dropped = f"prometheus_notifications_dropped_total{{{_PROMETHEUS}}}"
    kept, there = "job, instance", f"up{{{_PROMETHEUS}}}"
    return _telemetry(
        config,
        name="AlertDeliveryFailing",
        expr=f"({_grew(errors, window, kept, there)}) or ({_grew(dropped, window, kept, there)})",
        summary="Alerts do not reach Alertmanager",
        description=f"{{{{ $value | humanize }}}} notifications of {{{{ $labels.instance }}}} failed in "
        f"{window}.",
        impact="Nobody is told of an outage: the next one will be found by users.",
        response="See whether Alertmanager runs; Prometheus' log says why it does not take them.",
    )


def _overflow(config: Config) -> Alert:
    ask = Promql(config.selectors.job)
    window = duration(config.windows.pipeline)
    raw = ask.raw("signalscope.attribute.overflow")
    return _telemetry(
        config,
        name="AttributeOverflow",
        severity="info",
        expr=_grew(raw, window, "job, instrument, attribute", ask.raw("process.cpu")),
        window=config.windows.pipeline,
        summary="Values of {{ $labels.attribute }} are cut off",
        description=f"{{{{ $value | humanize }}}} values of {{{{ $labels.attribute }}}} in "
        f"{{{{ $labels.instrument }}}} "
        f"became `other` in {window}.",
        impact="None; some detail of the metric is lost.",
        response="See whether the value is new and wanted: allow it, or mend the code that sends it.",
    )


def _internal(config: Config) -> Alert:
    ask = Promql(config.selectors.job)
    window = duration(config.windows.pipeline)
    raw = ask.raw("signalscope.internal.errors")
    return _telemetry(
        config,
        name="InstrumentationErrors",
        expr=_grew(raw, window, "job, where", ask.raw("process.cpu")),
        summary="The instrumentation of {{ $labels.job }} fails",
        description=f"{{{{ $labels.where }}}} failed {{{{ $value | humanize }}}} times in {window}.",
        impact="Some measurements are missing; the service itself goes on.",
        response="The service's log has the first failure of each place.",
    )
