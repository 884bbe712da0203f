"""Alerts about Prometheus: its rules, and its way to Alertmanager."""

from __future__ import annotations

from signalscope.config import Config
from signalscope.derived._promql import Promql
from signalscope.mixin.alerts._model import Alert
from signalscope.mixin.alerts.telemetry._shared import PROMETHEUS, increased, telemetry_alert

__all__ = ["alerts"]

_UP = f"up{{{PROMETHEUS}}}"


def alerts(config: Config) -> list[Alert]:
    """Return the alerts of this module."""
    return [_failing(config), _slow(config), _delivery(config)]


def _failing(config: Config) -> Alert:
    ask = Promql(config)
    window = ask.window(config.windows.pipeline)
    failures = f"prometheus_rule_evaluation_failures_total{{{PROMETHEUS}}}"
    return telemetry_alert(
        ask,
        name="RuleEvaluationFailing",
        expr=increased(failures, window, "job, instance, rule_group", _UP),
        summary="Rules fail to evaluate",
        description=f"{{{{ $labels.rule_group }}}} failed {{{{ $value | humanize }}}} times in {window}.",
        impact="Series and alerts of that group are missing; users notice nothing.",
        response="Prometheus' page of rules shows the error.",
    )


def _slow(config: Config) -> Alert:
    ask = Promql(config)
    limit = config.thresholds.rule_group_seconds_ratio
    last, interval = (
        f"prometheus_rule_group_{what}_seconds{{{PROMETHEUS}}}" for what in ("last_duration", "interval")
    )
    return telemetry_alert(
        ask,
        name="RuleEvaluationSlow",
        expr=f"{last} / on (job, instance, rule_group) {interval} > {limit:g}",
        summary="Rules take longer than their interval",
        description="{{ $labels.rule_group }} takes {{ $value | humanize }} times its interval.",
        impact="Evaluations are skipped, so alerts are late; users notice nothing.",
        response="See which group takes long, and how many series it reads.",
    )


def _delivery(config: Config) -> Alert:
    ask = Promql(config)
    window = ask.window(config.windows.pipeline)
    errors, dropped = (
        increased(f"prometheus_notifications_{what}_total{{{PROMETHEUS}}}", window, "job, instance", _UP)
        for what in ("errors", "dropped")
    )
    return telemetry_alert(
        ask,
        name="AlertDeliveryFailing",
        expr=f"({errors}) or ({dropped})",
        summary="Alerts do not reach Alertmanager",
        description=f"{{{{ $value | humanize }}}} notifications of {{{{ $labels.instance }}}} failed in {window}.",
        impact="Nobody is told of an outage: the next one will be found by users.",
        response="See whether Alertmanager runs; Prometheus' log says why it does not take them.",
    )
