"""Tests of all alerts with promtool: an alert fires at its limit, does not fire without data, and ends."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.mixin.cases import CASES, Case, files
from tests.mixin.expressions import names_in
from tests.mixin.promtool import needed, run

from signalscope import binaries
from signalscope.config import Config
from signalscope.config.defaults import seconds
from signalscope.mixin.alerts import Alert, alerts

ROOT = binaries.ROOT
_BY_HAND = yaml.safe_load((ROOT / "rules" / "tests" / "alerts.yaml").read_text(encoding="utf-8"))
_COUNTERS = ("_total", "_bucket", "_sum", "_count")
#: SLOs that are based on gauges; their ratios are recorded in the same series as those of counters.
_OF_STATES = ("Availability", "DependencyHealth", "CriticalBacklog")
ALERTS = {alert.name: alert for alert in alerts(Config())}
#: Alerts whose names and conditions are part of the requirements.
_PROMISED = {
    "SignalServiceDown", "GreeksCalculationSystemFailure", "ConfigServiceUnavailable", "SignalServiceHighLatency",
    "SlowGreeksCalculations", "HighActiveSubscriptions", "SignalServiceHighCPUUsage",
}  # fmt: skip
#: Tests that an alert does not have, with the reason. An unnecessary entry fails the tests.
_EXCEPTIONS = {
    ("Watchdog", "ends"): "it always fires; the receiver raises an alarm when it stops",
    ("Watchdog", "is silent"): "as above",
    ("Watchdog", "is silent without data"): "as above",
    ("SignalServiceDown", "is silent without data"): "a service without a target counts as down",
    ("TradingCalendarEnds", "ends"): "its condition is a date; only another configuration ends it",
}


def _counts(alert: Alert) -> bool:
    """Return True if an alert reads counters, which start at zero after a restart."""
    if alert.name.startswith(_OF_STATES):
        return False
    rules = needed({alert.name})
    return any(
        name.endswith(_COUNTERS) and ":" not in name for rule in rules for name in names_in(rule["expr"])
    )


def _tests_of(name: str) -> Iterator[tuple[dict[str, Any], list[bool]]]:
    """Yield promtool's tests of an alert, each with the expected firing states in order of time."""
    for test in [*(case.as_test() for case in CASES), *_BY_HAND["tests"]]:
        expected = {
            check["eval_time"]: bool(check["exp_alerts"])
            for check in test.get("alert_rule_test", ())
            if check["alertname"] == name
        } | {
            check["eval_time"]: any(sample["value"] > 0 for sample in check["exp_samples"])
            for check in test.get("promql_expr_test", ())
            if f'alertname="{name}"' in check["expr"]
        }
        if expected:
            yield test, [expected[at] for at in sorted(expected, key=_at)]


def _at(moment: str) -> int:
    """Return the seconds of a duration such as ``1h30m``."""
    parts = moment.replace("h", "h ").replace("m", "m ").replace("s", "s ").split()
    return sum(map(seconds, parts))


def test_committed_files_are_the_cases() -> None:
    """The committed files are equal to the output of `python -m tests.mixin.cases`."""
    written = {name: (ROOT / "rules" / "tests" / name).read_text(encoding="utf-8") for name in files()}
    assert written == files()
    assert {path.name for path in (ROOT / "rules" / "tests").iterdir()} == {"alerts.yaml", *files()}


def _is_tested(name: str, what: str) -> bool:
    tests = [*_tests_of(name)]
    if what == "fires":
        return any(True in firing for _, firing in tests)
    if what == "ends":
        return any(True in firing and not firing[-1] for _, firing in tests)
    return any(
        not any(firing) and (test["input_series"] or "start_timestamp" in test) for test, firing in tests
    )


@pytest.mark.parametrize("what", ["fires", "ends", "is silent"])
@pytest.mark.parametrize("name", ALERTS)
def test_each_alert_is_tested(name: str, what: str) -> None:
    """Each alert has a test in which it fires, one in which it ends, and one in which it does not fire with data."""
    assert _is_tested(name, what) == ((name, what) not in _EXCEPTIONS)


@pytest.mark.parametrize("name", [alert.name for alert in ALERTS.values() if _counts(alert)])
def test_each_alert_about_counters_is_tested_with_a_restart(name: str) -> None:
    """An alert on counters has a test in which a restart does not fire it."""
    assert any(case.alert == name and case.reset and set(case.firing.values()) == {0} for case in CASES)


def test_every_case_and_exception_is_about_an_alert() -> None:
    """Cases and exceptions name only alerts that exist; others would never fail."""
    assert {case.alert for case in CASES} | {name for name, _ in _EXCEPTIONS} <= set(ALERTS)


@pytest.mark.needs("promtool")
@pytest.mark.parametrize("name", sorted({case.alert for case in CASES}))
def test_an_alert_fires_stays_silent_and_ends(tmp_path: Path, name: str) -> None:
    """An alert fires and ends at the times of its cases."""
    cases = [case for case in CASES if case.alert == name]
    for interval in {case.every for case in cases}:
        tests = [case.as_test() for case in cases if case.every == interval]
        run(tmp_path, {"evaluation_interval": interval, "tests": tests}, {name})


@pytest.mark.needs("promtool")
def test_alerts_of_named_triggers(tmp_path: Path) -> None:
    """The tests in rules/tests/alerts.yaml pass; they are written by hand for the seven required alerts."""
    run(tmp_path, _BY_HAND, _PROMISED | {"signal_service_error_rate_percentage"})


@pytest.mark.needs("promtool")
def test_without_any_data_all_are_silent(tmp_path: Path) -> None:
    """Without data, no alert fires except the listed exceptions."""
    cases = [
        Case(name, "", {}, {"1h": int((name, "is silent without data") in _EXCEPTIONS)}) for name in ALERTS
    ]
    tests = [test for case in cases for test in case.as_test()["promql_expr_test"]]
    run(tmp_path, {"evaluation_interval": "1m", "tests": [{"promql_expr_test": tests}]}, set(ALERTS))


@pytest.mark.needs("promtool")
def test_the_cases_can_fail(tmp_path: Path) -> None:
    """A case fails if the expected alert does not fire."""
    wrong = Case("HighMemoryUsage", "never", {"process_resident_memory_bytes": "1x20"}, {"4m": 1})
    with pytest.raises(AssertionError, match="HighMemoryUsage"):
        run(tmp_path, {"evaluation_interval": "15s", "tests": [wrong.as_test()]}, {wrong.alert})
