"""Evaluation intervals: short enough for the alerts that read the series, and no rule is lost."""

from __future__ import annotations

import re
from functools import cache

import pytest
import yaml

from signalscope import binaries, derived
from signalscope.config import Config, Pipeline
from signalscope.derived import Group, Rule, groups
from signalscope.derived._promql import Promql
from signalscope.mixin import evaluation_intervals
from signalscope.mixin.alerts import Alert, alerts, expected_seconds

_SECONDS = {"s": 1, "m": 60}


def _recording_groups(config: Config) -> list[Group]:
    return evaluation_intervals.recording_groups(
        groups(config, "recordings"), groups(config, "slos", "insight"), alerts(config), config
    )


def _asked(expr: str) -> Promql:
    """Return a `Promql` that has recorded the series in an expression as read."""
    ask = Promql(Config())
    for row in derived.all_series():
        if row.name in expr:
            ask.name(row.key)
    return ask


def _alert(expr: str, for_: int) -> Alert:
    return Alert(
        name="A", severity="info", domain="service", expr=expr, for_=for_, ask=_asked(expr), summary="",
        description="", impact="", response="",
    )  # fmt: skip


@cache
def _committed() -> dict[str, list[tuple[int, str]]]:
    """Return the interval and expression of each committed rule, by the name of its series or alert."""
    rules_by_series: dict[str, list[tuple[int, str]]] = {}
    for path in sorted((binaries.ROOT / "rules").glob("*.yaml")):
        for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]:
            interval = int(group["interval"][:-1]) * _SECONDS[group["interval"][-1]]
            for rule in group["rules"]:
                name = rule.get("alert") or rule["record"]
                rules_by_series.setdefault(name, []).append((interval, rule["expr"]))
    return rules_by_series


@pytest.mark.parametrize("alert", alerts(Config()), ids=lambda alert: alert.name)
def test_an_alert_sees_two_values_while_it_waits(alert: Alert) -> None:
    """Shared series that an alert reads, directly or not, are recorded at least twice within its `for` time."""
    rules, pipeline = _committed(), Config().pipeline
    shared = {rule.record for group in groups(Config(), "recordings") for rule in group.rules}
    seen: set[str] = set()
    todo = [alert.expr]
    while todo:
        for name in {*re.findall(r"[a-zA-Z_:][\w:]*", todo.pop())} & shared - seen:
            seen.add(name)
            for interval, expr in rules[name]:
                assert interval <= max(pipeline.evaluation, alert.for_ / 2) or alert.for_ == 0, name
                todo.append(expr)


@pytest.mark.parametrize("pipeline", [Pipeline(), Pipeline(recording=60, slo=20, insight=30)])
def test_no_rule_is_lost(pipeline: Pipeline) -> None:
    """Each rule and alert is in exactly one group, in the same order as before."""
    config = Config(pipeline=pipeline)
    before = [rule for group in groups(config, "recordings") for rule in group.rules]
    after = _recording_groups(config)
    assert sorted(map(str, before)) == sorted(str(rule) for group in after for rule in group.rules)
    for group in after:
        assert [rule for rule in before if rule in group.rules] == list(group.rules)
    names = [group.name for group in after]
    assert len(names) == len(set(names))
    every = alerts(config)
    grouped = list(evaluation_intervals.alert_groups(every, config))
    assert sorted(alert.name for _, _, members in grouped for alert in members) == sorted(
        alert.name for alert in every
    )
    assert len({name for name, _, _ in grouped}) == len(grouped)


def test_what_only_dashboards_show_can_wait() -> None:
    """Only alerts and groups with a shorter interval shorten the interval of a series that they read."""
    config = Config()
    shared = [
        Group(
            "x",
            config.pipeline.recording,
            (
                _rule("GREEKS_OPTIONS_TYPE"),  # read by a rule that an alert reads
                _rule("GREEKS_OPTIONS", "GREEKS_OPTIONS_TYPE"),
                _rule("SIGNALS"),  # read by an objective
                _rule("QUEUE_SIZE"),  # not read
                _rule("QUEUE_FILL", "GREEKS_OPTIONS"),  # reads a series with a short interval
            ),
        )
    ]
    slow = _alert("job:signal_service_greeks_options:rate5m > 1", 30)
    objective = Group("slos", config.pipeline.slo, (_rule("SLO_EVENTS", "SIGNALS"),))
    intervals = {
        rule.key: group.interval
        for group in evaluation_intervals.recording_groups(shared, [objective], [slow], config)
        for rule in group.rules
    }
    assert intervals == {
        "GREEKS_OPTIONS_TYPE": 15, "GREEKS_OPTIONS": 15, "SIGNALS": 30, "QUEUE_SIZE": 60, "QUEUE_FILL": 15,
    }  # fmt: skip
    patient = _alert("job:signal_service_greeks_options:rate5m > 1", 120)
    (first, *_) = evaluation_intervals.recording_groups(shared, [], [patient], config)
    assert first.interval == 60


def test_what_is_recorded_at_an_interval_of_its_own_keeps_it() -> None:
    """Series with a fixed interval keep it, for each interval of the shared series."""
    usual = Config().pipeline
    for recording in (usual.evaluation, usual.insight, usual.history):
        config = Config(pipeline=Pipeline(recording=recording, slo=60))
        by_key = {rule.key: group.interval for group in _recording_groups(config) for rule in group.rules}
        assert (by_key["UP"], by_key["COST"], by_key["RETENTION"]) == (
            usual.evaluation, usual.insight, usual.history,
        )  # fmt: skip


def test_one_bad_value_is_no_alert_that_waits() -> None:
    """If `for` is shorter than two recording intervals, the series are recorded at each evaluation."""
    for for_, interval in {10: 5, 15: 5, 29: 5, 30: 15}.items():
        config = Config.model_validate({"holds": {"critical_dependency": for_}})
        by_key = {rule.key: group.interval for group in _recording_groups(config) for rule in group.rules}
        assert by_key["DEPENDENCY_UP"] == interval


def _rule(key: str, *reads: str) -> Rule:
    """Return a rule that reads these series; without them, it reads exported metrics."""
    return Rule(key, derived.get(key).name, "", {}, frozenset(reads), reads_instruments=not reads)


def test_an_alert_that_waits_long_is_looked_at_less_often() -> None:
    """A long `for` time gives a longer evaluation interval, which `expected_seconds` includes."""
    pipeline = Config().pipeline
    assert pipeline.alert_interval(10) == pipeline.evaluation
    assert pipeline.alert_interval(600) == pipeline.recording
    config = Config.model_validate({"holds": {"cpu": 100}})
    by_name = {alert.name: alert for alert in alerts(config)}
    steps = pipeline.export + pipeline.scrape + pipeline.recording
    window = by_name["SignalServiceHighCPUUsage"].window
    assert expected_seconds("SignalServiceHighCPUUsage", config) == steps + window + 105
