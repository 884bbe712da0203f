"""Runbooks: a page for every alert, complete, with queries about what exists."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.mixin.cases._case import of
from tests.mixin.expressions import labels_of
from tests.mixin.promtool import run
from tests.mixin.runbook_pages import RUNBOOKS, queries_of

from signalscope.config import Config
from signalscope.mixin.alerts import Alert, alerts

_PARTS = ("Meaning", "Impact", "First response", "When it fires", "Diagnosis", "Mitigation")


def test_there_is_a_page_for_every_alert_and_no_other() -> None:
    """So that the link in an alert leads somewhere, and no page is about an alert that is gone."""
    pages = {path.stem for path in RUNBOOKS.glob("*.md")} - {"README"}
    assert pages == {alert.name for alert in alerts(Config())}


@pytest.mark.parametrize("alert", alerts(Config()), ids=lambda alert: alert.name)
def test_a_page_is_complete(alert: Alert) -> None:
    """Every part is there and is not empty, and every query names only what exists."""
    page = RUNBOOKS / f"{alert.name}.md"
    text = page.read_text(encoding="utf-8")
    for part in _PARTS:
        body = text.partition(f"## {part}\n")[2].partition("\n## ")[0]
        assert len(body.strip()) > 20, part
    assert "\n1. " in text.partition("## Mitigation")[2]
    for query in queries_of(page):
        labels_of(query)


@pytest.mark.needs("promtool")
def test_what_an_outage_is_diagnosed_with_tells_when_and_how_often(tmp_path: Path) -> None:
    """How long ago each instance answered last, gone ones too; and each process that has begun, as a new one."""
    by_name = {alert.name: alert.diagnosis for alert in alerts(Config())}
    since = by_name["SignalServiceDown"]["Seconds since it last answered"]
    began = by_name["AvailabilityBudgetBurnFast"]["Processes that began in the last hour"]
    tests = [
        (since, '{job="signal-service", instance="a"}', 0.0),
        (since, '{job="signal-service", instance="b"}', 600.0),
        (since, '{job="signal-service", instance="c"}', 1_200.0),
        (began, '{job="signal-service"}', 2.0),
    ]
    content = {
        "evaluation_interval": "1m",
        "tests": [
            {
                "interval": "15s",
                "input_series": [
                    {"series": of("up"), "values": "1x480"},
                    {"series": of("up", instance="b"), "values": "1x440 0x40"},
                    {"series": of("up", instance="c"), "values": "1x400 stale"},
                    # The first process lasts; another was replaced twice in the last hour.
                    {"series": of("process_cpu_seconds_total"), "values": "0+1x481"},
                    {"series": of("process_cpu_seconds_total", instance="b1"), "values": "0+1x280 stale"},
                    {
                        "series": of("process_cpu_seconds_total", instance="b2"),
                        "values": "_x284 0+1x80 stale",
                    },
                    {"series": of("process_cpu_seconds_total", instance="b3"), "values": "_x368 0+1x120"},
                ],
                "promql_expr_test": [
                    {
                        "expr": query,
                        "eval_time": "120m",
                        "exp_samples": [
                            {"labels": labels, "value": value}
                            for each, labels, value in tests
                            if each == query
                        ],
                    }
                    for query in (since, began)
                ],
            }
        ],
    }
    run(tmp_path, content, {"Watchdog"})


def test_what_a_page_says_of_times_is_what_was_configured() -> None:
    """Other windows, holds and limits are in the words too; a bound is claimed only where there is one."""
    config = Config.model_validate(
        {
            "windows": {"latency": 300},
            "holds": {"cpu": 1200, "service_down": 60},
            "thresholds": {"vectorized_p90_seconds": 1.5},
        }
    )
    by_name = {alert.name: alert for alert in alerts(config)}
    assert by_name["SignalServiceHighLatency"].why.startswith("A quantile over 5m")
    assert "for 20m" in by_name["SignalServiceHighCPUUsage"].meaning
    assert "1m are 12 scrapes" in by_name["SignalServiceDown"].why
    assert "bound" not in by_name["SlowGreeksCalculations"].why
    default = {alert.name: alert for alert in alerts(Config())}
    assert "bound exactly at the limit" in default["SlowGreeksCalculations"].why
