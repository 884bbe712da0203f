"""Alerts about the Collector, and about what does not arrive through it."""

from __future__ import annotations

from signalscope.config import Config
from signalscope.derived._promql import Promql, duration, named
from signalscope.mixin.alerts._model import Alert
from signalscope.mixin.alerts.telemetry._shared import (
    COLLECTOR,
    COLLECTOR_KINDS,
    increased,
    telemetry_alert,
)

__all__ = ["alerts"]

#: Seconds until the Collector has forgotten the series of a process that has stopped: its `metric_expiration` of
#: five minutes, and until it looks.
_FORGOTTEN = 330


def alerts(config: Config) -> list[Alert]:
    """Return the alerts of this module."""
    return [_scrape(config), _missing(config), _refusing(config), _dropping(config), _queue(config)]


def _scrape(config: Config) -> Alert:
    ask = Promql(config)
    return telemetry_alert(
        ask,
        name="ScrapeFailing",
        expr=f'up{{job!="{config.selectors.job}"}} == 0',
        for_=config.holds.scrape,
        keep_firing_for=0,
        summary="{{ $labels.job }} cannot be scraped",
        description="{{ $labels.instance }} of {{ $labels.job }} has not answered Prometheus for "
        f"{duration(config.holds.scrape)}.",
        impact="Dashboards and alerts that need it are blind; users notice nothing.",
        response="See whether it runs; then Prometheus' page of targets for the reason.",
    )


def _missing(config: Config) -> Alert:
    ask = Promql(config)
    return telemetry_alert(
        ask,
        name="TelemetryMissing",
        expr=f"{ask.of('UP')} == 1 unless on (job) count by (job) ({ask.raw('process.cpu')})",
        keep_firing_for=0,
        shows_after=_FORGOTTEN,
        summary="{{ $labels.job }} is up, but nothing of it is measured",
        description="It answers its scrape, and no metrics of it have arrived for "
        f"{duration(config.holds.telemetry)} or longer.",
        impact="Nobody sees what the service does: all its alerts but SignalServiceDown are blind.",
        response="See whether the service exports (its log), and whether the Collector receives.",
    )


def _refusing(config: Config) -> Alert:
    ask = Promql(config)
    return telemetry_alert(
        ask,
        name="CollectorRefusingData",
        expr=_lost(ask, "receiver", "refused", "failed"),
        summary="The Collector refuses data",
        description="{{ $labels.receiver }} of {{ $labels.instance }} refused {{ $value | humanize }} items in "
        f"{duration(config.windows.pipeline)}.",
        impact=_IMPACT,
        response="See its memory below: it refuses when that runs out.",
    )


def _dropping(config: Config) -> Alert:
    ask = Promql(config)
    return telemetry_alert(
        ask,
        name="CollectorDroppingData",
        expr=_lost(ask, "exporter", "send_failed", "enqueue_failed"),
        summary="The Collector loses data",
        description="{{ $labels.exporter }} of {{ $labels.instance }} gave up on {{ $value | humanize }} items in "
        f"{duration(config.windows.pipeline)}.",
        impact=_IMPACT,
        response="See whether what it sends to answers.",
    )


_IMPACT = "Numbers are too low or have gaps, so alerts may be late; users notice nothing."


def _lost(ask: Promql, part: str, *events: str) -> str:
    """Return what a receiver or an exporter has counted of any of the events, of any kind of data."""
    window, by = ask.window(ask.config.windows.pipeline), f"job, instance, {part}"
    counters = [f"otelcol_{part}_{event}_{kind}" for event in events for kind in COLLECTOR_KINDS]
    parts = (
        named(increased(f"{counter}{{{COLLECTOR}}}", window, by, f"up{{{COLLECTOR}}}"), counter=counter)
        for counter in counters
    )
    return f"sum by ({by}) ({' or '.join(parts)})"


def _queue(config: Config) -> Alert:
    ask = Promql(config)
    limit = config.thresholds.collector_queue_ratio
    size, capacity = (
        f"sum by (job, instance, exporter) (otelcol_exporter_queue_{what}{{{COLLECTOR}}})"
        for what in ("size", "capacity")
    )
    return telemetry_alert(
        ask,
        name="CollectorQueueFilling",
        expr=f"{size} / ({capacity} > 0) > {limit:g}",
        summary="The Collector's export queue is filling",
        description="The queue of {{ $labels.exporter }} is {{ $value | humanizePercentage }} full, more than "
        f"{100 * limit:g} %.",
        impact="None yet; when it is full, telemetry is lost.",
        response="See whether what it sends to is slow or away.",
    )
