"""Alerts on the running stack: faults are switched on together, and each makes its alerts fire and end.

A configuration shortens the time that an alert must be pending, as a user's configuration could.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.mixin.runbook_pages import RUNBOOKS, queries_of
from tests.ports import free_ports
from tests.waiting import eventually, get, put

from signalscope import derived
from signalscope.demo.faults import FAULTS
from signalscope.demo.stack._stack import Stack

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.needs("collector", "prometheus", "alertmanager"),
    pytest.mark.timeout(600),
]

_CONFIG = """
[contract]
import = ["signalscope.demo.service.instruments"]

[business.monthly_prices]
free = 0
basic = 29
professional = 99
enterprise = 499

[windows]
latency = 30

[holds]
api_latency = 5
slow_greeks = 5
critical_backlog = 5
backpressure = 5
other_dependency = 5
dependency_calls = 5
mandatory_dependency = 5
breaker = 5
invalid_greeks = 5
slo_threshold = 5
subscriptions = 5
telemetry = 5
scrape = 5
keep_firing = 0

[pipeline]
recording = 5
slo = 5
history = 15
"""
#: Some faults exclude each other: a service that is down is not slow, and a failed calculation is not NaN.
#: The fault `cpu-burn` is left out, since its effect depends on the other load of the machine.
_ON = (
    "ticker-down", "config-failing", "marketplace-slow", "comms-down", "greeks-nan", "greeks-slow-vectorized",
    "cache-flush", "queue-flood", "subscription-surge",
)  # fmt: skip
#: Alerts on the current state, not on a time window: they end soon after their cause.
_ENDS_SOON = ("CriticalDependencyDown", "DependencyDown", "HighActiveSubscriptions", "CriticalQueueBacklog")


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The stack with rules from a user's configuration."""
    folder = tmp_path_factory.mktemp("mine")
    (folder / "my.toml").write_text(_CONFIG, encoding="utf-8")
    subprocess.run(
        [sys.executable, "-m", "signalscope", "generate", "--config", str(folder / "my.toml"), "--out", str(folder)],
        check=True, capture_output=True, env={**os.environ, "COLUMNS": "200"},
    )  # fmt: skip
    with Stack(free_ports(), load=25, say=print, generated=folder) as running:
        running.wait_for_data()
        yield running


def _switch(stack: Stack, name: str, on: bool) -> None:
    base = stack.control if FAULTS[name].where == "dependencies" else stack.url("service")
    put(f"{base}/demo/faults/{name}", {"on": on})


def _firing(stack: Stack) -> set[str]:
    return {series["metric"]["alertname"] for series in stack.query('ALERTS{alertstate="firing"}')}


def _be_evaluated(stack: Stack, times: int) -> None:
    """Wait until every group of alerts has been evaluated some times from now on."""
    seen: dict[str, set[str]] = defaultdict(set)

    def are_evaluated() -> bool:
        for group in get(f"{stack.url('prometheus')}/api/v1/rules?type=alert")["data"]["groups"]:
            seen[group["name"]].add(group["lastEvaluation"])
        return all(len(moments) > times for moments in seen.values())

    eventually(are_evaluated, 60, f"{times} evaluations of every group of alerts")


def test_faults_make_their_alerts_fire_and_end(quick: Stack, tmp_path: Path) -> None:
    """Nine faults make all their alerts fire in Prometheus and Alertmanager; some alerts end again."""
    expected = {alert for name in _ON for alert in FAULTS[name].alerts}
    assert len(expected) >= 10
    _be_evaluated(quick, 3)
    assert not _firing(quick) & (expected - {"GreeksCacheHitRatioLow", "IndicatorsCacheHitRatioLow"})
    for name in _ON:
        _switch(quick, name, on=True)
    seen: set[str] = set()

    def all_seen() -> bool:
        seen.update(_firing(quick))
        return expected <= seen

    try:
        eventually(all_seen, 240, "every alert of the faults")
    finally:
        print(f"fired: {sorted(seen)}; missing: {sorted(expected - seen)}")
    told = {alert["labels"]["alertname"] for alert in get(f"{quick.url('alertmanager')}/api/v2/alerts")}
    assert expected & told
    for name in _ON:
        _switch(quick, name, on=False)
    eventually(lambda: not _firing(quick) & set(_ENDS_SOON), 90, f"the end of {', '.join(_ENDS_SOON)}")


def test_no_rule_fails_meanwhile(quick: Stack) -> None:
    """Every rule evaluates on real data, with faults and without."""
    groups = get(f"{quick.url('prometheus')}/api/v1/rules")["data"]["groups"]
    failed = {
        rule["name"]: rule["lastError"]
        for group in groups
        for rule in group["rules"]
        if rule.get("lastError")
    }
    assert failed == {}


#: Series that need days of history, and sections with separate tests.
_LATER = {"SUBSCRIPTION_GROWTH", "CALENDAR_CLOSE", "SLO_PERIOD_BURN", "SLO_REMAINING"}
_ELSEWHERE = {"calendar", "anomaly", "forecast", "scaling", "predictive"}


def test_every_recorded_series_is_there(quick: Stack) -> None:
    """Every recorded series has a value in the demo, with the labels of the table."""

    def missing() -> list[str]:
        return [
            series.name
            for series in derived.all_series()
            if series.key not in _LATER
            and series.section not in _ELSEWHERE
            and not quick.query(f"count({series.name})")
        ]

    try:
        eventually(lambda: not missing(), 180, "every recorded series", every=1)
    except AssertionError:
        assert missing() == []
    for series in derived.all_series():
        for result in quick.query(series.name):
            labels = set(result["metric"]) - {"__name__"}
            assert set(series.labels) <= labels <= series.all_labels, series.name


def test_saturations_and_scores_stay_within_their_limits(quick: Stack) -> None:
    """On real data, ratios are from 0 to 1 and scores from 0 to 100."""
    for name, most in (
        ("bottleneck_analysis", 1),
        ("signal_service_queue_backpressure_level", 1),
        ("signal_service_kpi_attainment", 1),
        ("user_satisfaction_score", 100),
        ("signal_service_error_rate_percentage", 100),
    ):
        values = [float(result["value"][1]) for result in quick.query(name)]
        assert values, name
        assert not [value for value in values if not 0 <= value <= most], name


def test_every_query_of_every_runbook_runs(quick: Stack) -> None:
    """Prometheus accepts each query of docs/runbooks as printed, and most have a result."""
    pages = [path for path in sorted(RUNBOOKS.glob("*.md")) if path.name != "README.md"]
    answered, asked = 0, 0
    for page in pages:
        queries = queries_of(page)
        assert len(queries) >= 2, page.name
        for query in queries:
            asked += 1
            try:
                answered += bool(quick.query(query))
            except OSError as error:
                pytest.fail(f"{page.name}: {error}: {query}")
    print(f"{answered} of {asked} queries have an answer in the demo")
    assert answered > asked / 2
