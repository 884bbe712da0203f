"""From the reference service to Prometheus and Alertmanager: names, labels, counts, exemplars, alerts.

The tests share one running stack and run in the order of this file: the last one kills the service.
"""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from datetime import datetime
from typing import Any

import pytest
from tests.waiting import eventually, get, put

from signalscope import contract
from signalscope.contract import Kind
from signalscope.demo.stack._processes import answers
from signalscope.demo.stack._stack import Stack
from signalscope.mixin.alerts import ANNOTATIONS, expected_seconds

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.needs("collector", "prometheus", "alertmanager"),
    pytest.mark.timeout(600),
]

#: Metrics that exist only after an error or too many requests; a fixture below causes both.
_FAULTS = ("ticker-failing", "greeks-nan", "queue-flood")


def _switch(stack: Stack, fault: str, on: bool) -> None:
    at_dependencies = fault.split("-", maxsplit=1)[0] in {"ticker", "config", "alert", "comms", "marketplace"}
    base = stack.control if at_dependencies else stack.url("service")
    put(f"{base}/demo/faults/{fault}", {"on": on})


def _alerts(stack: Stack) -> dict[str, dict[str, Any]]:
    """Return the active alerts in Alertmanager, by name."""
    alerts = get(f"{stack.url('alertmanager')}/api/v2/alerts?active=true")
    return {alert["labels"]["alertname"]: alert for alert in alerts if alert["status"]["state"] == "active"}


def _fired_at(alert: dict[str, Any]) -> float:
    """Return the time at which Prometheus found that an alert fires, in Unix time."""
    return datetime.fromisoformat(alert["startsAt"]).timestamp()


@pytest.fixture(scope="module")
def troubled(stack: Stack) -> Stack:
    """The stack after every kind of error has occurred for a moment."""
    for fault in _FAULTS:
        _switch(stack, fault, on=True)
    request = urllib.request.Request(
        f"{stack.url('service')}/api/v1/signals/momentum/ALFA",
        headers={"X-User-Tier": "free", "X-User-Id": "eager"},
    )

    def limited() -> bool:
        try:
            urllib.request.urlopen(request, timeout=5).close()
        except urllib.error.HTTPError as error:
            return error.code == 429
        return False

    for _ in range(20):
        if limited():
            break
    rejected = "signal_service_circuit_breaker_calls_total{outcome='rejected'} > 0"
    eventually(lambda: stack.query(rejected), 60, "an open breaker")
    for fault in _FAULTS:
        _switch(stack, fault, on=False)
    return stack


def test_every_metric_has_the_contract_s_labels_and_no_others(troubled: Stack) -> None:
    """Each instrument is in Prometheus with its name, job, instance and its own labels."""

    def missing() -> list[str]:
        return [
            one.prometheus_name
            for one in contract.instruments()
            if one.section != "signalscope itself"  # exists only after an error
            and not troubled.query(f"count({one.series_names[-1]})")
        ]

    try:
        eventually(lambda: not missing(), 90, "every metric of the contract", every=1)
    except AssertionError:
        assert missing() == []
    for one in contract.instruments():
        for name in one.series_names:
            expected = {
                "job",
                "instance",
                *one.attribute_names,
                *(["le"] if name.endswith("_bucket") else []),
            }
            for series in troubled.query(f"{{__name__='{name}', job='signal-service'}}"):
                assert set(series["metric"]) - {"__name__"} == expected, name


def test_labels_stay_within_their_limits(troubled: Stack) -> None:
    """Labels have only allowed values; a histogram has the buckets of the contract."""
    for one in contract.instruments():
        for attribute in one.attributes:
            if attribute.values is not None:
                values = {
                    result["metric"].get(attribute.name)
                    for result in troubled.query(f"count by ({attribute.name}) ({one.series_names[-1]})")
                }
                assert values <= {*attribute.values, contract.OTHER}, one.name
        if one.kind is Kind.HISTOGRAM:
            bounds = troubled.query(f"count by (le) ({one.prometheus_name}_bucket{{job='signal-service'}})")
            found_bounds = {float(result["metric"]["le"]) for result in bounds} - {float("inf")}
            assert found_bounds == set(one.buckets or ()), one.name


def test_rules_record(stack: Stack) -> None:
    """The error rate exists for the service and for endpoints; no rule fails to evaluate."""
    rates = eventually(lambda: stack.query("signal_service_error_rate_percentage"), 30, "the error rate")
    assert any("endpoint" not in rate["metric"] for rate in rates)
    assert any("endpoint" in rate["metric"] for rate in rates)

    def health() -> dict[str, str]:
        """Return the health of the groups with an interval below one minute; the others may not have run yet."""
        groups = get(f"{stack.url('prometheus')}/api/v1/rules")["data"]["groups"]
        return {
            f"{group['name']}: {rule['name']}": rule["health"]
            for group in groups
            for rule in group["rules"]
            if group["interval"] < 60 or rule["health"] == "err"
        }

    eventually(lambda: "unknown" not in health().values(), 60, "an evaluation of every group")
    assert set(health().values()) == {"ok"}, health()


def test_every_target_is_up(stack: Stack) -> None:
    """All five jobs are scraped; from the service's own page only `up` is stored."""
    up = {result["metric"]["job"]: result["value"][1] for result in stack.query("up")}
    assert up == dict.fromkeys(
        ("signal-service", "otel-collector", "otel-collector-telemetry", "prometheus", "alertmanager"), "1"
    )
    service = stack.url("service").removeprefix("http://")
    scraped = stack.query(f"count by (__name__) ({{instance='{service}'}})")
    assert {result["metric"]["__name__"].split("_")[0] for result in scraped} <= {"up", "scrape"}


def test_the_service_s_own_page_has_the_same_names(stack: Stack) -> None:
    """`/metrics` and the Collector have the same names and labels."""
    request = urllib.request.Request(
        f"{stack.url('service')}/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"}
    )
    with urllib.request.urlopen(request, timeout=10) as response:
        assert response.headers["Content-Type"].startswith("application/openmetrics-text")
        page = response.read().decode()
    assert page.endswith("# EOF\n")
    assert 'trace_id="' in page
    own = {line.split("{")[0].split(" ")[0] for line in page.splitlines() if not line.startswith("#")}
    ours = {name for one in contract.instruments() for name in one.series_names}
    here = own & ours
    there = {
        result["metric"]["__name__"]
        for result in stack.query("count by (__name__) ({job='signal-service', instance!~'.*:.*'})")
    }
    assert here == there & ours


def test_exemplars_lead_to_exported_traces(stack: Stack) -> None:
    """The Collector exported the trace of each exemplar of the Greeks histogram."""
    path = stack.data / "traces.jsonl"

    def common() -> set[str]:
        query = "signal_service_greeks_calculation_seconds_bucket"
        now = time.time()
        url = f"{stack.url('prometheus')}/api/v1/query_exemplars?query={query}&start={now - 300}&end={now}"
        exemplars = {
            exemplar["labels"]["trace_id"] for one in get(url)["data"] for exemplar in one["exemplars"]
        }
        exported = {
            span["traceId"]
            # The last line may not be complete yet.
            for line in path.read_text(encoding="utf-8").rpartition("\n")[0].splitlines()
            for resource in json.loads(line)["resourceSpans"]
            for scope in resource["scopeSpans"]
            for span in scope["spans"]
        }
        return exemplars & exported

    assert eventually(common, 60, "an exemplar of an exported trace")


def test_no_user_and_no_secret_is_exported(stack: Stack) -> None:
    """User ids of the load are neither in a trace nor in a label; traces have their hashes."""
    traces = (stack.data / "traces.jsonl").read_text(encoding="utf-8")
    assert '"user.hash"' in traces
    assert "user-" not in traces
    assert not stack.query("{__name__=~'.+', user_id=~'.+'}")


def test_the_config_service_s_alert_fires(stack: Stack) -> None:
    """The fault makes ConfigServiceUnavailable reach Alertmanager in the promised time, and resolve."""
    name = "ConfigServiceUnavailable"
    assert name not in _alerts(stack)
    begun = time.time()
    _switch(stack, "config-down", on=True)
    alert = eventually(lambda: _alerts(stack).get(name), 90, name)
    took = _fired_at(alert) - begun
    _switch(stack, "config-down", on=False)
    assert 10 <= took <= expected_seconds(name) + 10  # bound: the promise, by Prometheus' clock
    eventually(lambda: name not in _alerts(stack), 360, f"{name} resolved")


def test_a_killed_service_is_noticed_and_its_return_too(stack: Stack) -> None:
    """SignalServiceDown is in Alertmanager 30 to 60 s after the kill, and resolves after the restart."""
    name = "SignalServiceDown"
    assert name not in _alerts(stack)
    stack.parts["service"].kill()
    begun = time.time()
    alert = eventually(lambda: _alerts(stack).get(name), 90, name)
    took = _fired_at(alert) - begun
    assert 30 <= took <= 60  # bound: the promise, by Prometheus' clock
    assert alert["labels"]["severity"] == "critical"
    assert set(alert["annotations"]) == set(ANNOTATIONS)
    stack.start_service()
    assert answers(f"{stack.url('service')}/health")
    eventually(lambda: name not in _alerts(stack), 360, f"{name} resolved")
