"""Every alert, by promtool: it fires at its trigger, and only then; it is silent without data, and it ends."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from tests.mixin.cases import CASES, Case, files
from tests.mixin.expressions import names_in
from tests.mixin.promtool import needed, run

from signalscope import binaries
from signalscope.config import Config
from signalscope.mixin.alerts import Alert, alerts

ROOT = binaries.ROOT
_BY_HAND = yaml.safe_load((ROOT / "rules" / "tests" / "alerts.yaml").read_text(encoding="utf-8"))
_COUNTERS = ("_total", "_bucket", "_sum", "_count")
#: SLOs of states, not of counters; their ratios are recorded together with those of counters.
_OF_STATES = ("Availability", "DependencyHealth", "CriticalBacklog")
_OUTSIDE = {
    "CapacityExhaustedWithin48h", "MemoryExhaustedBeforeClose", "TradingCalendarEnds", "CircuitBreakerFlapping",
    "DependencyLatencyRising", "DependencyErrorsRising", "AnomalyDetected", "Watchdog",
}  # fmt: skip
ALERTS = {alert.name: alert for alert in alerts(Config()) if alert.name not in _OUTSIDE}
#: Those that are promised by name, with their exact triggers.
_PROMISED = {
    "SignalServiceDown", "GreeksCalculationSystemFailure", "ConfigServiceUnavailable", "SignalServiceHighLatency",
    "SlowGreeksCalculations", "HighActiveSubscriptions", "SignalServiceHighCPUUsage",
}  # fmt: skip


def _counts(alert: Alert) -> bool:
    """Whether it is about counters, which begin anew after a restart."""
    if alert.name.startswith(_OF_STATES):
        return False
    rules = needed({alert.name})
    return any(
        name.endswith(_COUNTERS) and ":" not in name for rule in rules for name in names_in(rule["expr"])
    )


def test_committed_files_are_the_cases() -> None:
    """`python -m tests.mixin.cases` would change nothing."""
    for name, content in files().items():
        assert (ROOT / "rules" / "tests" / name).read_text(encoding="utf-8") == content, name


@pytest.mark.parametrize("name", ALERTS)
def test_each_alert_is_tested(name: str) -> None:
    """It fires and ends, is silent with data, and is silent after a restart where it is about counters."""
    by_hand = str([test for test in _BY_HAND["tests"] if name in str(test)])
    cases = [case for case in CASES if case.alert == name]
    if not by_hand.strip("[]"):
        assert any(list(case.firing.values())[-1] == 0 and 1 in case.firing.values() for case in cases)
        assert any(set(case.firing.values()) == {0} and not case.reset for case in cases)
    if _counts(ALERTS[name]) and name != "SignalServiceHighCPUUsage":  # by hand
        assert any(case.reset and set(case.firing.values()) == {0} for case in cases)


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
    run(
        tmp_path,
        _BY_HAND,
        _PROMISED | {"signal_service_error_rate_percentage"},
    )


@pytest.mark.needs("promtool")
def test_without_any_data_all_are_silent(tmp_path: Path) -> None:
    """All but the one that says that the service is gone."""
    names = set(ALERTS) - {"SignalServiceDown"}
    silent = [test for name in names for test in Case(name, "", {}, {"1h": 0}).as_test()["promql_expr_test"]]
    run(tmp_path, {"evaluation_interval": "1m", "tests": [{"promql_expr_test": silent}]}, names)


@pytest.mark.needs("promtool")
def test_the_cases_can_fail(tmp_path: Path) -> None:
    """An alert that is expected and does not fire is an error."""
    wrong = Case("HighMemoryUsage", "never", {"process_resident_memory_bytes": "1x20"}, {"4m": 1})
    with pytest.raises(AssertionError, match="HighMemoryUsage"):
        run(tmp_path, {"evaluation_interval": "15s", "tests": [wrong.as_test()]}, {wrong.alert})
