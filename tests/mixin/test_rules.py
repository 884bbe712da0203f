"""The generated rules: valid, up to date, and only about existing metrics."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.mixin.expressions import UnknownError, labels_of
from tests.mixin.runbook_pages import RUNBOOKS, queries_of

from signalscope import binaries, contract, derived
from signalscope.config import Config
from signalscope.contract import ContractError
from signalscope.demo.faults import FAULTS
from signalscope.derived import groups
from signalscope.derived._promql import duration, metric
from signalscope.mixin.alerts import ANNOTATIONS, LABELS, Alert, alerts, expected_seconds
from signalscope.mixin.generate import HEADER, differences, generate, rendered

ROOT = binaries.ROOT
NAMED = {
    "SignalServiceDown": "critical",
    "GreeksCalculationSystemFailure": "critical",
    "ConfigServiceUnavailable": "critical",
    "SignalServiceHighLatency": "warning",
    "SlowGreeksCalculations": "warning",
    "HighActiveSubscriptions": "info",
    "SignalServiceHighCPUUsage": "info",
}


def _run(name: str, *arguments: str) -> str:
    done = subprocess.run(
        [binaries.find(name), *arguments], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_committed_files_are_what_the_config_gives() -> None:
    """The committed files are equal to the generated ones, and their first line says that they are generated."""
    # A separate process, because other tests may have added instruments to the contract in this one.
    command = [sys.executable, "-m", "signalscope", "generate", "--check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("Everything is up to date.\n", "")
    for name, content in rendered(Config()).items():
        assert "enerated by `signalscope" in content.splitlines()[0], name
    assert HEADER


def test_a_changed_file_is_noticed(tmp_path: Path) -> None:
    """Missing and edited files are both reported."""
    generate(Config(), tmp_path)
    assert differences(Config(), tmp_path) == []
    (tmp_path / "rules" / "signalscope-alerts.yaml").write_text("groups: []", encoding="utf-8")
    (tmp_path / "docs" / "runbooks" / "SignalServiceDown.md").unlink()
    assert set(differences(Config(), tmp_path)) == {
        "rules/signalscope-alerts.yaml", "docs/runbooks/SignalServiceDown.md"
    }  # fmt: skip


def _rules(name: str) -> list[dict[str, Any]]:
    """Return the rules of a committed file."""
    text = (ROOT / "rules" / f"signalscope-{name}.yaml").read_text(encoding="utf-8")
    return [rule for group in yaml.safe_load(text)["groups"] for rule in group["rules"]]


def test_the_named_alerts_have_their_severities() -> None:
    """The seven required alerts have the required severities."""
    severities = {alert.name: alert.severity for alert in alerts(Config())}
    assert NAMED.items() <= severities.items()


def test_alerts_are_complete() -> None:
    """Each alert has the labels for routing, all annotations, a runbook and a dashboard."""
    rules = _rules("alerts")
    assert len({(rule["alert"], rule["labels"]["severity"]) for rule in rules}) == len(rules)
    for rule in rules:
        assert set(LABELS) <= set(rule["labels"])
        assert set(rule["annotations"]) == set(ANNOTATIONS)
        assert all(rule["annotations"].values())
        # A value in a label would create a new alert at each change.
        assert "$" not in str(rule["labels"])
        page = rule["annotations"]["runbook_url"].rpartition("/")[2]
        assert (ROOT / "docs" / "runbooks" / page).is_file()
        board = rule["annotations"]["dashboard_url"].partition("/signalscope-")[2].partition("?")[0]
        assert (ROOT / "dashboards" / f"{board}.json").is_file(), board


def test_only_what_users_notice_pages() -> None:
    """Exactly the critical alerts page; alerts about telemetry, capacity, cache and business never do."""
    for alert in alerts(Config()):
        labels = alert.all_labels(Config())
        assert (labels["route"] == "page") == (alert.severity == "critical")
        assert alert.severity != "critical" or alert.domain not in {
            "telemetry",
            "capacity",
            "cache",
            "business",
        }


def test_rules_record_what_the_table_says() -> None:
    """The result of each rule has the labels of its row, and each row is recorded."""
    recorded = set()
    for rule in [*_rules("recordings"), *_rules("slos"), *_rules("insight")]:
        row = derived.get(rule["record"])
        labels = labels_of(rule["expr"]) | set(rule.get("labels", {}))
        assert set(row.labels) <= labels <= row.all_labels, row.name
        recorded.add(row.name)
    missing = {row.key for row in derived.all_series() if row.name not in recorded}
    assert missing == {"TIER_PRICE"}  # recorded only for tiers with a configured price


def test_prices_are_the_config_s() -> None:
    """A price in the configuration becomes a rule with its tier; without prices the rule is absent."""
    own = Config.model_validate(
        {"business": {"monthly_prices": {"gold": 12.5}}, "selectors": {"job": "desk"}}
    )
    (rule,) = [rule for group in groups(own) for rule in group.rules if rule.key == "TIER_PRICE"]
    assert rule.expr == "vector(12.5)"
    assert rule.labels == {"job": "desk", "user_tier": "gold"}
    assert not any(rule.key == "TIER_PRICE" for group in groups(Config()) for rule in group.rules)


def test_alerts_name_only_what_exists() -> None:
    """Alerts and runbooks use only metrics and labels of the contract, the recorded series or known programs."""
    for alert in alerts(Config()):
        labels_of(alert.expr)
        for query in queries_of(RUNBOOKS / f"{alert.name}.md"):
            labels_of(query)
        used = set(re.findall(r"\$labels\.(\w+)", alert.summary + alert.description))
        assert used <= labels_of(alert.expr) | set(alert.labels), alert.name


@pytest.mark.parametrize("alert", alerts(Config()), ids=lambda alert: alert.name)
def test_annotations_are_short(alert: Alert) -> None:
    """A summary is one line; other texts have at most two short sentences. Details are in the runbook."""
    shown = re.sub(r"\{\{ with .*?\{\{ end \}\}", " (process 1)", alert.summary)
    assert len(shown) <= 100
    assert "\n" not in alert.summary
    for text in (alert.description, alert.impact, alert.response):
        assert len(text) <= 130, text
        assert len(re.findall(r"[.!?](?:\s|$)", text)) <= 2, text


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("signal_service_api_request_total", "nothing has the name"),
        ('signal_service_api_requests_total{tier="free"}', "has no label tier"),
        ("sum by (tier) (signal_service_api_requests_total)", "no label tier to aggregate by"),
        ("up / on (job) sum by (instance) (up)", "no label job on both sides"),
        ("sum by (job) (up) / up", "do not match"),
        ("histogram_quantile(0.9, up)", "no label le"),
    ],
)
def test_a_name_that_nothing_has_is_found(expression: str, message: str) -> None:
    """The check reports unknown names."""
    with pytest.raises(UnknownError, match=message):
        labels_of(expression)


def test_a_misspelt_metric_or_label_is_refused() -> None:
    """The helper for metric names raises an error for names that are not in the contract."""
    with pytest.raises(ContractError, match=r"no instrument 'signal_service\.greek'"):
        metric("signal_service.greek")
    with pytest.raises(ContractError, match="has no label tier"):
        metric("signal_service.api.requests", "tier")
    with pytest.raises(ContractError, match="no series"):
        metric("signal_service.api.requests", suffix="_bucket")


def test_every_threshold_on_a_histogram_is_a_bucket_bound() -> None:
    """Each limit is a bucket boundary; otherwise the quantile would be interpolated."""
    thresholds = Config().thresholds
    assert thresholds.api_p95_seconds in contract.API_BUCKETS
    assert thresholds.vectorized_p90_seconds in contract.GREEKS_BUCKETS


def test_faults_name_alerts_that_exist() -> None:
    """Each fault names at least one alert, with an expected time below 15 minutes; collateral alerts are others."""
    names = {alert.name for alert in alerts(Config())}
    for fault in FAULTS.values():
        assert fault.alerts, fault.name
        for alert in fault.alerts:
            assert 0 < expected_seconds(alert) < 900
        assert set(fault.collateral) <= names - set(fault.alerts), fault.name
    with pytest.raises(KeyError):
        expected_seconds("Nonsense")


@pytest.mark.parametrize(("seconds", "text"), [(0, "0s"), (5, "5s"), (90, "90s"), (60, "1m"), (7200, "2h")])
def test_durations_are_prometheus_durations(seconds: int, text: str) -> None:
    """A duration uses the largest unit with a whole number."""
    assert duration(seconds) == text


@pytest.mark.needs("promtool", "amtool")
def test_servers_accept_their_configuration(tmp_path: Path) -> None:
    """The rules have no lint findings, and the configuration of both servers is valid."""
    rules = [str(path) for path in sorted((ROOT / "rules").glob("*.yaml"))]
    _run("promtool", "check", "rules", "--lint=all", "--lint-fatal", *rules)
    shutil.copy(ROOT / "deploy" / "prometheus" / "prometheus.yml", tmp_path)
    shutil.copytree(ROOT / "rules", tmp_path / "rules")
    _run("promtool", "check", "config", str(tmp_path / "prometheus.yml"))
    _run("amtool", "check-config", "rules/alertmanager/alertmanager.yml")
