"""/monitoring: tokens, answers from this process, and refused requests."""

from __future__ import annotations

import asyncio
import base64
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest

from fastapi import FastAPI
from signalscope import count_feature, measure_cost, recording, report_health, user_context
from signalscope.derived import Row, _windows
from signalscope.derived import read as _read
from signalscope.derived._process import Process
from signalscope.derived._vector import Vector
from signalscope.fastapi import _auth as _access
from signalscope.fastapi import router
from signalscope.fastapi.monitoring import _current
from signalscope.fastapi.monitoring import _routes as _monitoring
from signalscope.fastapi.monitoring._responses import Answers
from signalscope.health import _report as reported
from signalscope.health._registry import shared as registry
from signalscope.testing import FakeClock, capture
from signalscope.users import _costs as _user_costs
from signalscope.users._costs import HeavyHitters

TOKEN, NEXT, USERS = "token-of-this-quarter", "token-of-the-next-one", "token-that-sees-users"
ANSWERS = ("enhanced-metrics", "performance-summary", "business-dashboard", "capacity-planning")


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("SIGNALSCOPE_MONITORING_TOKEN", f"{TOKEN}, {NEXT}")
    monkeypatch.setenv("SIGNALSCOPE_MONITORING_USERS_TOKEN", USERS)
    monkeypatch.delenv("SIGNALSCOPE_PROMETHEUS_URL", raising=False)
    monkeypatch.setattr(_access, "_buckets", _access.Buckets())
    monkeypatch.setattr(registry, "_make", tuple)  # only health checks of a test
    monkeypatch.setattr(registry, "_built_in", ())
    instruments: dict[str, Any] = {}  # without series of other tests, which would be zero
    monkeypatch.setattr(recording._known, "by_name", instruments)
    monkeypatch.setattr(recording, "_by_name", instruments)
    reported._reported.components.clear()
    _monitoring._answers.clear()
    _windows.shared.clear()
    yield
    _windows.shared.clear()
    reported._reported.components.clear()


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    """Return a client with a token."""
    app = FastAPI()
    app.include_router(router)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app),
        base_url="http://service",
        headers={"Authorization": f"Bearer {TOKEN}"},
    ) as client:
        yield client


async def _answer(client: httpx.AsyncClient, name: str, **parameters: str) -> dict[str, Any]:
    _monitoring._answers.clear()
    answer = await client.get(f"/monitoring/{name}", params=parameters)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def _values(block: dict[str, Any]) -> dict[str, Any]:
    """Return the values of a block without their windows."""
    return {name: value for name, value in block.items() if name != "window_seconds"}


@pytest.mark.parametrize("path", ["metrics", *ANSWERS])
async def test_a_token_is_needed(
    client: httpx.AsyncClient, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each configured token is accepted; without a configured token no request is, unless /monitoring is public."""
    url = f"/monitoring/{path}"
    for token, status in (
        (f"Bearer {TOKEN}", 200), (f"bearer {NEXT}", 200), (f"Bearer {USERS}", 200), ("", 401),
        ("Bearer", 401), (f"Bearer {TOKEN}x", 401), (f"Bearer {TOKEN}, {NEXT}", 401), ("Basic !", 401),
        (f"Token {TOKEN}", 401), ("Basic Ong=", 401),
    ):  # fmt: skip
        answer = await client.get(url, headers={"Authorization": token})
        assert answer.status_code == status, token
        if status == 401:
            assert answer.headers["www-authenticate"] == "Bearer"
            assert answer.json() == {"detail": "a valid bearer token is needed [SS503]"}
    password = httpx.BasicAuth("anybody", TOKEN)
    assert (await client.get(url, auth=password)).status_code == 200
    page = await client.get(url, headers={"Authorization": "", "Accept": "text/html"})
    assert page.headers["www-authenticate"].startswith("Basic")
    monkeypatch.setenv("SIGNALSCOPE_MONITORING_TOKEN", " , ")
    monkeypatch.delenv("SIGNALSCOPE_MONITORING_USERS_TOKEN")
    for token in ("", "Bearer ", "Bearer ,", f"Bearer {TOKEN}"):
        assert (await client.get(url, headers={"Authorization": token})).status_code == 401
    monkeypatch.setenv("SIGNALSCOPE_MONITORING_PUBLIC", "perhaps")  # not true: a token is needed
    assert (await client.get(url)).status_code == 401
    monkeypatch.setenv("SIGNALSCOPE_MONITORING_PUBLIC", "true")
    assert (await client.get(url, headers={"Authorization": ""})).status_code == 200


async def test_a_token_may_be_any_text(client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Clients send a non-ASCII token as UTF-8 or Latin-1; it may have colons, and may be a password."""
    monkeypatch.setenv(
        "SIGNALSCOPE_MONITORING_TOKEN", "šifra:à-clé-123456789,clé-clé-clé-clé-clé,\udcff0123456789abcdef"
    )

    async def status(authorization: bytes) -> int:
        headers = [(b"Authorization", authorization)]
        return (await client.get("/monitoring/metrics", headers=headers)).status_code

    for token in ("šifra:à-clé-123456789".encode(), "clé-clé-clé-clé-clé".encode("latin-1")):
        assert await status(b"Bearer " + token) == 200
        assert await status(b"Basic " + base64.b64encode(b"me:" + token)) == 200
    assert await status(b"Bearer \xff0123456789abcdef") == 200
    for token in (b"\xff\xfe", b"?ifra:?-cl?-123456789", b"\\u0161ifra:\\xe0-cl\\xe9-123456789"):
        assert await status(b"Bearer " + token) == 401


async def test_too_many_requests_are_refused(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Requests with a wrong token count too, so that tokens cannot be guessed; other clients are not affected."""
    monkeypatch.setenv("SIGNALSCOPE_MONITORING_RATE", "1")
    url = "/monitoring/metrics"
    codes = [(await client.get(url, headers={"Authorization": "x"})).status_code for _ in range(4)]
    assert codes == [401, 401, 429, 429]
    refused = await client.get(url)
    assert refused.status_code == 429
    assert int(refused.headers["retry-after"]) >= 1


def test_a_rate_is_kept_for_each_client_in_bounded_memory() -> None:
    """The tokens of two seconds at once, then the rate; the least recently seen client is dropped."""
    clock = FakeClock()
    buckets = _access.Buckets(clock, clients=2)
    assert [buckets.take("a", 2) for _ in range(5)] == [0, 0, 0, 0, 0.5]
    clock.advance(0.5)
    assert buckets.take("a", 2) == 0
    assert buckets.take("a", 2) == 0.5
    assert buckets.take("b", 2) == buckets.take("c", 2) == 0
    assert len(buckets._buckets) == 2


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("performance-summary?window=2w", "'5m', '15m', '1h', '6h' or '24h'"),
        ("capacity-planning?horizon=99h", "'24h' or '48h'"),
        ("business-dashboard?tier=gold", "allowed: free, basic, professional, enterprise, unknown"),
        ("metrics?name=a%27b", "pattern"),
    ],
)
async def test_errors_are_explained(client: httpx.AsyncClient, path: str, message: str) -> None:
    """An unknown parameter value is refused with the allowed values."""
    answer = await client.get(f"/monitoring/{path}")
    assert answer.status_code == 422
    assert message in str(answer.json()["detail"])


@pytest.mark.parametrize("name", ANSWERS)
async def test_nothing_is_invented(
    client: httpx.AsyncClient, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without recorded data every number is null, and its provenance has the reason."""
    monkeypatch.setattr(_user_costs._shared, "sketches", None)
    monkeypatch.delenv("SIGNALSCOPE_CPU_SECOND_PRICE", raising=False)
    with capture():
        answer = await _answer(client, name)
    assert answer["source"]["name"] == "process"
    assert "One process" in answer["source"]["description"]
    provenance = answer["provenance"]

    def check(value: Any, path: str) -> None:
        if isinstance(value, dict):
            for key, item in value.items():
                if key not in ("window_seconds", "now_seconds", "lower_bounds"):
                    check(item, f"{path}.{key}" if path else key)
        elif value is None:
            assert provenance[path.removesuffix(".now")]["reason"], path
        elif isinstance(value, float):
            assert path in provenance or path.split(".", maxsplit=1)[0] in provenance, path

    plain = (
        "provenance", "source", "timestamp", "degraded", "problems", "health", "window", "horizon_hours", "tier",
    )  # fmt: skip
    check({key: value for key, value in answer.items() if key not in plain}, "")
    numbers = [path for path, entry in provenance.items() if entry["reason"] is None]
    assert set(numbers) <= {
        "capacity.resource_utilization.cpu_usage_percentage", "cpu_by_process",
        "resource_utilization.cpu_usage_percentage", "service_uptime_seconds", "health",
    }  # fmt: skip
    assert all(entry["meaning"] for entry in provenance.values())
    costs = [
        entry["reason"] for path, entry in provenance.items() if path.rpartition(".")[2].startswith("cost_")
    ]
    assert set(costs) <= {"a CPU-second has no price (SIGNALSCOPE_CPU_SECOND_PRICE)"}


async def test_numbers_are_those_that_were_recorded(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each field of the existing service has the recorded value and its window."""
    monkeypatch.setenv("SIGNALSCOPE_CPU_SECOND_PRICE", "2")
    with capture():
        record = recording.get_instrument
        requests, latency = (
            record("signal_service.api.requests"),
            record("signal_service.api.request.duration"),
        )
        for status, tier, seconds, number in (
            ("200", "free", 0.1, 80), ("200", "enterprise", 0.4, 10),
            ("200", "free", 1.0, 6), ("500", "free", 0.01, 4),
        ):  # fmt: skip
            for _ in range(number):
                requests.series("/a", "GET", status, tier).record(1)
                latency.series("/a", "GET", status, tier, "a").record(seconds)
        options = record("signal_service.greeks.options")
        options.series("chain", "true", "black").record(90)
        options.series("delta", "false", "black").record(10)
        record("signal_service.signals.emitted").series("momentum", "buy").record(7)
        generation = record("signal_service.signal.generation").series("momentum", "simple", "a", "success")
        generation.record(0.02)
        generation.record(0.04)
        operations = record("signal_service.cache.operations")
        for cache, hits in (("greeks", 9), ("indicators", 4)):
            operations.series(cache, "get", "hit").record(hits)
            operations.series(cache, "get", "miss").record(1)
        record("signal_service.cache.size").series("greeks").record(1000)
        record("signal_service.active_subscriptions").series("free", "momentum", "email").record(30)
        record("signal_service.active_subscriptions").series("enterprise", "momentum", "email").record(2)
        record("signal_service.queue.size").series("work", "low").record(40)
        record("signal_service.queue.capacity").series("work").record(400)
        record("signal_service.external_service.health").series("ticker_service", "critical").record(1)
        record("signal_service.external_service.health").series("comms_service", "high").record(0)
        record("signal_service.circuit_breaker.state").series("ticker_service", "all", "open").record(1)
        record("signal_service.circuit_breaker.calls").series("ticker_service", "all", "rejected").record(5)
        record("signal_service.circuit_breaker.transitions").series("ticker_service", "all", "open").record(2)
        record("signal_service.calculation_cost").series("chain", "free", "simple").record(6)
        record("signal_service.active_users").series("1h", "free").record(3)
        record("process.resident_memory").series().record(2e9)
        for _ in range(3):
            count_feature("scenario_analysis", premium=True, tier="enterprise")
        report_health("work_queue", 0.5)
        answer = await _answer(client, "enhanced-metrics")
    api = answer["performance"]["api_performance"]
    assert api["total_requests_last_minute"] == 100
    assert api["average_response_time_ms"] == pytest.approx((8 + 4 + 6 + 0.04) * 10)
    assert api["error_rate_percentage"] == pytest.approx(4)
    assert api["slow_requests_percentage"] == pytest.approx(6)
    signals = answer["performance"]["signal_generation"]
    assert signals["signals_generated_last_minute"] == 7
    assert signals["average_generation_time_ms"] == pytest.approx(30)
    assert signals["vectorization_efficiency"] == pytest.approx(0.9)
    assert _values(answer["performance"]["cache_performance"]) == {
        "greeks_cache_hit_ratio": pytest.approx(0.9), "indicators_cache_hit_ratio": pytest.approx(0.8),
        "cache_size_bytes": 1000,
    }  # fmt: skip
    business = answer["business"]
    assert _values(business["subscriptions"]) == {
        "total_active": 32, "by_tier": {"free": 30, "enterprise": 2}, "growth_rate_daily": None,
    }  # fmt: skip
    assert business["user_activity"]["active_users_last_hour"] == 3
    assert business["user_activity"]["top_features_usage"] == {"scenario_analysis": 3}
    # 90 of 100 within 0.5 s, 6 more within 2 s, 4 failed.
    assert business["user_activity"]["user_satisfaction_score"] == pytest.approx(93)
    assert _values(business["revenue_impact"]) == {
        "computation_cost_last_hour": 6, "premium_feature_usage": {"scenario_analysis": 3}, "cost_per_user": 2,
    }  # fmt: skip
    capacity = answer["capacity"]
    assert capacity["resource_utilization"]["memory_usage_gb"] == pytest.approx(2)
    assert capacity["resource_utilization"]["queue_utilization"] == pytest.approx(0.1)
    assert capacity["external_dependencies"]["dependency_health_score"] == pytest.approx(50)
    bottleneck = capacity["scaling_indicators"]["bottleneck_analysis"]
    assert (bottleneck["resource"], bottleneck["kind"], bottleneck["saturation"]) == (
        "comms_service", "dependency", 1,
    )  # fmt: skip
    assert bottleneck["resources"]["work"] == pytest.approx(0.1)
    (breaker,) = answer["circuit_breakers"]
    assert breaker == {
        "service_name": "ticker_service", "operation": "all", "state": "open",
        "calls": {"rejected": 5}, "transitions": {"open": 2},
    }  # fmt: skip
    assert answer["health"] == {"status": "degraded", "components": {"work_queue": "degraded"}}
    assert answer["component_availability"] == {"work_queue": 0.5}
    assert answer["provenance"]["component_availability"]["window_seconds"] == pytest.approx(0, abs=5)
    assert answer["service_uptime_seconds"] > 0
    provenance = answer["provenance"]
    growth = provenance["business.subscriptions.growth_rate_daily"]
    assert "keeps no history of days" in growth["reason"]
    assert provenance["performance.api_performance.error_rate_percentage"]["unit"] == "%"
    assert 0 < provenance["performance.api_performance.error_rate_percentage"]["window_seconds"] <= 300


async def test_user_ids_need_a_users_token(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The users with the highest cost have artificial names, unless the token allows ids; other answers have none."""
    monkeypatch.setattr(_user_costs._shared, "sketches", HeavyHitters())
    with capture():
        for user, times in (("alice@example.com", 3), ("bob@example.com", 1)):
            with user_context(tier="free", user=user):
                for _ in range(times):
                    with measure_cost("chain"):
                        sum(range(200_000))
        everything = [
            (await client.get(f"/monitoring/{name}", headers={"Accept": accept})).text
            for name in ("metrics", *ANSWERS)
            for accept in ("application/json", "text/html")
        ]
        own = await _answer(client, "business-dashboard")
        with_ids = (
            await client.get("/monitoring/business-dashboard", headers={"Authorization": f"Bearer {USERS}"})
        ).json()
    assert not any("example.com" in text for text in everything)
    assert [entry["user"] for entry in own["costliest_users"]] == ["user 1", "user 2"]
    assert [entry["user"] for entry in with_ids["costliest_users"]] == [
        "alice@example.com",
        "bob@example.com",
    ]
    assert with_ids["costliest_users"][0]["cpu_seconds"] > with_ids["costliest_users"][1]["cpu_seconds"] > 0
    assert with_ids["costliest_users"][0]["cost"] is None  # the cost is null without a price


async def test_one_tier_can_be_asked_for(client: httpx.AsyncClient) -> None:
    """Users, subscriptions, satisfaction and cost of the tier; values of all tiers are null, with the reason."""
    with capture():
        record = recording.get_instrument
        record("signal_service.active_users").series("1h", "free").record(3)
        record("signal_service.active_users").series("1h", "enterprise").record(4)
        record("signal_service.calculation_cost").series("chain", "enterprise", "simple").record(8)
        record("signal_service.greeks.calculation").series(
            "delta", "true", "black_scholes", "1", "success"
        ).record(1)
        for tier, number in (("free", 100), ("enterprise", 7)):
            record("signal_service.active_subscriptions").series(tier, "momentum", "push").record(number)
        answer = await _answer(client, "business-dashboard", tier="enterprise")
        every = await _answer(client, "business-dashboard")
    assert (answer["tier"], every["tier"]) == ("enterprise", None)
    assert answer["subscriptions"]["total_active"] == 7
    assert answer["subscriptions"]["by_tier"] == {"enterprise": 7}
    assert every["subscriptions"]["total_active"] == 107
    assert (every["cost_per_calculation"], answer["cost_per_calculation"]) == (8, None)
    for path in (
        "subscriptions.growth_rate_daily", "feature_adoption", "feature_profitability", "premium_adoption",
        "retention", "cost_per_calculation", "revenue_impact_score", "costliest_users", "kpis",
    ):  # fmt: skip
        assert "all tiers together" in answer["provenance"][path]["reason"]
        assert "all tiers together" not in str(every["provenance"][path]["reason"])
    for path in ("user_activity.active_users_last_hour", "tiers.enterprise.active_users_last_hour"):
        assert answer["provenance"][path]["window_seconds"] == 3_600  # the users of the last hour
    assert every["provenance"]["tiers.basic.cost_per_user"]["reason"] == (
        "the source has no value for user_tier 'basic'"
    )
    assert answer["user_activity"]["active_users_last_hour"] == 4
    assert answer["revenue_impact"]["cost_per_user"] == 2
    assert list(answer["tiers"]) == ["enterprise"]


async def test_current_metrics_are_json(client: httpx.AsyncClient) -> None:
    """The metrics of the contract as JSON, all of them or selected by name."""
    with capture():
        recording.get_instrument("signal_service.feature_usage").series("chain", "free").record(4)
        recording.get_instrument("signal_service.background_task").series("refresh", "low", "success").record(
            0.5
        )
        answer = (await client.get("/monitoring/metrics")).json()
        everything = answer["metrics"]
        by_name = (await client.get("/monitoring/metrics?name=feature")).json()["metrics"]
    assert 0 < answer["window_seconds"] < 60  # since the start of capture()
    usage = everything["signal_service_feature_usage_total"]
    assert (usage["kind"], usage["total"]) == ("counter", 4)
    assert usage["series"] == [
        {
            "labels": {"feature": "chain", "user_tier": "free"},
            "value": 4,
            "count": None,
            "sum": None,
            "mean": None,
        }
    ]
    assert everything["signal_service_background_task_seconds"]["series"][0]["mean"] == 0.5
    assert set(by_name) == {"signal_service_feature_usage_total"}


async def test_a_summary_is_in_words(client: httpx.AsyncClient) -> None:
    """Each metric has one line with its unit in a sensible magnitude, and nothing is null."""
    with capture():
        recording.get_instrument("signal_service.feature_usage").series("chain", "free").record(1_234)
        task = recording.get_instrument("signal_service.background_task").series("refresh", "low", "success")
        task.record(0.25)
        task.record(0.75)
        recording.get_instrument("process.resident_memory").series().record(2.5e9)
        answer = (await client.get("/monitoring/metrics?view=summary")).json()
    texts = {line["name"]: line["text"] for lines in answer["areas"].values() for line in lines}
    assert texts["signal_service_feature_usage_total"] == "1,234 uses"
    assert texts["signal_service_background_task_seconds"] == "2 measurements, mean 500 ms"
    assert texts["process_resident_memory_bytes"] == "2.5 GB"
    assert "None" not in str(answer)
    assert answer["areas"]["Business"][0]["series"] == {"feature chain, user_tier free": "1,234 uses"}


async def test_answers_are_made_once_for_all_who_ask(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fifty requests at once, and requests of the next seconds, get the same answer; later ones a new one."""
    monkeypatch.setenv("SIGNALSCOPE_MONITORING_RATE", "10000")
    monkeypatch.setenv("SIGNALSCOPE_MONITORING_CACHE_SECONDS", "300")
    answers = await asyncio.gather(*(client.get("/monitoring/enhanced-metrics") for _ in range(50)))
    answers.append(await client.get("/monitoring/enhanced-metrics"))
    assert len({answer.json()["timestamp"] for answer in answers}) == 1
    monkeypatch.setenv("SIGNALSCOPE_MONITORING_CACHE_SECONDS", "0")
    later = await client.get("/monitoring/enhanced-metrics")
    assert later.json()["timestamp"] != answers[0].json()["timestamp"]


async def test_rows_that_are_not_shown_are_reported(client: httpx.AsyncClient) -> None:
    """The answer has the fifty endpoints with the most requests, and the number of all endpoints."""
    with capture():
        for number in range(60):
            record = recording.get_instrument("signal_service.api.requests").series(
                f"/{number}", "GET", "200", "free"
            )
            record.record(number + 1)
        answer = await _answer(client, "performance-summary")
    assert "endpoints: only 50 of 60 rows are shown" in answer["problems"]
    assert list(answer["endpoints"])[:2] == ["/59", "/58"]
    assert len(answer["endpoints"]) == 50


async def test_series_beyond_the_limit_count_in_totals(client: httpx.AsyncClient) -> None:
    """Requests beyond the 2,000 series of an instrument in OpenTelemetry still count in the total."""
    with capture():
        requests = recording.get_instrument("signal_service.api.requests")
        for endpoint in range(150):
            for status in ("200", "404", "500"):
                for tier in ("free", "basic", "professional", "enterprise", "unknown"):
                    requests.series(f"/{endpoint}", "GET", status, tier).record(2)
        answer = await _answer(client, "enhanced-metrics")
    assert answer["performance"]["api_performance"]["total_requests_last_minute"] == 4_500
    assert answer["problems"] == [
        "signal_service_api_requests_total has too many series: further series have `other` for each label [SS547]"
    ]


async def test_answers_are_remembered_in_bounded_memory() -> None:
    """Answers are cached until they expire, and their number is limited."""
    clock = FakeClock()
    answers: Answers[str] = Answers(lambda: 5.0, clock)

    async def make() -> str:
        return "long"

    for number in range(200):
        await answers.get(number, make)
    assert len(answers._known) == 64
    clock.advance(5.0)
    await answers.get("another", make)
    assert set(answers._known) == {"another"}


async def test_a_defect_of_signalscope_makes_one_value_null(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The value is null, with a reason without internal details; other values are there."""
    value = Row.value

    def broken(row: Row, process: Process) -> Vector:
        if row.key == "API_MEAN":
            raise RuntimeError("secret path /etc/x")
        return value(row, process)

    monkeypatch.setattr(Row, "value", broken)
    with capture():
        answer = await _answer(client, "enhanced-metrics")
    provenance = answer["provenance"]["performance.api_performance.average_response_time_ms"]
    assert provenance["reason"] == "it could not be calculated"
    assert "secret" not in str(answer)


async def test_a_failed_answer_has_status_503(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The status is 503, as documented; the reason is only in the log."""

    def broken(*_: object, **__: object) -> Any:
        raise RuntimeError("secret path /etc/x")

    monkeypatch.setattr("signalscope.fastapi.monitoring._routes.fill", broken)
    answer = await client.get("/monitoring/enhanced-metrics")
    assert answer.status_code == 503
    assert "secret" not in answer.text
    assert "secret" in caplog.text


async def test_without_telemetry_every_answer_says_so(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without OpenTelemetry every value is null, and the reason says what to do."""
    from signalscope.recording import _state as _live  # noqa: PLC0415  # only this test switches it off

    monkeypatch.setattr(_live.live, "fast_path", None)
    answer = await _answer(client, "enhanced-metrics")
    reason = answer["provenance"]["performance.api_performance.error_rate_percentage"]["reason"]
    assert "opentelemetry-instrument" in reason
    assert answer["performance"]["api_performance"]["error_rate_percentage"] is None
    current = await _answer(client, "metrics")
    assert current["problems"]
    assert (current["window_seconds"], current["metrics"]) == (None, {})


@pytest.mark.parametrize("accept", ["application/json", "text/html"])
async def test_no_answer_is_made_in_the_event_loop(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, accept: str
) -> None:
    """Thousands of series take long: they are read once, and summed up and written in threads."""
    made: dict[str, list[bool]] = {}

    def watch(holder: Any, name: str) -> None:
        real = getattr(holder, name)

        def watched(*values: Any, **named: Any) -> Any:
            made.setdefault(name, []).append(threading.current_thread() is threading.main_thread())
            return real(*values, **named)

        monkeypatch.setattr(holder, name, watched)

    watch(_monitoring, "fill")
    watch(_monitoring, "body_of")
    watch(_current, "_metric")
    watch(_read, "_from_process")
    taken: list[object] = []
    take = _windows.shared.take

    def counted() -> _windows.Snapshot:
        taken.append(None)
        return take()

    monkeypatch.setattr(_windows.shared, "take", counted)
    monkeypatch.setattr(_windows.shared, "start", lambda: None)
    with capture():
        for name in ("metrics", *ANSWERS):
            assert (await client.get(f"/monitoring/{name}", headers={"Accept": accept})).status_code == 200
    assert set(made) == {"fill", "body_of", "_metric", "_from_process"}
    assert not any(in_loop for calls in made.values() for in_loop in calls)
    assert (len(made["fill"]), len(made["body_of"])) == (len(ANSWERS), 5)
    assert len(taken) == len(ANSWERS)


async def test_a_page_can_be_read_and_copied_from(client: httpx.AsyncClient) -> None:
    """Field names become words, names of metrics and components stay, and integers have all digits."""
    with capture():
        recording.get_instrument("signal_service.feature_usage").series("chain_greeks", "free").record(
            1_234_567
        )
        recording.get_instrument("signal_service.external_service.health").series(
            "ticker_service", "high"
        ).record(1)
        pages = {
            name: (await client.get(f"/monitoring/{name}", headers={"Accept": "text/html"})).text
            for name in ("metrics", *ANSWERS)
        }
    assert "<code>signal_service_feature_usage_total</code>" in pages["metrics"]
    assert (
        '<th scope="row">feature chain_greeks, user_tier free</th><td>1,234,567 uses</td>' in pages["metrics"]
    )
    top = '<h4>top features usage</h4><span class="note" title="Uses of features in the last hour.">uses, process'
    assert top in pages["enhanced-metrics"]
    assert '<th scope="row">chain_greeks</th><td colspan="2">1,234,567</td>' in pages["enhanced-metrics"]
    assert '<th scope="row">ticker_service</th>' in pages["performance-summary"]
    assert '<th scope="row">endpoints</th><td colspan="2">&ndash;</td>' in pages["performance-summary"]
    assert "no value: one process keeps no history of days" in pages["capacity-planning"]
    assert '<th scope="row">tier</th>' in pages["business-dashboard"]
