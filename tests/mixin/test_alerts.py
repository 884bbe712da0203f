"""Every alert, by promtool: it fires at its trigger, and only then; it is silent without data, and it ends."""

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
#: SLOs of states, not of counters; their ratios are recorded together with those of counters.
_OF_STATES = ("Availability", "DependencyHealth", "CriticalBacklog")
ALERTS = {alert.name: alert for alert in alerts(Config())}
#: Those that are promised by name, with their exact triggers.
_PROMISED = {
    "SignalServiceDown", "GreeksCalculationSystemFailure", "ConfigServiceUnavailable", "SignalServiceHighLatency",
    "SlowGreeksCalculations", "HighActiveSubscriptions", "SignalServiceHighCPUUsage",
}  # fmt: skip
#: What an alert cannot do, and why. An entry that is not needed fails the tests.
_EXCEPTIONS = {
    ("Watchdog", "ends"): "it always fires: that it does not is what the receiver takes for an alarm",
    ("Watchdog", "is silent"): "as above",
    ("Watchdog", "is silent without data"): "as above",
    ("SignalServiceDown", "is silent without data"): "a service without a target serves nobody",
    ("TradingCalendarEnds", "ends"): "it is about a date; only another configuration ends it",
}


def _counts(alert: Alert) -> bool:
    """Whether it is about counters, which begin anew after a restart."""
    if alert.name.startswith(_OF_STATES):
        return False
    rules = needed({alert.name})
    return any(
        name.endswith(_COUNTERS) and ":" not in name for rule in rules for name in names_in(rule["expr"])
    )


def _tests_of(name: str) -> Iterator[tuple[dict[str, Any], list[bool]]]:
    """Each of promtool's tests about an alert, and whether it is expected to fire, in the order of time."""
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
    """Seconds of a time such as ``1h30m``."""
    parts = moment.replace("h", "h ").replace("m", "m ").replace("s", "s ").split()
    return sum(map(seconds, parts))


def test_committed_files_are_the_cases() -> None:
    """`python -m tests.mixin.cases` would change nothing."""
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
    """Every alert has a test in which it fires, one in which it ends, and one in which it is silent with data."""
    assert _is_tested(name, what) == ((name, what) not in _EXCEPTIONS)


@pytest.mark.parametrize("name", [alert.name for alert in ALERTS.values() if _counts(alert)])
def test_each_alert_about_counters_is_tested_with_a_restart(name: str) -> None:
    """It is silent when its counters begin anew."""
    assert any(case.alert == name and case.reset and set(case.firing.values()) == {0} for case in CASES)


def test_every_case_and_exception_is_about_an_alert() -> None:
    """A case of an alert that is gone would be silent for ever."""
    assert {case.alert for case in CASES} | {name for name, _ in _EXCEPTIONS} <= set(ALERTS)


@pytest.mark.needs("promtool")
@pytest.mark.parametrize("name", sorted({case.alert for case in CASES}))
def test_an_alert_fires_stays_silent_and_ends(tmp_path: Path, name: str) -> None:
    """As its cases say."""
    cases = [case for case in CASES if case.alert == name]
    for interval in {case.every for case in cases}:
        tests = [case.as_test() for case in cases if case.every == interval]
        run(tmp_path, {"evaluation_interval": interval, "tests": tests}, {name})


@pytest.mark.needs("promtool")
def test_alerts_of_named_triggers(tmp_path: Path) -> None:
    """rules/tests/alerts.yaml, written by hand: the seven alerts that are promised by name."""
    run(tmp_path, _BY_HAND, _PROMISED | {"signal_service_error_rate_percentage"})


@pytest.mark.needs("promtool")
def test_without_any_data_all_are_silent(tmp_path: Path) -> None:
    """All but the exceptions, which fire."""
    cases = [
        Case(name, "", {}, {"1h": int((name, "is silent without data") in _EXCEPTIONS)}) for name in ALERTS
    ]
    tests = [test for case in cases for test in case.as_test()["promql_expr_test"]]
    run(tmp_path, {"evaluation_interval": "1m", "tests": [{"promql_expr_test": tests}]}, set(ALERTS))


@pytest.mark.needs("promtool")
def test_the_cases_can_fail(tmp_path: Path) -> None:
    """An alert that is expected and does not fire is an error."""
    wrong = Case("HighMemoryUsage", "never", {"process_resident_memory_bytes": "1x20"}, {"4m": 1})
    with pytest.raises(AssertionError, match="HighMemoryUsage"):
        run(tmp_path, {"evaluation_interval": "15s", "tests": [wrong.as_test()]}, {wrong.alert})
