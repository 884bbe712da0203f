"""Alerts about the pipeline itself: what is not measured cannot alarm anybody.

Names of the Collector's metrics are those of its own telemetry page (v0.159.0), of Prometheus' those of its page.
"""

from __future__ import annotations

from signalscope.config import Config
from signalscope.derived._promql import Promql, duration
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
        meaning="A part of the pipeline does not answer. When it is the Collector, nothing of the service "
        "is seen, but "
        "for whether it is up.",
        why=f"Any target but the service's own, which has SignalServiceDown. "
        f"{duration(config.holds.scrape)} let it "
        "restart.",
        diagnosis={
            "Targets": "up",
            "How many samples each gives": "scrape_samples_post_metric_relabeling",
        },
        mitigation=(
            "Start it again.",
            "If it runs, mend the address in Prometheus' targets, or what is between them.",
        ),
    )


def _missing(config: Config) -> Alert:
    ask = Promql(config)
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
        meaning="The service runs; its telemetry does not reach Prometheus.",
        why="Every process reports its CPU time, whatever it does, so that absence is a broken pipeline and "
        "not an idle "
        "service. The Collector forgets series after five minutes without news, so it takes about that long.",
        diagnosis={
            "What the Collector receives": f'{{__name__=~"otelcol_receiver_accepted_.*", {_COLLECTOR}}}',
            "What it refuses": f'{{__name__=~"otelcol_receiver_refused_.*", {_COLLECTOR}}}',
            "Targets": "up",
        },
        mitigation=(
            "OTEL_EXPORTER_OTLP_ENDPOINT of the service must be the Collector's.",
            "OTEL_SDK_DISABLED must not be true.",
            "Start the Collector again if it hangs.",
        ),
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
        meaning="What services push is not taken; they try again, and lose it after a while." if refused
        else "What was taken cannot be passed on, and is lost after retries.",
        why="Any refused or lost item is a gap. Counters that begin with their first event count as well. "
        "It must go on "
        f"for {duration(config.holds.telemetry)}, so that one restart is no alert; it ends "
        f"{duration(config.holds.keep_firing)} after the window has passed.",
        diagnosis={
            "By counter": "sum by (__name__, receiver, exporter) "
            f'({{__name__=~"otelcol_.*_(refused|failed)_.*", {_COLLECTOR}}})',
            "Memory": f"otelcol_process_memory_rss{{{_COLLECTOR}}}",
            "Queue": f"otelcol_exporter_queue_size{{{_COLLECTOR}}}",
        },
        mitigation=(
            "Raise MEMORY_LIMIT_MIB, or run more Collectors." if refused
            else "Bring the receiving backend back; see the Collector's log for its answer.",
            "Send less: keep fewer traces, or lengthen the export interval (OTEL_METRIC_EXPORT_INTERVAL).",
        ),
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
        meaning="More comes in than the backend takes.",
        why=f"Size of capacity. {duration(config.holds.telemetry)} let a short outage of the backend pass: "
        f"the queue is "
        "there for that.",
        diagnosis={
            "Size": f"otelcol_exporter_queue_size{{{_COLLECTOR}}}",
            "Capacity": f"otelcol_exporter_queue_capacity{{{_COLLECTOR}}}",
            "Failed": f'{{__name__=~"otelcol_exporter_send_failed_.*", {_COLLECTOR}}}',
        },
        mitigation=("Bring the backend back.", "Make the queue larger (sending_queue) while it is away."),
    )


def _rules(config: Config) -> Alert:
    window = duration(config.windows.pipeline)
    failures = f"prometheus_rule_evaluation_failures_total{{{_PROMETHEUS}}}"
    missed = f"prometheus_rule_group_iterations_missed_total{{{_PROMETHEUS}}}"
    return _telemetry(
        config,
        name="RuleEvaluationFailing",
        expr=_grew(failures, window, "job, instance, rule_group", f"up{{{_PROMETHEUS}}}"),
        summary="Rules fail to evaluate",
        description=f"{{{{ $labels.rule_group }}}} failed {{{{ $value | humanize }}}} times in {window}.",
        impact="Series and alerts of that group are missing; users notice nothing.",
        response="Prometheus' page of rules shows the error.",
        meaning="Prometheus could not evaluate a rule: the expression and the data do not fit.",
        why="Each failure is a gap in a series or an alert that cannot fire. Held for "
        f"{duration(config.holds.telemetry)}, so that a reload is no alert.",
        diagnosis={
            "Failures by group": f"increase({failures}[1h]) > 0",
            "Missed evaluations": f"increase({missed}[1h]) > 0",
        },
        mitigation=(
            "`many-to-many matching`: two sources give the same series; see what was deployed last.",
            "Load the rules of the last release again.",
        ),
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
        meaning="Prometheus skips evaluations of that group.",
        why=f"The last duration against the interval; at {limit:g} the next one is skipped. Held for "
        f"{duration(config.holds.telemetry)}: one slow evaluation while it compacts is nothing.",
        diagnosis={
            "Slowest groups": f"topk(5, {last})",
            "Series by job": "topk(5, scrape_samples_post_metric_relabeling)",
        },
        mitigation=(
            "Give Prometheus more CPU.",
            "Make the interval longer (`[pipeline]` of the configuration), and generate again.",
        ),
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
        meaning="Prometheus fires alerts, and Alertmanager does not get them. This one reaches you only "
        "through another "
        "Prometheus, another Alertmanager of the same, or the watchdog that falls silent.",
        why="Any notification that fails after Prometheus' retries. No user notices it, so it is no page; "
        "the watchdog that "
        "falls silent is. Held for "
        f"{duration(config.holds.telemetry)}, so that a restart of Alertmanager is no alert.",
        diagnosis={
            "Errors": f"increase({errors}[1h])",
            "Dropped": f"increase({dropped}[1h])",
            "Alertmanager": 'up{job="alertmanager"}',
        },
        mitigation=("Start Alertmanager again.", "Mend its address in Prometheus' targets."),
    )


def _overflow(config: Config) -> Alert:
    ask = Promql(config)
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
        meaning="The code gave an attribute a value that the contract does not allow, or one more than it "
        "keeps apart.",
        why="Each is detail lost, and none is urgent. Counters that begin with their first event count as "
        "well.",
        diagnosis={"By attribute": f"sum by (instrument, attribute) ({raw})"},
        mitigation=(
            "A wanted value of a closed set: SIGNALSCOPE_ALLOW or contract.allow.",
            "An id as a value: take it out; ids belong into traces.",
        ),
    )


def _internal(config: Config) -> Alert:
    ask = Promql(config)
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
        meaning="signalscope caught an error of its own, or of a callable that was given to a decorator.",
        why="The user's code is unharmed, so it is no page. Held for "
        f"{duration(config.holds.telemetry)}, kept on for {duration(config.holds.keep_firing)}.",
        diagnosis={"By place": f"sum by (where) ({raw})"},
        mitigation=(
            "A place that names a decorator's option: mend the callable that was given for it.",
            "Otherwise report it, with the log.",
        ),
    )
