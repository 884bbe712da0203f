"""Dashboard of the telemetry pipeline: Collector, SDK, Prometheus and Alertmanager."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from signalscope.config import Config
from signalscope.mixin.dashboards._expr import grown, rate, selector, short_instance
from signalscope.mixin.dashboards._model import Line, Query, bars, dashboard, line, row, series, stat, states
from signalscope.mixin.dashboards._pipeline import by, total
from signalscope.mixin.dashboards._style import BAD, GOOD, Limits, above

_NO_COLLECTOR = "the Collector's metrics about itself are not scraped"
_NO_EXCESS = "no service has exceeded a limit since the Collector started"
_NO_PROMETHEUS = "Prometheus does not scrape itself"
#: The kinds of data that the Collector counts separately, as suffixes of metric names.
_KINDS = ("metric_points", "spans")
_NONE = Limits(GOOD, ((1e-9, BAD),), lines=False)
#: Counts are red from the first failure; an increase is extrapolated, so one failure can be a little less than 1.
_SOME = Limits(GOOD, ((0.5, BAD),))
_LATELY = "5m"
_OVERFLOW, _ERRORS = "signalscope.attribute.overflow", "signalscope.internal.errors"
_GIVEN_UP = "signalscope.spans.given_up"


@dashboard(
    "telemetry",
    "Telemetry pipeline",
    "Is the data of the other dashboards complete? For operators of the monitoring.",
)
def board(config: Config) -> Iterator[Line]:
    """Yield the panels for operators of the monitoring."""
    process = selector("process.resident_memory")
    yield row(
        "Verdict: is the telemetry complete?", 4,
        stat(
            "How many targets are down?",
            "Targets that do not answer the scrapes of Prometheus.",
            "sum(1 - up)", "short", _NO_PROMETHEUS, limits=_NONE, decimals=0, alerts=("ScrapeFailing",),
        ),
        stat(
            "How old is the latest sample?",
            "Time since the last sample of the service; a few scrape intervals are normal.",
            f"min(time() - timestamp({process}))", "s", "no process metrics",
            limits=above(6.0 * config.pipeline.delay, 2.0 * config.pipeline.delay), decimals=0,
            alerts=("TelemetryMissing",),
        ),
        stat(
            "How much data did the Collector refuse?",
            "Metric points and spans refused in the last five minutes, usually at the memory limit.",
            " + ".join(_refused(kind, over=_LATELY) for kind in _KINDS), "short", _NO_COLLECTOR, limits=_SOME,
            decimals=0, alerts=("CollectorRefusingData",),
        ),
        stat(
            "How much data did the Collector fail to export?",
            "Metric points and spans that an exporter could not send in the last five minutes.",
            " + ".join(f"({_failed(kind, over=_LATELY)})" for kind in _KINDS), "short", _NO_COLLECTOR,
            limits=_SOME, decimals=0, alerts=("CollectorDroppingData",),
        ),
        stat(
            "How many attribute values were replaced?",
            "Values replaced with `other` in the last five minutes: not allowed, or above the cardinality limit.",
            f"{grown(_OVERFLOW, over=_LATELY)} or 0 * {rate('process.cpu')}", "short", "no process metrics",
            limits=_SOME, decimals=0, alerts=("AttributeOverflow",),
        ),
        stat(
            "How many rule evaluations failed?",
            "Rule evaluations that failed in the last five minutes.",
            by("prometheus_rule_evaluation_failures_total", over=_LATELY), "short", _NO_PROMETHEUS, limits=_SOME,
            decimals=0, alerts=("RuleEvaluationFailing",),
        ),
    )  # fmt: skip
    yield row(
        "Collector", 8,
        series(
            "How much data is received?",
            "Metric points and spans per second.",
            "cps", _NO_COLLECTOR,
            *(Query(by(f"otelcol_receiver_accepted_{kind}"), kind.replace("_", " ")) for kind in _KINDS),
        ),
        series(
            "How much data is refused?",
            "Metric points and spans refused per second. Senders retry, and later drop the data.",
            "cps", _NO_COLLECTOR,
            *(Query(_refused(kind), kind.replace("_", " ")) for kind in _KINDS), limits=_NONE,
        ),
        series(
            "How many items do processors drop?",
            "Items into each processor minus items out. Sampling and filters drop items intentionally.",
            "cps", _NO_COLLECTOR,
            f"{by('otelcol_processor_incoming_items', 'processor')}"
                  f" - {by('otelcol_processor_outgoing_items', 'processor')}",
        ),
    )  # fmt: skip
    yield line(
        series(
            "How much data is exported?",
            "Metric points and spans per second by exporter.",
            "cps", _NO_COLLECTOR,
            *_by_exporter(lambda kind: by(f"otelcol_exporter_sent_{kind}", "exporter")),
        ),
        series(
            "How many exports fail?",
            "Metric points and spans per second that could not be sent, by exporter.",
            "cps", _NO_COLLECTOR,
            *_by_exporter(lambda kind: _failed(kind, "exporter")), limits=_NONE,
        ),
        series(
            "How much memory does the Collector use?",
            "Resident memory of the Collector's process.",
            "bytes", _NO_COLLECTOR, "sum by (instance) (otelcol_process_memory_rss)",
        ),
    )  # fmt: skip
    guards = "signalscope_collector_"
    queue = "otelcol_exporter_queue_"
    yield line(
        series(
            "How full are the export queues?",
            "Size of each queue divided by its capacity. In the outage of a trace backend the queue of traces fills.",
            "percentunit", "the Collector has no trace backend, or does not run",
            Query(
                f"sum by (exporter) ({queue}size) / (sum by (exporter) ({queue}capacity) > 0)", "{{exporter}}"
            ),
            limits=above(config.thresholds.collector_queue_ratio), alerts=("CollectorQueueFilling",),
        ),
        series(
            "How many spans does a full queue drop?",
            "Spans per second that the queue of an exporter did not take, because it or its disk was full.",
            "cps", _NO_COLLECTOR,
            Query(
                total("otelcol_exporter_enqueue_failed_spans", "otelcol_exporter_sent_spans", "exporter"),
                "{{exporter}}",
            ),
            limits=_NONE, alerts=("CollectorDroppingData",),
        ),
        series(
            "How many queue files were corrupted?",
            "Files that the Collector has set aside in five minutes. It started with an empty queue.",
            "short", "the Collector has no queue on a disk",
            Query(by(f"{guards}queue_files_set_aside_total", over=_LATELY), "files"),
            limits=_SOME, alerts=("CollectorQueueSetAside",),
        ),
    )  # fmt: skip
    yield row(
        "Limits of the Collector: which service exceeds them?", 8,
        series(
            "What is refused?",
            "Points, spans and bodies per second that exceed a limit, by service and reason.",
            "cps", _NO_EXCESS,
            *(
                Query(
                    by(f"{guards}refused_{what}_total", "offender", "reason"),
                    f"{what} of {{{{offender}}}}: {{{{reason}}}}",
                )
                for what in ("points", "bodies")
            ),
            alerts=("TelemetryRefused", "MetricTypeConflict"),
        ),
        series(
            "Which service has too many series?",
            "Points and spans per second of new series beyond the limit.",
            "cps", _NO_EXCESS, Query(by(f"{guards}overflow_series_total", "offender"), "{{offender}}"),
            alerts=("ServiceSeriesLimit",),
        ),
        series(
            "What is cut?",
            "Descriptions, texts and lists per second that were cut to their limit.",
            "cps", _NO_EXCESS,
            Query(by(f"{guards}cut_texts_total", "offender", "reason"), "{{offender}}: {{reason}}"),
        ),
    )  # fmt: skip
    yield row(
        "SDK: overflow, errors and data age", 8,
        series(
            "How many attribute values were replaced?",
            "Values per second that were not allowed or above the cardinality limit, for all instruments.",
            "cps", "no process metrics", Query(_or_zero(_OVERFLOW), "replaced values"), limits=_NONE,
        ),
        series(
            "How many instrumentation errors are there?",
            "Errors per second in the instrumentation; application code is not affected.",
            "cps", "no process metrics", Query(_or_zero(_ERRORS), "failures"), limits=_NONE,
            alerts=("InstrumentationErrors",),
        ),
        series(
            "How many spans do processes lose?",
            "Spans per second that were not exported: full queue, failed export, or the end of the process.",
            "cps", "no process metrics",
            Query(rate(_GIVEN_UP, by=("reason",)), "{{reason}}"), limits=_NONE, alerts=("SpansLost",),
        ),
        series(
            "How old are the latest samples by process?",
            "Time since the last sample of each process.",
            "s", "no process metrics",
            Query(short_instance(f"max by (instance) (time() - timestamp({process}))"), "{{instance}}"),
        ),
    )  # fmt: skip
    group = "prometheus_rule_group_"
    yield row(
        "Prometheus and Alertmanager", 8,
        bars(
            "Which rule groups are slow?",
            "Duration of the last evaluation divided by the interval; above 100 % evaluations are skipped.",
            "percentunit", _NO_PROMETHEUS,
            Query(
                f'label_replace(sort_desc({group}last_duration_seconds / {group}interval_seconds),'
                ' "group", "$1", "rule_group", ".*;(?:signalscope-)?(.*)")', "{{group}}",
            ), low=0.0, high=1.0,
            limits=above(config.thresholds.rule_group_seconds_ratio, config.dashboards.saturation_warning),
            alerts=("RuleEvaluationSlow",),
        ),
        series(
            "How many rule evaluations are there?",
            "Rule evaluations and failures per second.",
            "cps", _NO_PROMETHEUS,
            Query(by("prometheus_rule_evaluations_total"), "evaluations"),
            Query(by("prometheus_rule_evaluation_failures_total"), "failed"),
        ),
        series(
            "How many notifications are sent?",
            "Notifications to Alertmanager per second, sent and dropped.",
            "cps", _NO_PROMETHEUS,
            Query(by("prometheus_notifications_sent_total"), "sent"),
            Query(by("prometheus_notifications_dropped_total"), "dropped"),
            alerts=("AlertDeliveryFailing",),
        ),
    )  # fmt: skip
    yield line(
        states(
            "Which targets are down?",
            "State of each scrape target. A target that is down may still serve users.",
            "Prometheus has no targets", "min by (job) (up)",
            states={0.0: ("down", BAD), 1.0: ("up", GOOD)}, alerts=("SignalServiceDown",),
        ),
        series(
            "How long do scrapes take?",
            "Scrape duration by job.",
            "s", "Prometheus has no targets", "max by (job) (scrape_duration_seconds)",
        ),
        series(
            "How many series does Prometheus hold?",
            "Series in memory. A steady increase points to a label without a cardinality limit.",
            "short", _NO_PROMETHEUS, Query("sum(prometheus_tsdb_head_series)", "series"),
        ),
    )  # fmt: skip


def _or_zero(name: str) -> str:
    """Return PromQL for the rate of an SDK counter; it is 0 if processes report and the counter has no events."""
    return f"{rate(name)} or 0 * {rate('process.cpu')}"


def _refused(kind: str, over: str = "") -> str:
    return by(f"otelcol_receiver_refused_{kind}", over=over)


def _failed(kind: str, *labels: str, over: str = "") -> str:
    return total(f"otelcol_exporter_send_failed_{kind}", f"otelcol_exporter_sent_{kind}", *labels, over=over)


def _by_exporter(expr: Callable[[str], str]) -> tuple[Query, ...]:
    return tuple(Query(expr(kind), f"{kind.rpartition('_')[2]} to {{{{exporter}}}}") for kind in _KINDS)
