"""Alerts about the telemetry pipeline. Without measurements, no other alert can fire.

Metric names are from the documentation of the Collector's internal telemetry (v0.159.0), and from Prometheus.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from signalscope.config import Config
from signalscope.derived._promql import Promql, duration, named
from signalscope.mixin.alerts._model import Alert, Maker, maker

_TARGET = frozenset({"job", "instance"})
#: The kinds of data that the Collector counts separately, as suffixes of metric names.
_KINDS = ("spans", "metric_points", "log_records")
#: The Collector's counters of refused and lost data: the component, then the events.
_REFUSED = ("receiver", "refused", "failed")
_DROPPED = ("exporter", "send_failed", "enqueue_failed")
#: The counters of the Collector's guards: what a client sent beyond a limit, by reason and offender.
_GUARDS = "signalscope_collector"
_REFUSALS = (f"{_GUARDS}_refused_points_total", f"{_GUARDS}_refused_bodies_total")
#: The counter of corrupted files of the Collector's queue.
_ASIDE = f"{_GUARDS}_queue_files_set_aside_total"
_OVERFLOW, _CONFLICTS = f"{_GUARDS}_overflow_series_total", f"{_GUARDS}_type_conflicts_total"
#: The metrics of other programs that rules use, and the labels that rules use.
OWN_METRICS: dict[str, frozenset[str]] = {
    "up": _TARGET | {"probe"},
    "scrape_samples_post_metric_relabeling": _TARGET,
    "ALERTS": frozenset({"job", "alertname", "alertstate", "sloth_slo"}),
    **{
        f"otelcol_{part}_{event}_{kind}": _TARGET | {part}
        for part, *events in (_REFUSED, _DROPPED)
        for event in events
        for kind in _KINDS
    },
    **dict.fromkeys((*_REFUSALS, _OVERFLOW, f"{_GUARDS}_cut_texts_total"), _TARGET | {"reason", "offender"}),
    _CONFLICTS: _TARGET | {"metric", "offender"},
    _ASIDE: _TARGET,
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
#: Selectors of the Collector's and Prometheus' metrics about themselves.
_COLLECTOR, _PROMETHEUS = 'job="otel-collector-telemetry"', 'job="prometheus"'
#: Seconds until the Collector drops the series of a stopped process: `metric_expiration` (five minutes), plus the
#: time until it checks.
_FORGOTTEN = 330


def alerts(config: Config) -> Iterator[Alert]:
    """Yield the alerts of this subject."""
    shared = {"for_": config.holds.telemetry, "keep_firing_for": config.holds.keep_firing}
    alert = maker(config, "telemetry", dashboard="telemetry", **shared)
    for part in (_collector, _guards, _prometheus, _instrumentation):
        yield from part(config, alert)


def _collector(config: Config, alert: Maker) -> Iterator[Alert]:
    """Yield the alerts about scrape targets, the Collector, and missing telemetry."""
    limit = config.thresholds.collector_queue_ratio
    window = duration(config.windows.pipeline)
    losses = "Metrics are too low or have gaps, so alerts may be late. No impact on users."
    yield alert(
        "ScrapeFailing",
        f'up{{job!="{config.selectors.job}"}} == 0',
        for_=config.holds.scrape,
        keep_firing_for=0,
        summary="{{ $labels.job }} cannot be scraped",
        description="{{ $labels.instance }} of {{ $labels.job }} has not answered Prometheus for "
        f"{duration(config.holds.scrape)}.",
        impact="Dashboards and alerts that need this target have no data. No impact on users.",
        response="Check that it runs; then see the reason on Prometheus' page of targets.",
    )
    own = f'job="{config.selectors.job}"'
    yield alert(
        "ScrapeTimingOut",
        lambda ask: f'up{{{own}, probe=""}} == 0 and {ask.on("instance")} up{{{own}, probe="live"}} == 1',
        for_=config.holds.scrape,
        keep_firing_for=0,
        summary="{{ $labels.instance }} of {{ $labels.job }} answers, but /metrics does not",
        description="Its liveness probe answers, and its scrape of /metrics has failed for "
        f"{duration(config.holds.scrape)}.",
        impact="None: the service answers. Metrics that come from /metrics have gaps.",
        response="If ExecutorSaturated or EventLoopLagHigh fires, follow it. Otherwise check the size of /metrics.",
    )
    yield alert(
        "TelemetryMissing",
        lambda ask: f"{ask.of('UP')} == 1 unless {ask.on()} count {ask.by()} ({ask.raw('process.cpu')})",
        keep_firing_for=0,
        shows_after=_FORGOTTEN,
        summary="{{ $labels.job }} is up, but its metrics are missing",
        description="It answers its scrape, but none of its metrics have arrived for "
        f"{duration(config.holds.telemetry)} or longer.",
        impact="The service is not monitored: of its alerts, only SignalServiceDown can fire.",
        response="Check the log of the service for export errors, and whether the Collector receives data.",
    )
    yield alert(
        "CollectorRefusingData",
        lambda ask: _lost(ask, *_REFUSED),
        summary="The Collector refuses data",
        description="{{ $labels.receiver }} of {{ $labels.instance }} refused {{ $value | humanize }} items in "
        f"{window}.",
        impact=losses,
        response="See the memory of the Collector below: it refuses data at its memory limit.",
    )
    yield alert(
        "CollectorDroppingData",
        lambda ask: _lost(ask, *_DROPPED),
        summary="The Collector loses data",
        description="{{ $labels.exporter }} of {{ $labels.instance }} dropped {{ $value | humanize }} items in "
        f"{window}.",
        impact=losses,
        response="Check that the backend of this exporter answers.",
    )

    def queue(ask: Promql, what: str) -> str:
        return f"sum {ask.by('instance', 'exporter')} (otelcol_exporter_queue_{what}{{{_COLLECTOR}}})"

    yield alert(
        "CollectorQueueFilling",
        lambda ask: f"{queue(ask, 'size')} / ({queue(ask, 'capacity')} > 0) > {limit:g}",
        summary="The Collector's export queue is filling",
        description="The queue of {{ $labels.exporter }} is {{ $value | humanizePercentage }} full; the limit is "
        f"{100 * limit:g} %.",
        impact="None yet. When the queue is full, telemetry is lost.",
        response="Check whether the backend of this exporter is slow or down.",
    )
    yield alert(
        "CollectorQueueSetAside",
        lambda ask: _increased(ask, f"{_ASIDE}{{{_COLLECTOR}}}", ask.by("instance"), f"up{{{_COLLECTOR}}}"),
        summary="The Collector started without its queue of traces",
        description="The queue file of {{ $labels.instance }} was corrupted, and is kept under another name.",
        impact="Traces that waited in the queue are missing. No impact on users.",
        response="Check the disk of the queue; the log of the Collector names the file.",
    )


def _guards(config: Config, alert: Maker) -> Iterator[Alert]:
    """Yield the alerts about clients that send what the Collector refuses."""
    window = duration(config.windows.pipeline)

    def beyond(
        ask: Promql, *counters: str, others: str = "", by: tuple[str, ...] = ("offender", "reason")
    ) -> str:
        labels, present = ask.by(*by), f"up{{{_COLLECTOR}}}"
        parts = [
            named(_increased(ask, f"{counter}{{{_COLLECTOR}{others}}}", labels, present), counter=counter)
            for counter in counters
        ]
        return f"sum {labels} ({' or '.join(parts)})"

    yield alert(
        "TelemetryRefused",
        lambda ask: beyond(ask, *_REFUSALS, others=', reason!="type_conflict"'),
        summary="The Collector refuses data of {{ $labels.offender }}: {{ $labels.reason }}",
        description=f"{{{{ $value | humanize }}}} points or bodies exceeded a limit in {window}.",
        impact="Metrics or traces of this service are incomplete. Other services are not affected.",
        response="See the reason below, and correct what the service sends.",
    )
    yield alert(
        "MetricTypeConflict",
        lambda ask: beyond(ask, _CONFLICTS, by=("offender", "metric")),
        summary="{{ $labels.offender }} sends {{ $labels.metric }} with another type",
        description=f"The Collector refused {{{{ $value | humanize }}}} points in {window}: the name belongs to a "
        "metric of another type.",
        impact="The metric of this service is missing. Other services are not affected.",
        response="Rename the metric of this service, or give it the type of the others.",
    )
    yield alert(
        "ServiceSeriesLimit",
        lambda ask: beyond(ask, _OVERFLOW),
        summary="{{ $labels.offender }} has reached its limit of series",
        description=f"The Collector refused {{{{ $value | humanize }}}} points or renamed spans of new series in "
        f"{window}.",
        impact="New series of this service are missing. Other services are not affected.",
        response="Find the attribute with many values; remove it, or raise the limit.",
    )


def _prometheus(config: Config, alert: Maker) -> Iterator[Alert]:
    """Yield the alerts about Prometheus: evaluation of rules, and delivery to Alertmanager."""
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
        summary="Rule evaluations fail",
        description=f"{{{{ $labels.rule_group }}}} failed {{{{ $value | humanize }}}} times in {window}.",
        impact="Series and alerts of that group are missing. No impact on users.",
        response="See the error on Prometheus' page of rules.",
    )
    last, interval = (
        f"prometheus_rule_group_{what}_seconds{{{_PROMETHEUS}}}" for what in ("last_duration", "interval")
    )
    slow = config.thresholds.rule_group_seconds_ratio
    yield alert(
        "RuleEvaluationSlow",
        lambda ask: f"{last} / {ask.on('instance', 'rule_group')} {interval} > {slow:g}",
        summary="Rule evaluations take longer than their interval",
        description="{{ $labels.rule_group }} takes {{ $value | humanize }} times its interval.",
        impact="Evaluations are skipped, so alerts are late. No impact on users.",
        response="Find the slow group below, and the number of series that it reads.",
    )
    yield alert(
        "AlertDeliveryFailing",
        lambda ask: " or ".join(f"({lost(ask, by=ask.by('instance'))})" for lost in (errors, dropped)),
        summary="Alerts do not reach Alertmanager",
        description=f"{{{{ $value | humanize }}}} notifications of {{{{ $labels.instance }}}} failed in {window}.",
        impact="Alerts are not delivered: users will find the next outage first.",
        response="Check that Alertmanager runs; see the reason in the log of Prometheus.",
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
        summary="Values of {{ $labels.attribute }} are replaced with `other`",
        description="{{ $value | humanize }} values of {{ $labels.attribute }} in {{ $labels.instrument }} were "
        f"replaced in {window}.",
        impact="None for users; the metric loses detail.",
        response="Allow the value if it is valid; otherwise correct the code that sets it.",
    )
    yield alert(
        "InstrumentationErrors",
        lambda ask: increased(ask, "signalscope.internal.errors", "where"),
        summary="The instrumentation of {{ $labels.job }} has errors",
        description=f"{{{{ $labels.where }}}} failed {{{{ $value | humanize }}}} times in {window}.",
        impact="Some measurements are missing; the service itself is not affected.",
        response="See the log of the service: it has the first failure of each place.",
    )
    yield alert(
        "SpansLost",
        lambda ask: increased(ask, "signalscope.spans.given_up", "reason"),
        for_=config.holds.spans_lost,
        summary="Processes of {{ $labels.job }} lose spans: {{ $labels.reason }}",
        description=f"{{{{ $value | humanize }}}} spans were not exported in {window}, for "
        f"{duration(config.holds.spans_lost)} or longer.",
        impact="Traces are incomplete or missing. Metrics are complete; no impact on users.",
        response="See the reason below: it says whether the Collector or the queue of the process is too slow.",
    )


def _increased(ask: Promql, counter: str, by: str, present: str) -> str:
    """Return an expression for counters that have increased.

    `increase` misses the event that creates a counter. The expression adds that event if another series of the same
    job existed before; otherwise the counter may have existed before too.

    Args:
        ask: Records the time range of the expression.
        counter: The selector of the counter.
        by: The clause with the labels to keep.
        present: The selector of a series that the same job always has.
    """
    window = ask.window(ask.config.windows.pipeline)
    known = f"count {ask.by()} ({present} offset {window})"
    first = f"(({counter} unless {counter} offset {window}) and {ask.on()} {known})"
    return f"sum {by} ((increase({counter}[{window}]) > 0) or {first}) > 0"


def _lost(ask: Promql, part: str, *events: str) -> str:
    """Return an expression for events that a receiver or exporter has counted, for all kinds of data."""
    by, present = ask.by("instance", part), f"up{{{_COLLECTOR}}}"
    counters = [f"otelcol_{part}_{event}_{kind}" for event in events for kind in _KINDS]
    parts = (
        named(_increased(ask, f"{counter}{{{_COLLECTOR}}}", by, present), counter=counter)
        for counter in counters
    )
    return f"sum {by} ({' or '.join(parts)})"
