"""A service whose event loop is late tells the truth: of its dependencies, of Prometheus, and of itself."""

from __future__ import annotations

import asyncio
import re
import socket
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest
import uvicorn
from tests.ports import free_port
from tests.waiting import DEADLINE, eventually

from fastapi import FastAPI
from signalscope import health, runtime
from signalscope.derived._prometheus import Prometheus, PrometheusError
from signalscope.fastapi import instrument_app
from signalscope.health import HealthCheck
from signalscope.health._registry import shared
from signalscope.testing import capture

_LAG = "signal_service_event_loop_lag_seconds"
_UP = "signal_service_external_service_health"


class _Healthy(BaseHTTPRequestHandler):
    """A dependency that always answers at once."""

    def do_GET(self) -> None:  # the name that http.server asks for
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def dependency() -> Iterator[str]:
    """Start a dependency, and yield its URL."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Healthy)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


class _Service:
    """A real service that checks two dependencies; its event loop stands still again and again while `is_late`.

    Attributes:
        is_late: True while the loop is to stand still.
        blocked: How long it stood still each time, in seconds.
    """

    def __init__(self, healthy: str) -> None:
        self.is_late = False
        self.blocked: list[float] = []
        self.client = httpx.AsyncClient()
        self.app = FastAPI()
        instrument_app(self.app)
        gone = f"http://127.0.0.1:{free_port()}"
        for name, url in (("config_service", healthy), ("ticker_service", gone)):
            is_critical = name == "config_service"
            check = health.http_check(
                name, self._get(url), dependency="critical", critical=is_critical, cache_seconds=0.5
            )
            health.register(check)
        health.register(HealthCheck("hangs", self._hang, timeout=1.0, cache_seconds=0.5, critical=True))
        self._server = uvicorn.Server(
            uvicorn.Config(self.app, port=free_port(), log_level="warning", timeout_graceful_shutdown=1)
        )
        self.url = f"http://127.0.0.1:{self._server.config.port}"
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))
        self._thread.start()
        eventually(lambda: self._server.started, DEADLINE, "the service")

    def _get(self, url: str) -> Callable[[], Awaitable[httpx.Response]]:
        async def get() -> httpx.Response:
            return await self.client.get(url, timeout=1.0)

        return get

    async def _hang(self) -> bool:
        """Take as long as the event loop is late: what a check with many steps does."""
        while self.is_late:  # noqa: ASYNC110  # each turn is late
            await asyncio.sleep(0)  # sleep: it waits for its turn
        return True

    async def _serve(self) -> None:
        blocking = asyncio.create_task(self._block())
        await self._server.serve()
        blocking.cancel()
        await self.client.aclose()

    async def _block(self) -> None:
        while True:
            if self.is_late:
                began = time.monotonic()
                time.sleep(2.2)  # noqa: ASYNC251  # sleep: the fault of this test
                self.blocked.append(time.monotonic() - began)
            await asyncio.sleep(0.02)  # sleep: the loop has a turn

    def get(self, path: str) -> httpx.Response:
        return httpx.get(f"{self.url}{path}", timeout=DEADLINE)

    def stop(self) -> None:
        self.is_late = False
        self._server.should_exit = True
        self._thread.join(DEADLINE)


@pytest.fixture(autouse=True)
def _no_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared, "_checks", {})
    monkeypatch.setattr(shared, "_make", tuple)
    monkeypatch.setattr(shared, "_built_in", ())


def test_a_late_loop_does_not_blame_dependencies(dependency: str) -> None:
    """While the loop is late, no gauge of a good dependency is 0, /health has status 200, and the lag is measured.

    A dependency that refuses connections is unhealthy all the time.
    """
    with capture() as captured:
        service = _Service(dependency)
        try:
            eventually(lambda: captured.value(_UP, service_name="config_service") == 1.0, DEADLINE, "a check")
            eventually(lambda: captured.value(_UP, service_name="ticker_service") == 0.0, DEADLINE, "a check")
            count, total = captured.count(_LAG), captured.value(_LAG) or 0.0
            service.is_late = True
            began, codes = time.monotonic(), set()
            seen: dict[str, set[str]] = {}
            detailed: dict[str, dict[str, str]] = {}

            def has_seen_all() -> bool:
                codes.add(service.get("/health").status_code)
                detailed.update(service.get("/health/detailed").json()["components"])
                for name, component in detailed.items():
                    seen.setdefault(name, set()).add(component["status"])
                assert captured.value(_UP, service_name="config_service") in {1.0, None}
                assert captured.value("signal_service_health_check_status", component="hangs") != 0.0
                statuses = "unknown" in seen["hangs"] and "unhealthy" in seen["ticker_service"]
                return statuses and len(service.blocked) >= 2 and time.monotonic() - began > 15

            eventually(has_seen_all, 2 * DEADLINE, "both statuses and two delays", every=0)
            assert codes == {200}
            assert seen["config_service"] <= {"healthy", "unknown"}
            assert "unhealthy" not in seen["hangs"]
            assert "event loop" in detailed["hangs"]["detail"] or detailed["hangs"]["status"] == "healthy"
            # While the loop stands still, a value every tenth of a second rises from 0. A busy machine adds values.
            tenths = [number / 10 for seconds in service.blocked for number in range(1, int(seconds * 10))]
            late = (captured.value(_LAG) or 0.0) - total
            assert late >= sum(tenths)
            assert captured.count(_LAG) - count >= len(tenths)
            assert late / (captured.count(_LAG) - count) < max(service.blocked)
            service.is_late = False
            eventually(
                lambda: captured.value(_UP, service_name="config_service") == 1.0, DEADLINE, "recovery"
            )
        finally:
            service.stop()


async def _query(url: str, patience: float) -> str:
    with pytest.raises(PrometheusError) as error:
        await Prometheus().instant(url, "up", patience)
    return str(error.value)


async def test_prometheus_is_not_blamed_for_a_late_loop(dependency: str) -> None:
    """It answers at once, but the loop stands still until the timeout."""
    query = asyncio.create_task(_query(dependency, 0.4))
    await asyncio.sleep(0)  # sleep: the query begins
    time.sleep(1.0)  # noqa: ASYNC251  # sleep: the fault of this test
    text = await query
    assert re.fullmatch(
        r"the event loop of this process was \d\.\d s late: Prometheus may have answered \[SS552\]", text
    )


async def test_prometheus_is_not_blamed_for_busy_threads(dependency: str) -> None:
    """The client needs a thread, and none is free."""
    loop, end = asyncio.get_running_loop(), threading.Event()
    with ThreadPoolExecutor(1) as pool:
        loop.set_default_executor(pool)
        task = loop.run_in_executor(None, end.wait, DEADLINE)
        try:
            assert (
                await _query(dependency, 0.3)
                == "this process did not connect to Prometheus within 0.3 s [SS553]"
            )
        finally:
            end.set()
            await task


async def test_a_prometheus_that_does_not_answer_is_blamed() -> None:
    """The loop is in time and threads are free."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        assert await _query(url, 2.0) == "Prometheus did not answer within 2 s [SS541]"


async def test_a_check_that_hangs_in_a_loop_in_time_is_unhealthy() -> None:
    """The rule about late loops does not excuse a component that does not answer."""
    verdict = await HealthCheck("hangs", asyncio.Event().wait, timeout=0.4).result()
    assert verdict.result.status == "unhealthy"


@pytest.mark.parametrize(
    ("blocked", "error", "status"),
    [
        (0.8, httpx.ReadTimeout("late"), "unknown"),
        (0.8, TimeoutError(), "unknown"),
        (0.8, ConnectionRefusedError(), "unhealthy"),
        (0.0, httpx.ReadTimeout("late"), "unhealthy"),
    ],
)
async def test_a_timeout_of_the_check_itself_counts(blocked: float, error: Exception, status: str) -> None:
    """If the loop was late, a timeout says nothing of the component; a refused connection does."""
    runtime.watch_event_loop()

    async def check() -> bool:
        await asyncio.sleep(0.15)  # sleep: the first tick of the watch has passed
        time.sleep(blocked)  # noqa: ASYNC251  # sleep: the fault of this test
        raise error

    assert (await HealthCheck("one", check).result()).result.status == status


@pytest.mark.parametrize(("turns", "status"), [(6, "unknown"), (1, "unhealthy")])
async def test_many_short_delays_add_up(turns: int, status: str) -> None:
    """A starved process has many delays, none of them long: together they explain a timeout, one does not."""
    runtime.watch_event_loop()

    async def check() -> bool:
        for _ in range(turns):
            time.sleep(0.3)  # noqa: ASYNC251  # sleep: the fault of this test
            await asyncio.sleep(0)  # sleep: the loop has a turn
        await asyncio.sleep(1.8 - 0.3 * turns)  # sleep: the rest of the time until the timeout
        raise TimeoutError

    assert (await HealthCheck("one", check).result()).result.status == status


async def test_the_light_probe_needs_no_thread() -> None:
    """/metrics waits for a free thread; /metrics/live answers without one, with no metric in it."""
    app, end = FastAPI(), threading.Event()
    instrument_app(app)

    @app.get("/slow")
    def slow() -> bool:
        return end.wait(DEADLINE)

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://service") as client:
        busy = [asyncio.create_task(client.get("/slow")) for _ in range(45)]
        await asyncio.sleep(0.3)  # sleep: every thread has a request
        metrics = asyncio.create_task(client.get("/metrics"))
        answer = await client.get("/metrics/live")
        assert (answer.status_code, answer.text) == (200, "# this process answers\n")
        assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
        assert not metrics.done()
        end.set()
        await asyncio.gather(metrics, *busy)
