"""Health checks that are slow, stuck, failing or called by many requests at once, and the answers of /health."""

from __future__ import annotations

import asyncio
import contextlib
import math
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from tests.waiting import DEADLINE, eventually_async

from fastapi import FastAPI
from signalscope import contract, health, report_health
from signalscope.contract import ContractError
from signalscope.fastapi import instrument_app, router, uninstrument_app
from signalscope.health import HealthCheck, Result, _registry
from signalscope.health import _report as _health
from signalscope.health._builtin import built_in
from signalscope.health._registry import shared
from signalscope.testing import capture


@pytest.fixture(autouse=True)
def _no_checks(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(shared, "_checks", {})
    monkeypatch.setattr(shared, "_make", tuple)  # only checks that a test registers
    monkeypatch.setattr(shared, "_built_in", ())
    _health._reported.components.clear()
    yield
    _health._reported.components.clear()


@pytest.fixture
def with_built_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """Add the built-in checks to the application."""
    monkeypatch.setattr(shared, "_make", built_in)


def _app() -> FastAPI:
    app = FastAPI()
    app.include_router(router)
    return app


async def _get(path: str, app: FastAPI | None = None, **headers: str) -> httpx.Response:
    transport = httpx.ASGITransport(app or _app())
    async with httpx.AsyncClient(transport=transport, base_url="http://service", headers=headers) as client:
        return await client.get(path)


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        (True, "healthy"), (False, "unhealthy"), (1, "healthy"), (0.5, "degraded"), (0, "unhealthy"),
        (None, "unknown"), ("degraded", "degraded"), (Result("healthy", "fine"), "healthy"),
        (0.7, "unhealthy"), ("fine", "unhealthy"), ([], "unhealthy"), (ZeroDivisionError(), "unhealthy"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["plain", "coroutine", "plain that gives an awaitable"])
async def test_a_return_value_becomes_a_status(outcome: Any, status: str, kind: str) -> None:
    """The result of functions and coroutines; an exception and an invalid return value are unhealthy."""

    def plain() -> Any:
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def coroutine() -> Any:
        return plain()

    def gives_an_awaitable() -> Any:
        return coroutine()

    check = {
        "plain": plain, "coroutine": coroutine, "plain that gives an awaitable": gives_an_awaitable,
    }[kind]  # fmt: skip
    verdict = await HealthCheck("one", check).result()
    assert verdict.result.status == status


async def test_only_the_log_has_the_message_of_an_exception() -> None:
    """Only the class is shown, because the message may contain a password."""

    def check() -> bool:
        raise ConnectionError("postgres://user:secret@db")

    health.register(HealthCheck("database", check))
    answer = await _get("/health/detailed")
    assert answer.json()["components"]["database"]["detail"] == "the check failed (ConnectionError)"
    assert "secret" not in answer.text


@pytest.mark.parametrize(
    "error",
    [SystemExit(3), KeyboardInterrupt(), asyncio.CancelledError(), GeneratorExit(), StopIteration()],
    ids=lambda error: type(error).__name__,
)
def test_sys_exit_in_a_check_is_a_result(error: BaseException) -> None:
    """A check that calls sys.exit() is unhealthy with the name of the exception, and the process continues."""

    def plain() -> bool:
        raise error

    async def coroutine() -> bool:
        raise error

    async def results() -> list[str]:
        checks = [HealthCheck("one", plain)]
        if not isinstance(
            error, KeyboardInterrupt | StopIteration
        ):  # in a coroutine they are Ctrl-C, and a RuntimeError
            checks.append(HealthCheck("two", coroutine))
        return [(await check.result()).result.detail for check in checks]

    assert set(asyncio.run(results())) == {f"the check failed ({type(error).__name__})"}


async def test_any_result_of_a_check_can_be_answered() -> None:
    """NaN, dates, lists and lone surrogates are converted for JSON; exception messages are hidden; data is cut."""
    secret, odd = ValueError("secret"), datetime(2026, 1, 2, tzinfo=UTC)
    data: Any = {
        "nan": math.nan, "inf": -math.inf, "decimal": Decimal("1.5"), "date": odd, "list": [1, 2],
        "text": "\udcff", "error": secret, 1: True, "none": None, "text of a number": "7",
    }  # fmt: skip
    results: dict[str, Any] = {
        "odd": Result("healthy", "x" * 5_000, data),
        "none": Result("healthy", None, None),  # type: ignore[arg-type]  # the error under test
        "error": Result("unhealthy", secret, {str(number): 1.0 for number in range(999)}),  # type: ignore[arg-type]
    }
    for name, result in results.items():
        health.register(HealthCheck(name, partial(Result, result.status, result.detail, result.data)))
    health.register(HealthCheck("named \udcff", lambda: True))
    answer = await _get("/health/detailed")
    assert answer.status_code == 200
    components = answer.json()["components"]
    assert components["odd"]["data"] == {
        "nan": None, "inf": None, "decimal": 1.5, "date": str(odd), "list": "[1, 2]", "text": "?",
        "error": "ValueError", "1": 1.0, "none": None, "text of a number": "7",
    }  # fmt: skip
    assert len(components["odd"]["detail"]) == 1_000
    assert (components["none"]["detail"], components["none"]["data"]) == ("", {})
    assert components["error"]["detail"] == "ValueError"
    assert len(components["error"]["data"]) == 50
    assert "secret" not in answer.text
    assert (await _get("/health/detailed", accept="text/html")).status_code == 200


@pytest.mark.parametrize("kind", ["plain", "coroutine", "stubborn coroutine"])
async def test_a_slow_check_never_hangs_the_endpoint(kind: str) -> None:
    """It is unhealthy after its timeout, even if it ignores cancellation, and other checks still have results."""
    release, has_ended = threading.Event(), threading.Event()

    def plain() -> bool:
        release.wait(DEADLINE)
        has_ended.set()
        return True

    async def coroutine() -> bool:
        await asyncio.Event().wait()
        has_ended.set()
        return True

    async def stubborn() -> bool:
        while not release.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.Event().wait()
        has_ended.set()
        return True

    checks: dict[str, Any] = {"plain": plain, "coroutine": coroutine, "stubborn coroutine": stubborn}
    check = checks[kind]
    health.register(HealthCheck("slow", check, timeout=0.2, cache_seconds=0))
    health.register(HealthCheck("quick", lambda: True))
    async with asyncio.timeout(DEADLINE):
        answers = [await _get("/health/detailed") for _ in range(3)]
    assert not has_ended.is_set()
    assert answers[0].json()["components"]["slow"]["detail"] == "the check did not end within 0.2 s"
    assert answers[0].json()["components"]["quick"]["status"] == "healthy"
    if kind != "coroutine":  # it still runs, so no other run starts
        assert "has not ended" in answers[2].json()["components"]["slow"]["detail"]
    release.set()
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()


async def test_a_storm_of_requests_runs_a_check_once() -> None:
    """Two hundred requests wait for one run; the next run starts only after the result expires."""
    runs, request_count = 0, 0
    all_have_asked = asyncio.Event()

    async def check() -> bool:
        nonlocal runs
        runs += 1
        await all_have_asked.wait()
        return True

    async def get() -> httpx.Response:
        nonlocal request_count
        request_count += 1
        if request_count == 200:
            all_have_asked.set()
        return await _get("/health", app)

    database = health.register(HealthCheck("database", check, timeout=30, cache_seconds=3600))
    app = _app()
    answers = await asyncio.gather(*(get() for _ in range(200)))
    assert {answer.json()["components"]["database"] for answer in answers} == {"healthy"}
    assert runs == 1
    await _get("/health", app)
    assert runs == 1
    database.cache_seconds = 0  # the result expires at once
    await _get("/health", app)
    assert runs == 2


async def test_a_stuck_check_never_has_more_runs_than_allowed() -> None:
    """A check that hangs has one run, or `max_concurrent` runs, for any number of requests."""
    release, running = threading.Event(), threading.Semaphore(0)

    def hangs() -> bool:
        running.release()
        return release.wait(10)

    check = HealthCheck("stuck", hangs, timeout=0.05, cache_seconds=0, max_concurrent=2)
    for _ in range(6):
        assert (await check.result()).result.status == "unhealthy"
    assert running._value == 2
    release.set()

    async def is_healthy() -> bool:
        return (await check.result()).result.status == "healthy"

    await eventually_async(is_healthy, "a run that is over")


def test_a_closed_event_loop_loses_only_its_run() -> None:
    """If the event loop of a run is closed, the next loop starts a new run; test clients close their loops."""
    began, gate = threading.Event(), threading.Event()  # events of asyncio would belong to one of the loops

    async def waits() -> bool:
        began.set()
        return bool(await eventually_async(gate.is_set, "the gate"))

    check = HealthCheck("one", waits, timeout=30, cache_seconds=0)

    async def leave() -> None:
        task = asyncio.create_task(check.result())
        await eventually_async(began.is_set, "the run")
        task.cancel()

    asyncio.run(leave())
    gate.set()
    assert asyncio.run(check.result()).result.status == "healthy"


async def test_the_overall_status_follows_its_rules() -> None:
    """A critical check makes the service unhealthy and not ready, another one degraded; unknown has no effect."""
    critical = HealthCheck("database", lambda: state["database"], critical=True, cache_seconds=0)
    redis_check = HealthCheck("redis", lambda: state["redis"], cache_seconds=0)
    health.register(critical)
    health.register(redis_check)
    state: dict[str, Any] = {}
    expected = [
        (True, True, 200, "healthy", 200), (True, False, 200, "degraded", 200),
        (0.5, True, 200, "degraded", 200), (False, True, 503, "unhealthy", 503),
        (None, True, 200, "healthy", 200), (None, None, 200, "unknown", 200),
    ]  # fmt: skip
    for database, redis, code, status, ready in expected:
        state.update(database=database, redis=redis)
        answer = await _get("/health")
        assert (answer.status_code, answer.json()["status"]) == (code, status)
        assert (await _get("/health/ready")).status_code == ready
        assert (await _get("/health/live")).status_code == 200
    assert (await _get("/health/ready")).json() == {"status": "healthy", "failing": []}


async def test_liveness_and_readiness_are_two_things() -> None:
    """A deadlock makes the process not live; a dependency that is down only makes it not ready."""
    health.register(HealthCheck("deadlock", lambda: False, liveness=True))
    health.register(HealthCheck("warm_up", lambda: False, readiness=True))
    live, ready = await _get("/health/live"), await _get("/health/ready")
    assert (live.status_code, live.json()["failing"]) == (503, ["deadlock"])
    assert (ready.status_code, ready.json()["failing"]) == (503, ["warm_up"])
    report_health("service", 0)
    assert set((await _get("/health/ready")).json()["failing"]) == {"warm_up", "service"}


async def test_checks_set_the_gauges_once() -> None:
    """Each check sets health_check_status, and dependencies external_service_health; unknown results are absent."""
    health.register(
        HealthCheck("ticker_service", lambda: state["up"], dependency="critical", cache_seconds=0)
    )
    health.register(HealthCheck("disk", lambda: 0.5))
    health.register(HealthCheck("idle", lambda: None))
    with capture() as captured:
        for up, value in ((True, 1), (False, 0)):
            state = {"up": up}
            await health.run()
            points = captured.points("signal_service_external_service_health")
            assert [(dict(point.labels), point.value) for point in points] == [
                ({"service_name": "ticker_service", "criticality": "critical"}, value)
            ]
            statuses = captured.points("signal_service_health_check_status")
            assert {point.labels["component"]: point.value for point in statuses} == {
                "ticker_service": value, "disk": 0.5
            }  # fmt: skip
        health.unregister("ticker_service")
        assert captured.points("signal_service_external_service_health") == []


@pytest.mark.usefixtures("with_built_in")
async def test_a_running_application_keeps_its_gauges_fresh() -> None:
    """Without requests to /health, registered and built-in checks still run."""
    runs = 0

    def check() -> bool:
        nonlocal runs
        runs += 1
        return True

    health.register(HealthCheck("disk", check, cache_seconds=0.1))
    app = _app()
    async with app.router.lifespan_context(app):
        await eventually_async(lambda: runs >= 2, "a second run")
        components = (await _get("/health/detailed", app)).json()["components"]
    assert {
        "api", "database", "redis", "signal_processing", "dependencies", "system_resources", "cache",
        "backpressure", "error_rate", "config", "model_configuration", "disk",
    } == set(components)  # fmt: skip
    assert components["api"]["data"]["loop_delay_seconds"] >= 0
    assert components["database"]["status"] == "unknown"
    assert [check.name for check in health.checks()] == ["disk"]


@pytest.mark.usefixtures("with_built_in")
async def test_built_in_checks_judge_recorded_metrics(monkeypatch: pytest.MonkeyPatch) -> None:
    """Errors, failed work, cache misses, a full queue, a dependency that is down, an unknown model, a bad setting."""
    from signalscope import recording  # noqa: PLC0415  # only this test records by hand

    monkeypatch.setenv("SIGNALSCOPE_MONITORING_RATE", "many")
    monkeypatch.setenv("SIGNALSCOPE_CPU_SECOND_PRICE", "free")
    app = _app()
    with capture():
        record = recording.get_instrument
        for status, number in (("200", 60), ("500", 40)):
            record("signal_service.api.requests").series("/a", "GET", status, "free").record(number)
        greeks = record("signal_service.greeks.calculation")
        for _ in range(30):
            greeks.series("delta", "false", "made_up_model", "1", "error").record(0.1)
        operations = record("signal_service.cache.operations")
        operations.series("greeks", "get", "miss").record(80)
        operations.series("greeks", "get", "hit").record(20)
        record("signal_service.queue.size").series("work", "low").record(90)
        record("signal_service.queue.capacity").series("work").record(100)
        record("signal_service.external_service.health").series("ticker_service", "critical").record(0)
        async with app.router.lifespan_context(app):
            components = (await _get("/health/detailed", app)).json()["components"]
    statuses = {name: component["status"] for name, component in components.items()}
    assert statuses["error_rate"] == "unhealthy"
    assert components["error_rate"]["data"] == {"error_rate_percentage": pytest.approx(40)}
    assert statuses["signal_processing"] == "unhealthy"
    assert (statuses["cache"], components["cache"]["data"]["greeks_hit_ratio"]) == (
        "degraded",
        pytest.approx(0.2),
    )
    assert statuses["backpressure"] == "degraded"
    assert statuses["dependencies"] == "unhealthy"
    assert statuses["model_configuration"] == "degraded"
    assert components["config"]["detail"] == (
        "invalid settings: SIGNALSCOPE_CPU_SECOND_PRICE, SIGNALSCOPE_MONITORING_RATE"
    )


async def test_ready_made_checks_call_their_clients() -> None:
    """The ping of a database, PING of Redis and the status of an HTTP response; synchronous and asynchronous."""

    class Client:
        async def ping(self) -> bool:
            return True

    class Answer:
        def __init__(self, status: int) -> None:
            self.status_code = status

    async def refused() -> None:
        raise ConnectionRefusedError

    async def answer_503() -> Answer:
        return Answer(503)

    for check, status in (
        (health.database_check(lambda: None), "healthy"),
        (health.database_check(refused), "unhealthy"),
        (health.redis_check(Client()), "healthy"),
        (health.http_check("a", lambda: Answer(200), dependency="high"), "healthy"),
        (health.http_check("a", lambda: Answer(429), dependency="high"), "degraded"),
        (health.http_check("a", answer_503, dependency="high"), "unhealthy"),
        (health.http_check("a", lambda: None, dependency="high"), "unhealthy"),
    ):
        assert (await check.result()).result.status == status


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": ""}, "1 to 100 characters"),
        ({"timeout": 0}, "above 0 and at most 30"),
        ({"timeout": 31}, "above 0 and at most 30"),
        ({"cache_seconds": -1}, "cache_seconds must be >= 0"),
        ({"max_concurrent": 0}, "max_concurrent >= 1"),
        ({"dependency": "vital"}, "is not one of critical, mandatory, high"),
        ({"dependency": "high", "liveness": True}, "a check with dependency cannot have liveness=True"),
    ],
)
def test_errors_are_reported_at_once(options: dict[str, Any], message: str) -> None:
    """The error has the name of the check and the allowed values."""
    name = options.pop("name", "one")
    with pytest.raises(ContractError, match=message):
        HealthCheck(name, lambda: True, **options)


def test_the_limit_is_fifty_checks() -> None:
    """The limit of checks is the limit of components in the contract."""
    for number in range(50):
        health.register(HealthCheck(f"check {number}", lambda: True))
    with pytest.raises(ContractError, match="exceeds the limit of 50 checks"):
        health.register(HealthCheck("another", lambda: True))
    assert next(
        attribute.cap for attribute in contract.get("signal_service.health_check.status").attributes
    ) == len(health.checks())


async def test_health_can_be_locked(monkeypatch: pytest.MonkeyPatch) -> None:
    """/health and /metrics are public by default; with SIGNALSCOPE_HEALTH_PUBLIC=false they need a token."""
    for path, setting in (("/health", "HEALTH"), ("/health/live", "HEALTH"), ("/metrics", "METRICS")):
        assert (await _get(path)).status_code != 401
        monkeypatch.setenv(f"SIGNALSCOPE_{setting}_PUBLIC", "false")
        monkeypatch.setenv("SIGNALSCOPE_MONITORING_TOKEN", "x" * 24)
        assert (await _get(path)).status_code == 401
        assert (await _get(path, authorization=f"Bearer {'x' * 24}")).status_code != 401
        monkeypatch.delenv(f"SIGNALSCOPE_{setting}_PUBLIC")


async def test_a_browser_gets_a_page() -> None:
    """A client that names text/html gets HTML, every other client JSON."""
    health.register(HealthCheck("<b>disk</b>", lambda: Result("degraded", "<script>alert(1)</script>")))
    page = await _get("/health/detailed", accept="text/html,application/xhtml+xml,*/*;q=0.8")
    assert page.headers["content-type"].startswith("text/html")
    assert "&lt;b&gt;disk&lt;/b&gt;" in page.text
    assert "<script>" not in page.text
    for accept in (
        "*/*", "application/json", "application/json, text/html;q=0.5", "", "nonsense;q=x", "text/*", "text/html;q=0",
        "text/html;q=0.5, */*", "*/*;q=0.9, text/html;q=0.8", "text/html, application/json", "text/html;q=nan",
        "text/html;q=inf, application/json;q=0.1",
    ):  # fmt: skip
        assert (await _get("/health", accept=accept)).headers["content-type"] == "application/json", accept
    for accept in (
        "text/html, */*", "TEXT/HTML;level=1", "text/html;q=0.5, */*;q=0.1", "text/html;q=0.9,application/*;q=0.8",
        "application/json;q=0.1, */*, text/html;q=0.2",
    ):  # fmt: skip
        kind = (await _get("/health", accept=accept)).headers["content-type"]
        assert kind == "text/html; charset=utf-8", accept


@pytest.mark.usefixtures("with_built_in")
async def test_built_in_checks_need_no_lifespan() -> None:
    """A server does not run the lifespan of a mounted application; its /health still has the built-in checks."""
    app = FastAPI()
    app.mount("/ops", _app())
    async with app.router.lifespan_context(app):
        answer = await _get("/ops/health/detailed", app)
    assert {check.name for check in built_in()} == set(answer.json()["components"])


@pytest.mark.usefixtures("with_built_in")
async def test_a_starlette_application_keeps_its_checks_fresh() -> None:
    """`instrument_app` runs the checks beside the application's own lifespan; `uninstrument_app` stops that."""
    events: list[str] = []

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[dict[str, int]]:
        events.append("up")
        yield {"mine": 1}
        events.append("down")

    app = Starlette(lifespan=lifespan)
    before = app.router.lifespan_context
    instrument_app(app)
    with capture() as captured:
        async with app.router.lifespan_context(app) as state:
            assert state == {"mine": 1}
            await eventually_async(
                lambda: captured.points("signal_service_health_check_status", component="api"),
                "a check of ours",
            )
    assert events == ["up", "down"]
    assert shared.checks() == []
    uninstrument_app(app)
    assert app.router.lifespan_context is before


def test_an_application_starts_without_asyncio() -> None:
    """Under trio the checks are not refreshed; the application starts and ends as without signalscope."""
    app = _app()
    manager = app.router.lifespan_context(app)
    for step in (manager.__aenter__(), manager.__aexit__(None, None, None)):
        with pytest.raises(StopIteration):
            step.send(None)  # without an event loop of asyncio


async def test_the_age_of_a_report_is_shown() -> None:
    """/health/detailed shows the age of a report."""
    before = time.monotonic()
    report_health("feed", 1)
    after = time.monotonic()
    for _ in range(2):
        began = time.monotonic()
        shown = (await _get("/health/detailed")).json()["components"]["feed"]
        age = shown["age_seconds"]
        assert began - after <= age <= time.monotonic() - before  # bound: by what is measured here as well
        assert shown["duration_seconds"] is None


async def test_a_slow_check_does_not_delay_other_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each check is refreshed on its own, not in rounds that wait for the slowest check."""
    monkeypatch.setattr(_registry, "_REFRESH_SECONDS", 0.02)
    runs = {"slow": 0, "quick": 0}

    async def slow() -> bool:
        runs["slow"] += 1
        await asyncio.Event().wait()
        return True

    def quick() -> bool:
        runs["quick"] += 1
        return True

    health.register(HealthCheck("slow", slow, timeout=20))
    health.register(HealthCheck("quick", quick, cache_seconds=0.01))
    app = _app()
    async with app.router.lifespan_context(app):
        await eventually_async(lambda: runs["quick"] >= 3, "three runs of the quick one")
    assert runs["slow"] == 1
    assert runs["quick"] >= 3


async def test_a_defect_of_signalscope_does_not_stop_the_refresh(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The defect is counted, the next round runs, and the application ends normally."""
    monkeypatch.setattr(_registry, "_REFRESH_SECONDS", 0.01)
    rounds: list[int] = []

    def fails() -> list[HealthCheck]:
        rounds.append(1)
        raise RuntimeError("a mistake")

    app = _app()
    with capture() as captured:
        async with app.router.lifespan_context(app):
            monkeypatch.setattr(shared, "checks", fails)
            await eventually_async(lambda: len(rounds) >= 3, "three rounds")
            monkeypatch.undo()
        counted = captured.value("signalscope_internal_errors_total", where="health.refresh")
    assert len(rounds) >= 3
    assert (counted or 0) >= 3
