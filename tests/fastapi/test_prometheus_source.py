"""/monitoring with a Prometheus that is up, slow, down or wrong, without blocking the event loop."""

from __future__ import annotations

import asyncio
import gzip
import re
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.fastapi.prometheus import delayed, lying, running
from tests.waiting import DEADLINE

from fastapi import FastAPI
from signalscope import derived, health
from signalscope.config import Config, _environment
from signalscope.derived import _prometheus
from signalscope.derived._promql import Promql
from signalscope.fastapi import _auth as _access
from signalscope.fastapi import router
from signalscope.fastapi.monitoring import _routes as _monitoring
from signalscope.health import HealthCheck

pytestmark = pytest.mark.needs("prometheus", "promtool")
ANSWERS = ("enhanced-metrics", "performance-summary", "business-dashboard", "capacity-planning")
JOB = 'job="signal-service"'
_NOW, _SLO = time.time(), 'sloth_id="{0}",sloth_service="signal-service",sloth_slo="{0}"'
#: The data of the real Prometheus: the key of a series, its labels and its value.
GIVEN: tuple[tuple[str, str, float], ...] = (
    ("ERROR_RATE", "", 0.25),
    ("ERROR_RATE", 'endpoint="/a"', 3.5),
    ("API_MEAN", "", 0.2),
    ("API_P95", "", 0.45),
    ("API_SLOW", "", 5),
    ("API_REQUESTS", "", 40),
    ("API_REQUESTS_ENDPOINT", 'endpoint="/a"', 40),
    ("SIGNAL_MEAN", "", 0.05),
    ("GREEKS_CALLS", 'outcome="success"', 30),
    ("GREEKS_CALLS", 'outcome="error"', 2),
    ("VECTORIZED_SHARE", "", 0.95),
    ("VECTORIZED_SHARE", 'calculation_type="delta"', 0.5),
    ("CACHE_HITS", 'cache_type="greeks"', 0.9),
    ("CACHE_BYTES", 'cache_type="greeks"', 1e6),
    ("SUBSCRIPTIONS_TOTAL", "", 120),
    ("SUBSCRIPTIONS", 'user_tier="free"', 100),
    ("SUBSCRIPTIONS", 'user_tier="basic"', 20),
    ("SUBSCRIPTION_GROWTH", 'period="1d"', 0.02),
    ("ACTIVE_USERS", 'window="1h",user_tier="free"', 12),
    ("ACTIVE_USERS", 'window="24h",user_tier="free"', 50),
    ("SATISFACTION", "", 93),
    ("SATISFACTION", 'user_tier="free"', 91),
    ("COST", 'operation_type="chain"', 0.5),
    ("COST_PER_USER", "", 0.04),
    ("CPU", 'instance="a"', 0.4),
    ("CPU", 'instance="b"', 0.7),
    ("MEMORY_BYTES", "", 3e9),
    ("QUEUE_FILL", 'queue_type="work"', 0.3),
    ("SCALING", 'reason="load"', 4),
    ("BOTTLENECK", 'resource="cpu",kind="cpu"', 0.7),
    ("BOTTLENECK", 'resource="work",kind="queue"', 0.3),
    ("EXHAUSTION", 'resource="cpu"', 172_800),
    ("EXHAUSTION", 'resource="memory"', 3_600),
    ("DEPENDENCY_UP", 'service_name="ticker_service",criticality="critical"', 0),
    ("DEPENDENCY_UP", 'service_name="config_service",criticality="high"', 1),
    ("DEPENDENCY_TIME", 'service_name="ticker_service"', 2),
    ("DEPENDENCY_ERROR_RATIO", 'service_name="ticker_service"', 0.5),
    ("DEPENDENCY_ERROR_RATIO", 'service_name="config_service"', 0.0),
    ("DEPENDENCY_P95", 'service_name="config_service"', 0.1),
    ("HEALTH", 'component="database"', 1),
    ("KPI_VALUE", 'kpi="api_p95",category="technical"', 0.45),
    ("KPI_TARGET", 'kpi="api_p95",category="technical",direction="below"', 0.5),
    ("KPI_ATTAINMENT", 'kpi="api_p95",category="technical"', 1),
    ("KPI_TARGET", 'kpi="availability",category="technical",direction="above"', 0.9995),
    ("CAPACITY_USED", 'resource="cpu"', 0.5),
    ("CAPACITY_USED", 'resource="load"', 40),
    ("FORECAST", 'resource="cpu",horizon="48h"', 0.8),
    ("REPLICAS", "", 2),
    ("SLO_SINCE", _SLO.format("errors"), _NOW - 3.4 * 86_400),
    ("SLO_SINCE", _SLO.format("availability"), _NOW - 3_600),
    ("SLO_OBJECTIVE", _SLO.format("errors"), 0.999),
    ("SLO_OBJECTIVE", _SLO.format("availability"), 0.9995),
    ("SLO_BURN", _SLO.format("errors"), 0.5),
    ("SLO_REMAINING", _SLO.format("errors"), 0.8),
)


def _samples() -> Iterator[str]:
    """Yield OpenMetrics lines: one hour of every series with one value per minute, and two raw counters."""
    now = int(time.time())
    times = [now - 60 * minute for minute in range(60, -1, -1)]
    for key in dict.fromkeys(key for key, _, _ in GIVEN):
        for _, labels, value in (series for series in GIVEN if series[0] == key):
            for at in times:
                yield f"{derived.get(key).name}{{{JOB}{',' if labels else ''}{labels}}} {value} {at}"
    yield f"generated_end{{{JOB}}} {now - 600} {now}"
    yield "# TYPE signal_service_api_requests counter"
    for at in range(now - 600, now + 1, 5):
        yield f"signal_service_api_requests_total{{{JOB}}} {(at - now + 600) * 2} {at}"
    for at in range(now - 600, now + 1, 5):  # eight seconds of serving requests each second
        yield f"signal_service_api_request_duration_seconds_sum{{{JOB}}} {(at - now + 600) * 8} {at}"
    states = {"open": 1, "closed": 0, "half_open": 0}
    for state, value in states.items():
        labels = f'{JOB},service_name="ticker_service",operation="all",state="{state}"'
        for at in times:
            yield f"signal_service_circuit_breaker_state{{{labels}}} {value} {at}"


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start a real Prometheus with the data, and return its URL."""
    with running(tmp_path_factory.mktemp("prometheus"), list(_samples())) as url:
        yield url


@pytest.fixture(autouse=True)
async def _fresh(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    monkeypatch.setenv("SIGNALSCOPE_MONITORING_PUBLIC", "true")
    monkeypatch.setenv("SIGNALSCOPE_MONITORING_RATE", "10000")
    monkeypatch.setattr(_access, "_buckets", _access.Buckets())
    _monitoring._answers.clear()
    yield
    _monitoring._answers.clear()
    await _prometheus.shared.close()


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    """Return a client of a service."""
    app = FastAPI()
    app.include_router(router)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
        yield client


async def _answer(client: httpx.AsyncClient, name: str) -> dict[str, Any]:
    answer = await client.get(f"/monitoring/{name}")
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def _values(block: dict[str, Any]) -> dict[str, Any]:
    """Return the values of a block without their windows."""
    return {name: value for name, value in block.items() if name != "window_seconds"}


async def test_values_are_those_that_prometheus_has(
    client: httpx.AsyncClient, prometheus: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each field has the value of its recorded series; a value that Prometheus lacks is null, with the reason."""
    monkeypatch.setenv("SIGNALSCOPE_PROMETHEUS_URL", f"{prometheus}/")
    answer = await _answer(client, "enhanced-metrics")
    assert answer["source"]["name"] == "prometheus"
    assert not answer["degraded"]
    assert answer["problems"] == []
    performance, business, capacity = answer["performance"], answer["business"], answer["capacity"]
    api = performance["api_performance"]
    assert api["total_requests_last_minute"] == pytest.approx(120, rel=0.15)
    assert api["average_response_time_ms"] == 200
    assert (api["error_rate_percentage"], api["slow_requests_percentage"]) == (0.25, 5)
    assert _values(performance["signal_generation"]) == {
        "signals_generated_last_minute": None, "average_generation_time_ms": 50,
        "greeks_calculations_per_second": 32, "vectorization_efficiency": 0.95,
    }  # fmt: skip
    assert _values(performance["cache_performance"]) == {
        "greeks_cache_hit_ratio": 0.9, "indicators_cache_hit_ratio": None, "cache_size_bytes": 1e6,
    }  # fmt: skip
    assert _values(business["subscriptions"]) == {
        "total_active": 120, "by_tier": {"free": 100, "basic": 20}, "growth_rate_daily": 0.02,
    }  # fmt: skip
    assert business["user_activity"]["active_users_last_hour"] == 12
    assert business["user_activity"]["user_satisfaction_score"] == 93
    assert business["revenue_impact"]["computation_cost_last_hour"] == 0.5
    assert business["revenue_impact"]["cost_per_user"] == 0.04
    assert _values(capacity["resource_utilization"]) == {
        "cpu_usage_percentage": pytest.approx(70), "memory_usage_gb": pytest.approx(3), "queue_utilization": 0.3,
    }  # fmt: skip
    assert _values(capacity["scaling_indicators"]) == {
        "scaling_recommendation": {"replicas": 4, "reason": "load"},
        "bottleneck_analysis": {
            "resource": "cpu", "kind": "cpu", "saturation": 0.7, "resources": {"cpu": 0.7, "work": 0.3},
        },
        "predicted_capacity_exhaustion": {
            "resource": "memory", "seconds": 3600, "resources": {"cpu": 172_800, "memory": 3600},
        },
    }  # fmt: skip
    assert _values(capacity["external_dependencies"]) == {
        "dependency_health_score": 50, "network_latency_impact": pytest.approx(0.25),
        "service_level_compliance": 50,
    }  # fmt: skip
    assert answer["circuit_breakers"][0]["state"] == "open"
    assert answer["component_availability"] == {"database": 1}
    impact = answer["provenance"]["capacity.external_dependencies.network_latency_impact"]
    serving = 'rate(signal_service_api_request_duration_seconds_sum{job="signal-service"}[5m])'
    assert impact["series"] == f"{derived.get('DEPENDENCY_TIME').name}, sum by (job) ({serving})"
    assert impact["meaning"].startswith("Seconds of waiting for external services per second")
    missing = answer["provenance"]["performance.signal_generation.signals_generated_last_minute"]
    assert (missing["source"], missing["reason"]) == (
        "prometheus",
        "Prometheus has no signal_service_signals_emitted_total of this job now; recorded by @instrument_signal",
    )
    known = answer["provenance"]["performance.api_performance.error_rate_percentage"]
    assert (known["series"], known["window_seconds"], known["reason"]) == (
        "signal_service_error_rate_percentage", 300, None
    )  # fmt: skip


async def test_generated_history_is_named(
    client: httpx.AsyncClient, prometheus: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """An answer says until when the history is generated."""
    (tmp_path / "own.toml").write_text('[selectors]\ngenerated_until = "generated_end"\n', encoding="utf-8")
    monkeypatch.setenv("SIGNALSCOPE_CONFIG", str(tmp_path / "own.toml"))
    monkeypatch.setenv("SIGNALSCOPE_PROMETHEUS_URL", prometheus)
    (problem,) = (await _answer(client, "business-dashboard"))["problems"]
    assert re.fullmatch(
        r"history before \d{4}-\d\d-\d\d \d\d:\d\d UTC is generated, not measured: .*SS554\]", problem
    )


@pytest.mark.parametrize(
    "name",
    [
        *ANSWERS,
        "business-dashboard?tier=free",
        "capacity-planning?horizon=24h",
        "performance-summary?window=5m",
    ],
)  # fmt: skip
async def test_every_number_says_where_it_is_from_and_every_null_why(
    client: httpx.AsyncClient, prometheus: str, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """With some data of each kind, each field or the field that contains it has a provenance."""
    monkeypatch.setenv("SIGNALSCOPE_PROMETHEUS_URL", prometheus)
    answer = await _answer(client, name)
    provenance = answer.pop("provenance")
    for plain in (
        "timestamp",
        "source",
        "degraded",
        "problems",
        "window",
        "horizon_hours",
        "tier",
        "window_seconds",
    ):
        answer.pop(plain, None)

    def walk(value: Any, path: str) -> None:
        if isinstance(value, dict):
            for key, item in value.items():
                if key not in ("window_seconds", "now_seconds", "lower_bounds"):
                    walk(item, f"{path}.{key}" if path else key)
        elif value is None:
            assert provenance[path.removesuffix(".now")]["reason"], path
        else:
            steps = path.split(".")
            known = [provenance.get(".".join(steps[:number])) for number in range(len(steps), 0, -1)]
            column = provenance.get(f"{steps[0]}.{steps[-1]}")  # of a table
            nearest = next((entry for entry in (*known, column) if entry is not None), None)
            assert nearest is not None, path
            assert nearest["meaning"], path
            assert nearest["reason"] is None or steps[0] in ("endpoints", "dependencies"), path

    walk(answer, "")


async def test_a_budget_is_shown_with_the_days_seen_or_with_the_time_of_the_first_data(
    client: httpx.AsyncClient, prometheus: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An SLO of 3.4 days has a budget; one of an hour has the reason why not, and a missing number has its own."""
    monkeypatch.setenv("SIGNALSCOPE_PROMETHEUS_URL", prometheus)
    began = time.time()
    answer = await _answer(client, "performance-summary")
    ended = time.time()
    errors, young = answer["slos"]["errors"], answer["slos"]["availability"]
    assert (errors["objective"], errors["burn_rate"], errors["error_budget_remaining"]) == (0.999, 0.5, 0.8)
    assert errors["seen"] == "over 3.4 days seen"
    assert young["error_budget_remaining"] is young["burn_rate"] is None
    since = datetime.fromtimestamp(_NOW - 3_600, UTC)
    assert datetime.fromisoformat(young["seen_since"]) == pytest.approx(since, abs=timedelta(seconds=1))
    too_young = f"not enough history yet, since {since:%Y-%m-%d %H:%M} UTC; shown after 1d"
    assert young["seen"] == too_young
    provenance = answer["provenance"]
    burn = f"Prometheus has no {derived.get('SLO_BURN').name} of this SLO now"
    assert provenance["slos.availability.burn_rate"]["reason"] == burn
    assert provenance["slos.availability.error_budget_remaining"]["reason"] == too_young
    window = provenance["slos.errors.error_budget_remaining"]["window_seconds"]
    assert began - 1 <= _NOW - 3.4 * 86_400 + window <= ended + 1


async def test_a_process_has_no_budgets(client: httpx.AsyncClient) -> None:
    """Without Prometheus, `slos` is null, with the reason."""
    answer = await _answer(client, "performance-summary")
    assert answer["slos"] is None
    assert "history" in answer["provenance"]["slos"]["reason"]


_RANGE = re.compile(r"(?:\[|offset )(\d+)([smhd])")
_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


def test_windows_are_those_of_the_rules() -> None:
    """The window of a row is at least as long as each range and offset in its rules."""
    config = Config()
    for row in derived.all_series():
        for variant in row.variants(config):
            windows = [
                int(number) * _UNITS[unit]
                for number, unit in _RANGE.findall(variant.expr.promql(Promql(config)))
            ]
            assert row.lookback(config) >= max(windows, default=0), (row.key, windows)


async def test_a_range_query_gives_the_window(
    client: httpx.AsyncClient, prometheus: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer has the lowest, mean and highest value of the window, endpoints, KPIs and the forecast."""
    monkeypatch.setenv("SIGNALSCOPE_PROMETHEUS_URL", prometheus)
    answer = await _answer(client, "performance-summary?window=1h")
    # The requests of the last 30 seconds did not fail, in contrast to the recorded series of the hour.
    assert answer["api"]["error_rate_percentage"] == {
        "now": 0, "lowest": 0, "mean": pytest.approx(0.25), "highest": 0.25, "now_seconds": 30,
        "window_seconds": 3_600, "lower_bounds": [],
    }  # fmt: skip
    assert answer["endpoints"] == {
        "/a": {"requests_per_second": 40, "p95_seconds": None, "error_rate_percentage": 3.5}
    }
    assert [(kpi["name"], kpi["value"], kpi["target"], kpi["direction"]) for kpi in answer["kpis"]] == [
        ("api_p95", 0.45, 0.5, "below"), ("availability", None, 0.9995, "above"),
    ]  # fmt: skip
    assert [(kpi["unit"], kpi["reason"]) for kpi in answer["kpis"]] == [
        ("s", None), ("ratio", "Prometheus has no value and no attainment for this KPI"),
    ]  # fmt: skip
    assert answer["kpis"][1]["meaning"] == "Ratio of the last 30 days in which the service answered."
    provenance = answer["provenance"]
    assert provenance["endpoints./a.p95_seconds"]["reason"] == (
        "Prometheus has no signal_service_api_request_duration_seconds of this job now; recorded by "
        "signalscope.fastapi (ApiMetrics)"
    )
    assert provenance["dependencies.ticker_service.p95_seconds"]["reason"] == (
        "the source has no value for service_name 'ticker_service'"
    )
    assert [provenance[f"api.p95_seconds{suffix}"]["window_seconds"] for suffix in ("", ".mean")] == [
        30,
        3600,
    ]
    capacity = await _answer(client, "capacity-planning?horizon=48h")
    assert capacity["forecast"] == {"cpu": 0.8}
    assert (await _answer(client, "capacity-planning?horizon=24h"))["forecast"] is None
    assert capacity["cpu_by_process"] == {"b": 0.7, "a": 0.4}
    provenance = capacity["provenance"]
    assert [provenance[f"capacity_used{suffix}"]["unit"] for suffix in ("", ".load")] == [
        "ratio",
        "requests/s",
    ]
    assert capacity["replicas"] == 2


@pytest.mark.parametrize("name", ANSWERS)
async def test_a_slow_prometheus_costs_the_values_not_the_answer(
    client: httpx.AsyncClient, prometheus: str, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """With delayed answers, /monitoring answers within the timeout: degraded, values null, with the reason."""
    monkeypatch.setenv("SIGNALSCOPE_PROMETHEUS_TIMEOUT", "0.4")
    async with delayed(prometheus, 600) as url, asyncio.timeout(DEADLINE):
        monkeypatch.setenv("SIGNALSCOPE_PROMETHEUS_URL", url)
        answer = await _answer(client, name)
    assert answer["degraded"]
    assert answer["problems"] == ["Prometheus did not answer within 0.4 s [SS541]"]
    assert all(
        entry["reason"] == "Prometheus did not answer within 0.4 s [SS541]"
        for entry in answer["provenance"].values()
        if entry["source"] == "prometheus"
    )


async def test_a_prometheus_behind_a_small_delay_answers(
    client: httpx.AsyncClient, prometheus: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a delay below the timeout, the proxy passes the values on."""
    async with delayed(prometheus, 0.2) as url:
        monkeypatch.setenv("SIGNALSCOPE_PROMETHEUS_URL", url)
        monkeypatch.setenv("SIGNALSCOPE_PROMETHEUS_TIMEOUT", "10")
        answer = await _answer(client, "enhanced-metrics")
    assert answer["performance"]["api_performance"]["error_rate_percentage"] == 0.25


@pytest.mark.parametrize("name", ANSWERS)
async def test_a_prometheus_that_is_down_is_reported(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """The answer is degraded, with null values, and does not contain the address."""
    monkeypatch.setenv("SIGNALSCOPE_PROMETHEUS_URL", "http://127.0.0.1:9/secret-path")
    answer = await _answer(client, name)
    assert answer["degraded"]
    assert answer["problems"] == ["Prometheus cannot be reached (ConnectError) [SS542]"]
    assert "secret-path" not in str(answer)
    assert "127.0.0.1" not in str(answer)


OTHER = b'{"status":"success","data":{"resultType":"%s","result":%s}}'


@pytest.mark.parametrize(
    "lie",
    [
        (b"<html>login</html>", "200 OK", "is not JSON [SS544]"),
        (b"", "200 OK", "is not JSON [SS544]"),
        (b"[" * 100_000, "200 OK", "is not JSON [SS544]"),
        (b"\xff\xfe", "200 OK", "is not JSON [SS544]"),
        (b"null", "200 OK", "could not answer (no success) [SS545]"),
        (b'{"status":"success"}', "200 OK", "has an unexpected form [SS544]"),
        (
            b'{"status":"error","errorType":"execution","error":"secret"}',
            "422 X",
            "could not answer (execution) [SS545]",
        ),
        (
            b'{"status":"error","errorType":"<b>","error":"secret"}',
            "400 X",
            "could not answer (no success) [SS545]",
        ),
        (OTHER % (b"scalar", b"[1,2]"), "200 OK", "has an unexpected form [SS544]"),
        (OTHER % (b"vector", b"7"), "200 OK", "has an unexpected form [SS544]"),
        (OTHER % (b"vector", b"[7]"), "200 OK", "has an unexpected form [SS544]"),
        (OTHER % (b"vector", b'[{"metric":{},"value":[1,"x"]}]'), "200 OK", "has an unexpected form [SS544]"),
        (OTHER % (b"vector", b'[{"metric":[],"value":[1,"2"]}]'), "200 OK", "has an unexpected form [SS544]"),
        (OTHER % (b"vector", b'[{"metric":{}}]'), "200 OK", "has an unexpected form [SS544]"),
        (b"no", "500 X", "answered with status 500 [SS543]"),
        (b"moved", "302 Found\r\nLocation: http://127.0.0.1:9/", "answered with status 302 [SS543]"),
        (
            gzip.compress(b" " * 1_000_000),
            "200 OK\r\nContent-Encoding: gzip",
            "is compressed, against the request",
        ),
        (b" " * 2_100_000, "200 OK", "is too long [SS544]"),
        (b"half", "200 OK\r\nContent-Length: 9", "broke off (RemoteProtocolError) [SS542]"),
    ],
    ids=range(19),
)
@pytest.mark.parametrize("name", ANSWERS)
async def test_wrong_answers_of_prometheus_are_refused(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, lie: tuple[bytes, str, str], name: str
) -> None:
    """With invalid JSON, JSON of another form or errors, the answer is degraded and has no text from Prometheus."""
    body, status, problem = lie
    async with lying(body, status) as url:
        monkeypatch.setenv("SIGNALSCOPE_PROMETHEUS_URL", url)
        answer = await _answer(client, name)
    assert answer["degraded"]
    assert any(problem in text for text in answer["problems"]), answer["problems"]
    assert "secret" not in str(answer)
    assert "<b>" not in str(answer)


async def test_nan_and_infinity_are_not_values(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """NaN, infinity and labels that the query did not select are left out."""
    result = (
        b'[{"metric":{"__name__":"signal_service_error_rate_percentage"},"value":[1,"NaN"]},'
        b'{"metric":{"__name__":"up"},"value":[1,"1"]}]'
    )
    async with lying(OTHER % (b"vector", result)) as url:
        monkeypatch.setenv("SIGNALSCOPE_PROMETHEUS_URL", url)
        answer = await _answer(client, "enhanced-metrics")
    assert answer["performance"]["api_performance"]["error_rate_percentage"] is None


async def test_numbers_that_may_be_incomplete_are_reported_so(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A query engine for several stores answers with a warning if one store is down; the answer reports it."""
    result = b'[{"metric":{"__name__":"%s"},"value":[1,"2"]}]' % derived.get("API_MEAN").name.encode()
    lie = OTHER.replace(b"}}", b'},"warnings":["store 10.0.0.7 is away"]}') % (b"vector", result)
    async with lying(lie) as url:
        monkeypatch.setenv("SIGNALSCOPE_PROMETHEUS_URL", url)
        answer = await _answer(client, "enhanced-metrics")
    assert answer["problems"] == ["Prometheus warns that its answer may be incomplete [SS548]"]
    assert "10.0.0.7" not in str(answer)


async def test_a_job_that_prometheus_does_not_know_is_reported(
    client: httpx.AsyncClient, prometheus: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without any series, the reason names the two likely causes: a wrong job name or missing rules."""
    monkeypatch.setenv("SIGNALSCOPE_PROMETHEUS_URL", prometheus)
    monkeypatch.setenv("SIGNALSCOPE_PROMETHEUS_JOB", "another-name")
    for name in ANSWERS:
        (problem,) = (await _answer(client, name))["problems"]
        assert problem.startswith("Prometheus has no series of the job 'another-name'")


async def test_long_answers_are_read_one_after_the_other(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thread reads one answer at a time, because parsing JSON blocks the interpreter."""
    at_once: list[int] = []
    threads: set[bool] = set()
    lock, real = threading.Lock(), _prometheus._read

    def read(body: bytes, kind: str) -> _prometheus.Answer:
        threads.add(threading.current_thread() is threading.main_thread())
        at_once.append(not lock.acquire(blocking=False))
        time.sleep(0.02)  # sleep: a long answer takes a while to read
        answer = real(body, kind)
        lock.release()
        return answer

    monkeypatch.setattr(_prometheus, "_read", read)
    async with lying(OTHER % (b"vector", b"[]")) as url:
        monkeypatch.setenv("SIGNALSCOPE_PROMETHEUS_URL", url)
        await asyncio.gather(*(_answer(client, name) for name in ANSWERS))
    assert threads == {False}
    assert len(at_once) > 5
    assert not any(at_once)


async def test_an_invalid_url_is_reported(client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a wrong scheme, a wrong port or no host, the answer is degraded and its status is 200."""
    for url in ("ftp://x", "localhost:9090", "http://[::1", "http://x:99999999", "http://"):
        monkeypatch.setenv("SIGNALSCOPE_PROMETHEUS_URL", url)
        answer = await _answer(client, "enhanced-metrics")
        assert answer["degraded"], url


async def test_nothing_blocks_the_event_loop(prometheus: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A heartbeat continues during many requests with a slow Prometheus and checks that hang."""
    monkeypatch.setenv("SIGNALSCOPE_PROMETHEUS_TIMEOUT", "1")
    monkeypatch.setenv("SIGNALSCOPE_MONITORING_CACHE_SECONDS", "0")
    hang = threading.Event()
    checks = [
        health.register(
            HealthCheck(f"hangs {number}", lambda: hang.wait(DEADLINE), timeout=0.5, cache_seconds=0)
        )
        for number in range(5)
    ]
    app = FastAPI()
    app.include_router(router)
    late: list[float] = []
    prometheus_takes = 0.3

    async def heartbeat() -> None:
        while True:
            due = time.perf_counter() + 0.01
            await asyncio.sleep(0.01)  # sleep: the beat itself
            late.append(time.perf_counter() - due)

    paths = ["/health", "/health/detailed", "/health/ready", "/metrics", "/monitoring/metrics"]
    paths += [f"/monitoring/{name}" for name in ANSWERS]
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(delayed(prometheus, prometheus_takes))
        monkeypatch.setenv("SIGNALSCOPE_PROMETHEUS_URL", url)
        transport = httpx.ASGITransport(app)
        client = await stack.enter_async_context(
            httpx.AsyncClient(transport=transport, base_url="http://service")
        )
        beating = asyncio.create_task(heartbeat())
        try:
            answers = await asyncio.gather(*(client.get(path) for path in paths * 10))
        finally:
            beating.cancel()
            hang.set()
            for check in checks:
                health.unregister(check.name)
    assert {answer.status_code for answer in answers} <= {200, 503}
    late.sort()
    print(f"heartbeat: median {late[len(late) // 2] * 1e3:.1f} ms late, at most {late[-1] * 1e3:.0f} ms")
    assert len(late) > 20
    # If an answer blocked the event loop, a beat would be as late as Prometheus is slow.
    assert late[len(late) // 2] < prometheus_takes


async def test_no_resource_is_named_if_none_will_be_exhausted(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If no resource will be exhausted, the field `resource` is null."""
    name = derived.get("EXHAUSTION").name.encode()
    result = b",".join(
        b'{"metric":{"__name__":"%s","resource":"%s"},"value":[1,"172800"]}' % (name, resource)
        for resource in (b"cpu", b"memory")
    )
    async with lying(OTHER % (b"vector", b"[" + result + b"]")) as url:
        monkeypatch.setenv("SIGNALSCOPE_PROMETHEUS_URL", url)
        answer = await _answer(client, "capacity-planning")
    assert answer["scaling_indicators"]["predicted_capacity_exhaustion"] == {
        "resource": None, "seconds": 172_800, "resources": {"cpu": 172_800, "memory": 172_800},
    }  # fmt: skip


async def test_a_service_of_unknown_latency_is_not_called_compliant(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such a service is not counted; if no latency is known, the value is null, with the reason."""

    async def compliance(*samples: tuple[str, str, float]) -> tuple[float | None, str | None]:
        result = b",".join(
            b'{"metric":{"__name__":"%s","service_name":"%s"},"value":[1,"%f"]}'
            % (derived.get(key).name.encode(), service.encode(), value)
            for key, service, value in samples
        )
        async with lying(OTHER % (b"vector", b"[" + result + b"]")) as url:
            monkeypatch.setenv("SIGNALSCOPE_PROMETHEUS_URL", url)
            answer = await _answer(client, "enhanced-metrics")
        path = "capacity.external_dependencies.service_level_compliance"
        value = answer["capacity"]["external_dependencies"]["service_level_compliance"]
        return value, answer["provenance"][path]["reason"]

    a, b = ("DEPENDENCY_ERROR_RATIO", "a", 0.0), ("DEPENDENCY_ERROR_RATIO", "b", 0.0)
    assert await compliance(a, b) == (None, "no external service has a recorded latency")
    assert await compliance(a, b, ("DEPENDENCY_P95", "a", 0.1)) == (100, None)
    assert await compliance(a, b, ("DEPENDENCY_P95", "a", 100)) == (0, None)
    failing = ("DEPENDENCY_ERROR_RATIO", "c", 1.0)
    assert await compliance(a, failing, ("DEPENDENCY_P95", "a", 0.1)) == (50, None)


def test_the_url_may_appear_in_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the file this process is the source, also if the other variable is set. The file may come and go."""
    path = tmp_path / "prometheus-url"
    monkeypatch.setenv("SIGNALSCOPE_PROMETHEUS_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("SIGNALSCOPE_PROMETHEUS_URL_FILE", str(path))
    assert _environment.prometheus_url() is None
    path.write_text("http://prometheus:9090/\n", encoding="utf-8")
    assert _environment.prometheus_url() == "http://prometheus:9090"
    path.unlink()
    assert _environment.prometheus_url() is None
