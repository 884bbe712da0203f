"""Alerts about the pipeline itself: without measurements no other alert can fire.

Names of the Collector's metrics are those of its own telemetry page (v0.159.0), of Prometheus' those of its page.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from signalscope.config import Config
from signalscope.derived._promql import Promql, duration, named
from signalscope.mixin.alerts._model import Alert, Maker, maker

_TARGET = frozenset({"job", "instance"})
#: What the Collector counts apart, as the ends of its metrics' names.
_KINDS = ("spans", "metric_points", "log_records")
#: What the Collector counts of data that it refuses or loses: the part of it, and the events.
_REFUSED = ("receiver", "refused", "failed")
_DROPPED = ("exporter", "send_failed", "enqueue_failed")
#: The metrics of other programs that rules use, and the labels of them that rules use.
OWN_METRICS: dict[str, frozenset[str]] = {
    "up": _TARGET,
    "scrape_samples_post_metric_relabeling": _TARGET,
    "ALERTS": frozenset({"job", "alertname", "alertstate", "sloth_slo"}),
    **{
        f"otelcol_{part}_{event}_{kind}": _TARGET | {part}
        for part, *events in (_REFUSED, _DROPPED)
        for event in events
        for kind in _KINDS
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
#: Which series are the Collector's and Prometheus' own.
_COLLECTOR, _PROMETHEUS = 'job="otel-collector-telemetry"', 'job="prometheus"'
#: Seconds until the Collector has forgotten the series of a process that has stopped: its `metric_expiration` of
#: five minutes, and until it looks.
_FORGOTTEN = 330


def alerts(config: Config) -> Iterator[Alert]:
    """Yield the alerts of this module."""
    shared = {"for_": config.holds.telemetry, "keep_firing_for": config.holds.keep_firing}
    alert = maker(config, "telemetry", dashboard="telemetry", **shared)
    for part in (_collector, _prometheus, _instrumentation):
        yield from part(config, alert)


def _collector(config: Config, alert: Maker) -> Iterator[Alert]:
    """Yield the alerts about the Collector, and about what does not arrive through it."""
    limit = config.thresholds.collector_queue_ratio
    window = duration(config.windows.pipeline)
    losses = "Numbers are too low or have gaps, so alerts may be late; users notice nothing."
    yield alert(
        "ScrapeFailing",
        f'up{{job!="{config.selectors.job}"}} == 0',
        for_=config.holds.scrape,
        keep_firing_for=0,
        summary="{{ $labels.job }} cannot be scraped",
        description="{{ $labels.instance }} of {{ $labels.job }} has not answered Prometheus for "
        f"{duration(config.holds.scrape)}.",
        impact="Dashboards and alerts that need it are blind; users notice nothing.",
        response="See whether it runs; then Prometheus' page of targets for the reason.",
    )
    yield alert(
        "TelemetryMissing",
        lambda ask: f"{ask.of('UP')} == 1 unless {ask.on()} count {ask.by()} ({ask.raw('process.cpu')})",
        keep_firing_for=0,
        shows_after=_FORGOTTEN,
        summary="{{ $labels.job }} is up, but nothing of it is measured",
        description="It answers its scrape, and no metrics of it have arrived for "
        f"{duration(config.holds.telemetry)} or longer.",
        impact="Nobody sees what the service does: all its alerts but SignalServiceDown are blind.",
        response="See whether the service exports (its log), and whether the Collector receives.",
    )
    yield alert(
        "CollectorRefusingData",
        lambda ask: _lost(ask, *_REFUSED),
        summary="The Collector refuses data",
        description="{{ $labels.receiver }} of {{ $labels.instance }} refused {{ $value | humanize }} items in "
        f"{window}.",
        impact=losses,
        response="See its memory below: it refuses when that runs out.",
    )
    yield alert(
        "CollectorDroppingData",
        lambda ask: _lost(ask, *_DROPPED),
        summary="The Collector loses data",
        description="{{ $labels.exporter }} of {{ $labels.instance }} gave up on {{ $value | humanize }} items in "
        f"{window}.",
        impact=losses,
        response="See whether what it sends to answers.",
    )

    def queue(ask: Promql, what: str) -> str:
        return f"sum {ask.by('instance', 'exporter')} (otelcol_exporter_queue_{what}{{{_COLLECTOR}}})"

    yield alert(
        "CollectorQueueFilling",
        lambda ask: f"{queue(ask, 'size')} / ({queue(ask, 'capacity')} > 0) > {limit:g}",
        summary="The Collector's export queue is filling",
        description="The queue of {{ $labels.exporter }} is {{ $value | humanizePercentage }} full, more than "
        f"{100 * limit:g} %.",
        impact="None yet; when it is full, telemetry is lost.",
        response="See whether what it sends to is slow or away.",
    )


def _prometheus(config: Config, alert: Maker) -> Iterator[Alert]:
    """Yield the alerts about Prometheus: its rules, and its way to Alertmanager."""
    window = duration(config.windows.pipeline)
    failures, errors, dropped = (
        partial(
            _increased, counter=f"prometheus_{counter}_total{{{_PROMETHEUS}}}", present=f"up{{{_PROMETHEUS}}}"
        )
        for counter in ("rule_evaluation_failures", "notifications_errors", "notifications_dropped")
    )
    yield alert(
        "RuleEvaluationFailing",
        lambda ask: failures(ask, by=ask.by("instance", "rule_group")),
        summary="Rules fail to evaluate",
        description=f"{{{{ $labels.rule_group }}}} failed {{{{ $value | humanize }}}} times in {window}.",
        impact="Series and alerts of that group are missing; users notice nothing.",
        response="Prometheus' page of rules shows the error.",
    )
    last, interval = (
        f"prometheus_rule_group_{what}_seconds{{{_PROMETHEUS}}}" for what in ("last_duration", "interval")
    )
    slow = config.thresholds.rule_group_seconds_ratio
    yield alert(
        "RuleEvaluationSlow",
        lambda ask: f"{last} / {ask.on('instance', 'rule_group')} {interval} > {slow:g}",
        summary="Rules take longer than their interval",
        description="{{ $labels.rule_group }} takes {{ $value | humanize }} times its interval.",
        impact="Evaluations are skipped, so alerts are late; users notice nothing.",
        response="See which group takes long, and how many series it reads.",
    )
    yield alert(
        "AlertDeliveryFailing",
        lambda ask: " or ".join(f"({lost(ask, by=ask.by('instance'))})" for lost in (errors, dropped)),
        summary="Alerts do not reach Alertmanager",
        description=f"{{{{ $value | humanize }}}} notifications of {{{{ $labels.instance }}}} failed in {window}.",
        impact="Nobody is told of an outage: the next one will be found by users.",
        response="See whether Alertmanager runs; Prometheus' log says why it does not take them.",
    )


def _instrumentation(config: Config, alert: Maker) -> Iterator[Alert]:
    """Yield the alerts about the instrumentation in the service."""
    window = duration(config.windows.pipeline)

    def increased(ask: Promql, name: str, *by: str) -> str:
        return _increased(ask, ask.raw(name), ask.by(*by), ask.raw("process.cpu"))

    yield alert(
        "AttributeOverflow",
        lambda ask: increased(ask, "signalscope.attribute.overflow", "instrument", "attribute"),
        severity="info",
        summary="Values of {{ $labels.attribute }} are cut off",
        description="{{ $value | humanize }} values of {{ $labels.attribute }} in {{ $labels.instrument }} became "
        f"`other` in {window}.",
        impact="None; some detail of the metric is lost.",
        response="See whether the value is new and wanted: allow it, or mend the code that sends it.",
    )
    yield alert(
        "InstrumentationErrors",
        lambda ask: increased(ask, "signalscope.internal.errors", "where"),
        summary="The instrumentation of {{ $labels.job }} fails",
        description=f"{{{{ $labels.where }}}} failed {{{{ $value | humanize }}}} times in {window}.",
        impact="Some measurements are missing; the service itself goes on.",
        response="The service's log has the first failure of each place.",
    )


def _increased(ask: Promql, counter: str, by: str, present: str) -> str:
    """Return an expression that is true where a counter has increased.

    `increase` misses the first event of a counter that begins with it. That one counts too where something else of
    the same job was there before: else nothing is known of the time before.

    Args:
        ask: Notes how far the expression looks back.
        counter: The counter's selector.
        by: The clause with the labels to keep.
        present: The selector of a series of the same job that is always there.
    """
    window = ask.window(ask.config.windows.pipeline)
    known = f"count {ask.by()} ({present} offset {window})"
    first = f"(({counter} unless {counter} offset {window}) and {ask.on()} {known})"
    return f"sum {by} ((increase({counter}[{window}]) > 0) or {first}) > 0"


def _lost(ask: Promql, part: str, *events: str) -> str:
    """Return what a receiver or an exporter has counted of any of the events, of any kind of data."""
    by, present = ask.by("instance", part), f"up{{{_COLLECTOR}}}"
    counters = [f"otelcol_{part}_{event}_{kind}" for event in events for kind in _KINDS]
    parts = (
        named(_increased(ask, f"{counter}{{{_COLLECTOR}}}", by, present), counter=counter)
        for counter in counters
    )
    return f"sum {by} ({' or '.join(parts)})"
