"""Alerts about the instrumentation in the service."""

from __future__ import annotations

from signalscope.config import Config
from signalscope.derived._promql import Promql, duration
from signalscope.mixin.alerts._model import Alert
from signalscope.mixin.alerts.telemetry._shared import increased, telemetry_alert

__all__ = ["alerts"]


def alerts(config: Config) -> list[Alert]:
    """Return the alerts of this module."""
    return [_overflow(config), _internal(config)]


def _increased(ask: Promql, counter: str, by: str) -> str:
    window = ask.window(ask.config.windows.pipeline)
    return increased(ask.raw(counter), window, by, ask.raw("process.cpu"))


def _overflow(config: Config) -> Alert:
    ask = Promql(config)
    return telemetry_alert(
        ask,
        name="AttributeOverflow",
        severity="info",
        expr=_increased(ask, "signalscope.attribute.overflow", "job, instrument, attribute"),
        summary="Values of {{ $labels.attribute }} are cut off",
        description="{{ $value | humanize }} values of {{ $labels.attribute }} in {{ $labels.instrument }} became "
        f"`other` in {duration(config.windows.pipeline)}.",
        impact="None; some detail of the metric is lost.",
        response="See whether the value is new and wanted: allow it, or mend the code that sends it.",
    )


def _internal(config: Config) -> Alert:
    ask = Promql(config)
    return telemetry_alert(
        ask,
        name="InstrumentationErrors",
        expr=_increased(ask, "signalscope.internal.errors", "job, where"),
        summary="The instrumentation of {{ $labels.job }} fails",
        description="{{ $labels.where }} failed {{ $value | humanize }} times in "
        f"{duration(config.windows.pipeline)}.",
        impact="Some measurements are missing; the service itself goes on.",
        response="The service's log has the first failure of each place.",
    )
