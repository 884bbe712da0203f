"""Telemetry pipeline: can the other dashboards be believed?"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from signalscope.config import Config
from signalscope.mixin.dashboards._expr import rate, selector
from signalscope.mixin.dashboards._model import Line, Query, bars, dashboard, line, row, series, stat, states
from signalscope.mixin.dashboards._pipeline import by, total
from signalscope.mixin.dashboards._style import BAD, GOOD, Limits, above

_NO_COLLECTOR = "the Collector's metrics about itself are not scraped"
_NO_PROMETHEUS = "Prometheus does not scrape itself"
#: What the Collector counts apart, as the ends of its metrics' names.
_KINDS = ("metric_points", "spans")
_NONE = Limits(GOOD, ((1e-9, BAD),), lines=False)
_OVERFLOW, _ERRORS = "signalscope.attribute.overflow", "signalscope.internal.errors"


@dashboard(
    "telemetry",
    "Telemetry pipeline",
    "Can the other dashboards be believed? For whoever runs the monitoring.",
)
def board(config: Config) -> Iterator[Line]:
    """The dashboard of whoever runs the monitoring."""
    process = selector("process.resident_memory")
    yield row(
        "Verdict: does everything arrive?", 4,
        stat(
            "How many targets are down?",
            "Targets that do not answer Prometheus.",
            "sum(1 - up)", "short", _NO_PROMETHEUS, limits=_NONE, decimals=0, alerts=("ScrapeFailing",),
        ),
        stat(
            "How old is the newest number?",
            "Time since the service's last sample; a few intervals are normal.",
            f"min(time() - timestamp({process}))", "s", "no process reports",
            limits=above(6.0 * config.pipeline.delay, 2.0 * config.pipeline.delay), decimals=0,
            alerts=("TelemetryMissing",),
        ),
        stat(
            "How much does the Collector refuse?",
            "Points and spans refused per second: it is short of memory.",
            " + ".join(map(_refused, _KINDS)), "cps", _NO_COLLECTOR, limits=_NONE, alerts=("CollectorRefusingData",),
        ),
        stat(
            "How much can it not pass on?",
            "Points and spans per second that an exporter could not send.",
            " + ".join(f"({_failed(kind)})" for kind in _KINDS), "cps", _NO_COLLECTOR, limits=_NONE,
            alerts=("CollectorDroppingData",),
        ),
        stat(
            "How many label values did not fit?",
            "Label values per second that were not allowed, or one too many, and became `other`.",
            _or_zero(_OVERFLOW), "cps", "no process reports", limits=_NONE, alerts=("AttributeOverflow",),
        ),
        stat(
            "How many rules fail?",
            "Evaluations that fail, per second.",
            by("prometheus_rule_evaluation_failures_total"), "cps", _NO_PROMETHEUS, limits=_NONE,
            alerts=("RuleEvaluationFailing",),
        ),
    )  # fmt: skip
    yield row(
        "Collector", 8,
        series(
            "How much does the Collector receive?",
            "Metric points and spans per second.",
            "cps", _NO_COLLECTOR,
            *(Query(by(f"otelcol_receiver_accepted_{kind}"), kind.replace("_", " ")) for kind in _KINDS),
        ),
        series(
            "Does it refuse any?",
            "Refused per second: above zero, senders retry and in the end drop.",
            "cps", _NO_COLLECTOR,
            *(Query(_refused(kind), kind.replace("_", " ")) for kind in _KINDS), limits=_NONE,
        ),
        series(
            "Where do items get lost on the way?",
            "What goes into each processor less what comes out. Sampling and noise filters drop on purpose.",
            "cps", _NO_COLLECTOR,
            f"{by('otelcol_processor_incoming_items', 'processor')}"
                  f" - {by('otelcol_processor_outgoing_items', 'processor')}",
        ),
    )  # fmt: skip
    yield line(
        series(
            "How much does it pass on?",
            "Metric points and spans per second, by exporter.",
            "cps", _NO_COLLECTOR,
            *_by_exporter(lambda kind: by(f"otelcol_exporter_sent_{kind}", "exporter")),
        ),
        series(
            "How much can an exporter not send?",
            "Failed per second, by exporter.",
            "cps", _NO_COLLECTOR,
            *_by_exporter(lambda kind: _failed(kind, "exporter")), limits=_NONE,
        ),
        series(
            "How much memory does it use?",
            "Resident memory of the Collector's process.",
            "bytes", _NO_COLLECTOR, "sum by (instance) (otelcol_process_memory_rss)",
        ),
    )  # fmt: skip
    yield row(
        "SDK: what did the instrumentation itself do?", 8,
        series(
            "How many label values did not fit?",
            "Per second, of all instruments: values that were not allowed, or one too many.",
            "cps", "no process reports", Query(_or_zero(_OVERFLOW), "values that became other"), limits=_NONE,
        ),
        series(
            "Did the instrumentation itself fail?",
            "Failures per second; the user's code went on.",
            "cps", "no process reports", Query(_or_zero(_ERRORS), "failures"), limits=_NONE,
            alerts=("InstrumentationErrors",),
        ),
        series(
            "How old are the numbers?",
            "Time since the last sample of each process.",
            "s", "no process reports",
            f"max by (instance) (time() - timestamp({process}))",
        ),
    )  # fmt: skip
    group = "prometheus_rule_group_"
    yield row(
        "Prometheus and Alertmanager", 8,
        bars(
            "Which rules take long?",
            "Time of the last evaluation of each group, of its interval: above 1 evaluations are skipped.",
            "percentunit", _NO_PROMETHEUS,
            Query(
                f'label_replace(sort_desc({group}last_duration_seconds / {group}interval_seconds),'
                ' "group", "$1", "rule_group", ".*;(?:signalscope-)?(.*)")', "{{group}}",
            ), low=0.0, high=1.0,
            limits=above(config.thresholds.rule_group_seconds_ratio, config.dashboards.saturation_warning),
            alerts=("RuleEvaluationSlow",),
        ),
        series(
            "Do rules fail?",
            "Evaluations and failures per second.",
            "cps", _NO_PROMETHEUS,
            Query(by("prometheus_rule_evaluations_total"), "evaluations"),
            Query(by("prometheus_rule_evaluation_failures_total"), "failed"),
        ),
        series(
            "Do alerts reach Alertmanager?",
            "Notifications per second, sent and dropped.",
            "cps", _NO_PROMETHEUS,
            Query(by("prometheus_notifications_sent_total"), "sent"),
            Query(by("prometheus_notifications_dropped_total"), "dropped"),
            alerts=("AlertDeliveryFailing",),
        ),
    )  # fmt: skip
    yield line(
        states(
            "Which target does not answer?",
            "What Prometheus scrapes; a target that is down may still serve users.",
            "Prometheus has no targets", "min by (job) (up)",
            states={0.0: ("down", BAD), 1.0: ("up", GOOD)}, alerts=("SignalServiceDown",),
        ),
        series(
            "How long does a scrape take?",
            "By job.",
            "s", "Prometheus has no targets", "max by (job) (scrape_duration_seconds)",
        ),
        series(
            "How many series are there?",
            "In Prometheus' memory: a steady rise is a label without bounds.",
            "short", _NO_PROMETHEUS, Query("sum(prometheus_tsdb_head_series)", "series"),
        ),
    )  # fmt: skip


def _or_zero(name: str) -> str:
    """A counter of the SDK per second: zero while processes report and it counts nothing."""
    return f"{rate(name)} or 0 * {rate('process.cpu')}"


def _refused(kind: str) -> str:
    return by(f"otelcol_receiver_refused_{kind}")


def _failed(kind: str, *labels: str) -> str:
    return total(f"otelcol_exporter_send_failed_{kind}", f"otelcol_exporter_sent_{kind}", *labels)


def _by_exporter(expr: Callable[[str], str]) -> tuple[Query, ...]:
    return tuple(Query(expr(kind), f"{kind.rpartition('_')[2]} to {{{{exporter}}}}") for kind in _KINDS)
