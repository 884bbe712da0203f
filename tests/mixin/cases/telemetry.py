"""Cases of alerts about the pipeline: targets, the Collector, Prometheus, and the instrumentation."""

from __future__ import annotations

from tests.mixin.cases._case import Case, series

_COLLECTOR, _PROMETHEUS = "otel-collector-telemetry", "prometheus"


def _pipeline(name: str, labels: str = "", job: str = _COLLECTOR) -> str:
    return series(name, labels, job=job, instance="127.0.0.1:8888")


def _counter(alert: str, series: str, present: str) -> list[Case]:
    """Return cases of an alert that fires for any increase that lasts two minutes.

    Args:
        alert: The name of the alert.
        series: The counter.
        present: A series that exists before the first event; without it, the first event does not count.
    """
    there = {present: "1x120"}
    return [
        Case(alert, "events for three minutes", {series: "0x8 0+2x12 24x60"}, {"3m30s": 0, "5m": 1, "13m": 0}),
        Case(alert, "a counter's first event", {series: "_x24 3x60", **there}, {"7m45s": 0, "8m15s": 1, "15m": 0}),
        Case(alert, "events before the first scrape", {series: "3x60", **there}, {"3m": 0, "14m": 0}),
        Case(alert, "no new events, and a restart", {series: "7x40 0x40"}, {"1m": 0, "10m30s": 0, "19m": 0},
             reset=True),
    ]  # fmt: skip


_QUEUE, _ROOM = (
    _pipeline(f"otelcol_exporter_queue_{part}", 'exporter="otlp/traces", data_type="traces"')
    for part in ("size", "capacity")
)
_LAST, _INTERVAL = (
    _pipeline(f"prometheus_rule_group_{part}_seconds", 'rule_group="rules;api"', _PROMETHEUS)
    for part in ("last_duration", "interval")
)
_REFUSED = _pipeline("otelcol_receiver_refused_metric_points", 'receiver="otlp", transport="http"')
_POINTS, _BODIES, _SERIES = (
    _pipeline(f"signalscope_collector_{counter}_total", f'reason="{reason}", offender="shop"')
    for counter, reason in (
        ("refused_points", "name"),
        ("refused_bodies", "nesting"),
        ("overflow_series", "service"),
    )
)
_CONFLICTS = _pipeline("signalscope_collector_type_conflicts_total", 'metric="orders_total", offender="shop"')
_ELSEWHERE = _pipeline(
    "signalscope_collector_refused_points_total", 'reason="type_conflict", offender="shop"'
)
_GAVE_UP = _pipeline("otelcol_exporter_send_failed_spans", 'exporter="otlp/traces"')
_NO_ROOM = _pipeline("otelcol_exporter_enqueue_failed_spans", 'exporter="otlp/traces"')
_RULES = _pipeline("prometheus_rule_evaluation_failures_total", 'rule_group="rules;api"', _PROMETHEUS)
_UNSENT = _pipeline("prometheus_notifications_errors_total", 'alertmanager="http://a"', _PROMETHEUS)
_DROPPED = _pipeline("prometheus_notifications_dropped_total", "", _PROMETHEUS)
_OVERFLOW = series(
    "signalscope_attribute_overflow_total", 'instrument="signal_service.api.requests", attribute="endpoint"'
)
_GIVEN_UP_SPANS = series("signalscope_spans_given_up_total", 'reason="export_failed"')
_ASIDE = _pipeline("signalscope_collector_queue_files_set_aside_total")
_INTERNAL = series("signalscope_internal_errors_total", 'where="decorators.greeks"')

CASES = [
    Case("ScrapeFailing", "the Collector is down for three minutes",
         {_pipeline("up"): "1x4 0x12 1x20"}, {"2m": 0, "2m15s": 1, "4m45s": 0}),
    Case("ScrapeFailing", "the service itself has another alert", {series("up"): "0x40", _pipeline("up"): "1x40"},
         {"9m": 0}),
    Case("TelemetryMissing", "the service is up, and its metrics stop for some time",
         {series("up"): "1x120", series("process_cpu_seconds_total"): "0+1x20 stale _x40 0+1x40"},
         {"6m": 0, "8m": 1, "17m": 0}),
    Case("TelemetryMissing", "the service is down, so there are no metrics", {series("up"): "0x60"}, {"14m": 0}),
    Case("TelemetryMissing", "the service is up and idle, and a restart",
         {series("up"): "1x60", series("process_cpu_seconds_total"): "9x30 0x30"}, {"8m": 0, "14m": 0}, reset=True),
    *_counter("CollectorRefusingData", _REFUSED, _pipeline("up")),
    *_counter("CollectorDroppingData", _GAVE_UP, _pipeline("up")),
    *_counter("TelemetryRefused", _POINTS, _pipeline("up")),
    Case("TelemetryRefused", "bodies instead of points", {_BODIES: "0+1x60"}, {"4m": 1}),
    Case("TelemetryRefused", "a type conflict has another alert", {_ELSEWHERE: "0+1x60"}, {"14m": 0}),
    *_counter("MetricTypeConflict", _CONFLICTS, _pipeline("up")),
    *_counter("ServiceSeriesLimit", _SERIES, _pipeline("up")),
    Case("CollectorDroppingData", "the sending queue is full", {_NO_ROOM: "0+1x60"}, {"6m": 1}),
    Case("CollectorQueueFilling", "more than 80 % full for three minutes",
         {_QUEUE: "81x12 3x40", _ROOM: "100x60"}, {"1m45s": 0, "2m": 1, "5m": 0}),
    Case("CollectorQueueFilling", "exactly 80 % full", {_QUEUE: "80x40", _ROOM: "100x40"}, {"9m": 0}),
    *_counter("CollectorQueueSetAside", _ASIDE, _pipeline("up")),
    *_counter("RuleEvaluationFailing", _RULES, _pipeline("up", "", _PROMETHEUS)),
    Case("RuleEvaluationSlow", "sixteen seconds at an interval of fifteen", {_LAST: "16x12 1x40", _INTERVAL: "15x60"},
         {"1m45s": 0, "2m": 1, "5m": 0}),
    Case("RuleEvaluationSlow", "exactly its interval", {_LAST: "15x40", _INTERVAL: "15x40"}, {"9m": 0}),
    *_counter("AlertDeliveryFailing", _UNSENT, _pipeline("up", "", _PROMETHEUS)),
    Case("AlertDeliveryFailing", "Prometheus' own queue is full", {_DROPPED: "0+1x60"}, {"4m": 1}),
    Case("TradingCalendarEnds", "sixty days before the end of the last day, to the second",
         {}, {"30s": 0, "1h": 0, "1h45s": 1}, start="2028-11-02T03:59:30Z"),
    Case("TradingCalendarEnds", "one day earlier", {}, {"30s": 0, "2h": 0}, start="2028-11-01T03:59:30Z"),
    Case("Watchdog", "always, without any data", {}, {"0s": 1, "1h": 1}),
    *_counter("AttributeOverflow", _OVERFLOW, series("process_cpu_seconds_total")),
    *_counter("InstrumentationErrors", _INTERNAL, series("process_cpu_seconds_total")),
    Case("SpansLost", "spans are lost for fifteen minutes", {_GIVEN_UP_SPANS: "0x8 0+2x60 120x80"},
         {"2m": 0, "6m45s": 0, "8m": 1, "18m": 1, "24m": 0}),
    Case("SpansLost", "the Collector was restarted once", {_GIVEN_UP_SPANS: "0x8 500x80"},
         {"5m": 0, "7m15s": 0, "15m": 0}),
    Case("SpansLost", "a restart of the process", {_GIVEN_UP_SPANS: "50x20 0x60"}, {"5m": 0, "15m": 0}, reset=True),
    Case("SpansLost", "no span was ever lost, or no process reports", {series("process_cpu_seconds_total"): "0+1x80"},
         {"15m": 0}),
]  # fmt: skip
