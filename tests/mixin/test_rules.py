"""The generated rules: valid, up to date, about metrics that exist, and firing when they should."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from signalscope import contract
from signalscope.contract import ContractError
from signalscope.demo import binaries
from signalscope.demo.faults import FAULTS
from signalscope.mixin._promql import duration, metric
from signalscope.mixin.alerts import alerts, expected_seconds
from signalscope.mixin.config import Config
from signalscope.mixin.generate import HEADER, differences, generate, rendered
from signalscope.mixin.recordings import recordings

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
    """`signalscope generate` would change nothing, and every file says that it is generated."""
    assert differences(Config(), ROOT) == []
    for name, content in rendered(Config()).items():
        assert "enerated by `signalscope" in content.splitlines()[0], name
    assert HEADER


def test_a_changed_file_is_noticed(tmp_path: Path) -> None:
    """One that is missing and one that was edited are both named."""
    generate(Config(), tmp_path)
    assert differences(Config(), tmp_path) == []
    (tmp_path / "rules" / "signalscope-alerts.yaml").write_text("groups: []", encoding="utf-8")
    (tmp_path / "docs" / "runbooks" / "SignalServiceDown.md").unlink()
    assert set(differences(Config(), tmp_path)) == {
        "rules/signalscope-alerts.yaml", "docs/runbooks/SignalServiceDown.md"
    }  # fmt: skip


def test_the_named_alerts_are_complete() -> None:
    """Each has its severity, and all that the person who is paged needs."""
    assert {alert.name: alert.severity for alert in alerts(Config())} == NAMED
    (group,) = yaml.safe_load((ROOT / "rules" / "signalscope-alerts.yaml").read_text(encoding="utf-8"))[
        "groups"
    ]
    for rule in group["rules"]:
        assert set(rule["annotations"]) == {"summary", "description", "impact", "response", "runbook_url"}
        assert all(rule["annotations"].values())
        page = rule["annotations"]["runbook_url"].rpartition("/")[2]
        assert (ROOT / "docs" / "runbooks" / page).is_file()


def test_expressions_use_only_what_exists() -> None:
    """Every metric in a rule or runbook is in the contract, is recorded, or is Prometheus' own."""
    known = {series for each in contract.instruments() for series in each.series_names}
    known |= {each.record for each in recordings(Config())} | {"up"}
    expressions = [each.expr for each in recordings(Config())]
    for alert in alerts(Config()):
        expressions += [alert.expr, *alert.diagnosis.values()]
    for expression in expressions:
        bare = re.sub(r'"[^"]*"|\{[^}]*\}|by \([^)]*\)|\[[^\]]*\]', " ", expression)
        words = set(re.findall(r"[a-z_][a-z0-9_:]*", bare))
        unknown = {word for word in words if "_" in word and word not in known} - {"histogram_quantile"}
        assert not unknown, expression


def test_a_misspelt_metric_or_label_is_refused() -> None:
    """The helper that expressions are made with knows the contract."""
    with pytest.raises(ContractError, match=r"no instrument 'signal_service\.greek'"):
        metric("signal_service.greek")
    with pytest.raises(ContractError, match="has no label tier"):
        metric("signal_service.api.requests", "tier")
    with pytest.raises(ContractError, match="no series"):
        metric("signal_service.api.requests", suffix="_bucket")


def test_every_threshold_on_a_histogram_is_a_bucket_bound() -> None:
    """Or the quantile would be interpolated across it."""
    thresholds = Config().thresholds
    assert thresholds.api_p95_seconds in contract.API_BUCKETS
    assert thresholds.vectorized_p90_seconds in contract.GREEKS_BUCKETS


def test_faults_name_alerts_that_exist() -> None:
    """And the time they promise is known."""
    for fault in FAULTS.values():
        for alert in fault.alerts:
            assert expected_seconds(alert) > 0
    with pytest.raises(KeyError):
        expected_seconds("Nonsense")


@pytest.mark.parametrize(("seconds", "text"), [(0, "0s"), (5, "5s"), (90, "90s"), (60, "1m"), (7200, "2h")])
def test_durations_are_prometheus_durations(seconds: int, text: str) -> None:
    """In the largest unit that gives a whole number."""
    assert duration(seconds) == text


@pytest.mark.needs("promtool")
def test_alerts_fire_stay_silent_and_resolve() -> None:
    """rules/tests: for each alert its trigger, just under it, no data, recovery."""
    _run("promtool", "test", "rules", "rules/tests/alerts.yaml")


@pytest.mark.needs("promtool")
def test_each_alert_has_tests_of_firing_and_of_silence() -> None:
    """So that a new alert cannot be added without them."""
    text = (ROOT / "rules" / "tests" / "alerts.yaml").read_text(encoding="utf-8")
    for alert in alerts(Config()):
        assert text.count(alert.name) >= 3, alert.name


@pytest.mark.needs("promtool")
def test_a_rule_that_never_fires_fails_the_tests(tmp_path: Path) -> None:
    """The tests can fail: with a threshold ten times as high they do."""
    generate(Config.model_validate({"thresholds": {"api_p95_seconds": 50}}), tmp_path)
    shutil.copytree(ROOT / "rules" / "tests", tmp_path / "rules" / "tests")
    done = subprocess.run(
        [binaries.find("promtool"), "test", "rules", "rules/tests/alerts.yaml"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode != 0
    assert "SignalServiceHighLatency" in done.stdout + done.stderr


@pytest.mark.needs("promtool", "amtool")
def test_servers_accept_their_configuration(tmp_path: Path) -> None:
    """Rules without a complaint of the linter; Prometheus' and Alertmanager's configuration valid."""
    rules = [str(each) for each in sorted((ROOT / "rules").glob("*.yaml"))]
    _run("promtool", "check", "rules", "--lint=all", "--lint-fatal", *rules)
    shutil.copy(ROOT / "deploy" / "prometheus" / "prometheus.yml", tmp_path)
    shutil.copytree(ROOT / "rules", tmp_path / "rules")
    _run("promtool", "check", "config", str(tmp_path / "prometheus.yml"))
    _run("amtool", "check-config", "rules/alertmanager/alertmanager.yml")
