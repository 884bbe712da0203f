"""Runbooks: a complete page for each alert, with queries of existing series."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.mixin.cases._case import series
from tests.mixin.expressions import labels_of
from tests.mixin.promtool import run
from tests.mixin.runbook_pages import RUNBOOKS, queries_of, query, section

from signalscope.config import Config, Slo
from signalscope.mixin.alerts import Alert, alerts
from signalscope.mixin.runbooks import TEMPLATES, RunbookError, runbook

_PARTS = ("Meaning", "Impact", "First response", "When it fires", "Diagnosis", "Mitigation")


def test_there_is_a_page_for_every_alert_and_no_other() -> None:
    """Each alert has a page, and each page has an alert."""
    pages = {path.stem for path in RUNBOOKS.glob("*.md")} - {"README"}
    assert pages == {alert.name for alert in alerts(Config())}


@pytest.mark.parametrize("alert", alerts(Config()), ids=lambda alert: alert.name)
def test_a_page_is_complete(alert: Alert) -> None:
    """All sections are present and not empty, and queries use only existing metrics and labels."""
    page = RUNBOOKS / f"{alert.name}.md"
    text = page.read_text(encoding="utf-8")
    for part in _PARTS:
        assert len(section(text, part)) > 20, part
    assert "\n1. " in text.partition("## Mitigation")[2]
    for promql in queries_of(page):
        labels_of(promql)


@pytest.mark.needs("promtool")
def test_what_an_outage_is_diagnosed_with_tells_when_and_how_often(tmp_path: Path) -> None:
    """The queries return the time since the last answer of each instance, and the number of new processes."""
    since = query("SignalServiceDown", "Seconds since it last answered")
    began = query("AvailabilityBudgetBurnFast", "Processes that started in the last hour")
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
                    {"series": series("up"), "values": "1x480"},
                    {"series": series("up", instance="b"), "values": "1x440 0x40"},
                    {"series": series("up", instance="c"), "values": "1x400 stale"},
                    # The first process keeps running; another one was replaced twice in the last hour.
                    {"series": series("process_cpu_seconds_total"), "values": "0+1x481"},
                    {"series": series("process_cpu_seconds_total", instance="b1"), "values": "0+1x280 stale"},
                    {
                        "series": series("process_cpu_seconds_total", instance="b2"),
                        "values": "_x284 0+1x80 stale",
                    },
                    {"series": series("process_cpu_seconds_total", instance="b3"), "values": "_x368 0+1x120"},
                ],
                "promql_expr_test": [
                    {
                        "expr": asked,
                        "eval_time": "120m",
                        "exp_samples": [
                            {"labels": labels, "value": value}
                            for expr, labels, value in tests
                            if expr == asked
                        ],
                    }
                    for asked in (since, began)
                ],
            }
        ],
    }
    run(tmp_path, content, {"Watchdog"})


def test_what_a_page_says_of_times_is_what_was_configured() -> None:
    """The text contains the configured windows, `for` times and limits; a boundary is named only if it exists."""
    config = Config.model_validate(
        {
            "windows": {"latency": 300},
            "holds": {"cpu": 1200, "service_down": 60},
            "thresholds": {"vectorized_p90_seconds": 1.5},
        }
    )
    why = {alert.name: _section(alert, config, "When it fires") for alert in alerts(config)}
    meaning = {alert.name: _section(alert, config, "Meaning") for alert in alerts(config)}
    assert "\nA quantile over 5m" in why["SignalServiceHighLatency"]
    assert "for 20m" in meaning["SignalServiceHighCPUUsage"]
    assert "1m are 12 scrapes" in why["SignalServiceDown"]
    assert "bound" not in why["SlowGreeksCalculations"]
    (default,) = (alert for alert in alerts(Config()) if alert.name == "SlowGreeksCalculations")
    assert "A bucket boundary is exactly at the limit" in _section(default, Config(), "When it fires")


def _section(alert: Alert, config: Config, heading: str) -> str:
    return section(runbook(alert, config, ""), heading)


#: Every objective with the other kind of alert.
_OTHER_KINDS = {
    name: {"objective": 0.99, "alert": "threshold" if slo.alert == "burn-rate" else "burn-rate"}
    for name, slo in Config().slos
    if isinstance(slo, Slo)
}


def test_there_is_a_template_for_every_alert_of_any_configuration_and_no_other() -> None:
    """Templates and alerts of all configurations match, and each template can be rendered."""
    changed = Config.model_validate({"slos": _OTHER_KINDS})
    named = {alert.name: (alert, config) for config in (Config(), changed) for alert in alerts(config)}
    templates = {path.name.removesuffix(".md") for path in TEMPLATES.iterdir() if path.name.endswith(".md")}
    assert templates == set(named)
    for alert, config in named.values():
        assert runbook(alert, config, "").startswith("<!--  -->\n# " + alert.name)


def test_every_shared_text_is_included_somewhere() -> None:
    """Each text in `shared/` is included in a template."""
    paths = [*TEMPLATES.iterdir(), *TEMPLATES.joinpath("shared").iterdir()]
    texts = "".join(path.read_text(encoding="utf-8") for path in paths if path.name.endswith(".md"))
    for path in TEMPLATES.joinpath("shared").iterdir():
        assert f"${{include.{path.name.removesuffix('.md')}}}" in texts, path.name


_WHOLE = "## Meaning\nm\n## When it fires\nw\n## Diagnosis\n* Targets: `up`\n## Mitigation\n1. s\n"


@pytest.mark.parametrize(
    ("template", "message"),
    [
        (
            _WHOLE.replace("m\n", "${thresholds.cpu_percents}\n"),
            r"Watchdog.md:2: .* \$\{thresholds.cpu_percents\}; did you mean \$\{thresholds.cpu_percent\}\?",
        ),
        (_WHOLE.replace("w\n", "${windows.cpu|minutes}\n"), r"Watchdog.md:4: .*\$\{windows.cpu\|minutes\}"),
        (
            _WHOLE.replace("up", "${series.API_P59}"),
            r"Watchdog.md:6: \$\{series.API_P59\}: .*did you mean API_P9",
        ),
        (
            _WHOLE.replace("up", "${metric.signal.up}"),
            r"Watchdog.md:6: \$\{metric.signal.up\}: no instrument",
        ),
        (_WHOLE + "${include.nothing}", r"shared.nothing.md does not exist \[SS610\]"),
        (
            _WHOLE.replace("Meaning", "Meanings"),
            r"Watchdog.md: section 'Meanings' is not one of: Meaning,",
        ),
        (
            _WHOLE.replace("## Mitigation\n1. s\n", ""),
            r"Watchdog.md: section `## Mitigation` is missing or empty \[SS611\]",
        ),
        (_WHOLE.replace("* Targets: `up`", "up"), r"Watchdog.md: 'up' in Diagnosis is not .* \[SS612\]"),
        (None, r"Watchdog.md does not exist \[SS610\]"),
    ],
)
def test_a_template_that_cannot_be_rendered_is_named(
    tmp_path: Path, template: str | None, message: str
) -> None:
    """The error names the line or the placeholder, and the nearest known name."""
    if template is not None:
        (tmp_path / "Watchdog.md").write_text(template, encoding="utf-8")
    (watchdog,) = (alert for alert in alerts(Config()) if alert.name == "Watchdog")
    with pytest.raises(RunbookError, match=message):
        runbook(watchdog, Config(), "", tmp_path)
