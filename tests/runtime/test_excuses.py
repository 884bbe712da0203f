"""Calls and failures of breakers while the event loop is late: the metrics accuse no service that is healthy."""

from __future__ import annotations

import asyncio
import importlib
import socket
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest
from tests.ports import free_port

from signalscope import BreakerMonitor, instrument_dependency, runtime
from signalscope.instrumentation._base._instrumentor import LibraryInstrumentor
from signalscope.testing import Captured, capture

_CALLS = "signal_service_external_service_duration_seconds"
_ERRORS = "signal_service_dependency_errors_total"
_BREAKER = "signal_service_circuit_breaker_calls_total"
_STATE = "signal_service_circuit_breaker_state"
Ask = Callable[[], Awaitable[Any]]


class _Healthy(BaseHTTPRequestHandler):
    def do_GET(self) -> None:  # the name that http.server asks for
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def healthy() -> Iterator[str]:
    """A service that answers at once."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Healthy)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def hanging() -> Iterator[str]:
    """A service that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        yield f"http://127.0.0.1:{silent.getsockname()[1]}"


def _to(url: str, timeout: float = 1.0) -> Ask:
    @instrument_dependency(service_name="ticker_service", operation="quote", criticality="critical")
    async def ask() -> int:
        async with asyncio.timeout(timeout), httpx.AsyncClient(timeout=None) as client:
            return (await client.get(url)).status_code

    return ask


async def _result(call: Awaitable[Any], *, is_late: bool, delay: float = 0.6) -> Any:
    """Return the result of a call or the name of its error; if `is_late`, the event loop is late meanwhile."""
    runtime.watch_event_loop()
    task = asyncio.ensure_future(call)
    while is_late and not task.done():
        time.sleep(delay)  # noqa: ASYNC251  # sleep: the fault of this test
        await asyncio.sleep(0.001)  # sleep: the loop has a turn
    try:
        return await task
    except Exception as error:  # the test compares it
        return type(error).__name__


def _outcomes(captured: Captured) -> dict[str, int]:
    outcomes = ("success", "error", "cancelled", "late_loop")
    return {one: n for one in outcomes if (n := captured.count(_CALLS, outcome=one))}


async def test_a_healthy_service_is_not_blamed_for_a_late_loop(healthy: str) -> None:
    """The call times out, and its caller gets the timeout, but no error is counted."""
    with capture() as captured:
        assert (await _result(_to(healthy)(), is_late=True)) == "TimeoutError"
        assert _outcomes(captured) == {"late_loop": 1}
        assert not captured.value(_ERRORS)


async def test_a_slow_success_is_told_from_a_late_loop(healthy: str) -> None:
    """A call that returned late because of the loop has no part in the latency of the service."""
    with capture() as captured:
        assert await _result(_to(healthy, 30.0)(), is_late=True) == 200
        assert await _result(_to(healthy, 30.0)(), is_late=False) == 200
        assert captured.count(_CALLS, outcome="late_loop") >= 1
        assert set(_outcomes(captured)) <= {"late_loop", "success"}


async def test_long_delays_add_up() -> None:
    """A call of many steps takes longer than four times each delay, and is late nevertheless."""

    @instrument_dependency(service_name="ticker_service")
    async def ask() -> None:
        for _ in range(6):  # each step waits for the loop
            await asyncio.sleep(0.05)  # sleep: a step

    with capture() as captured:
        await _result(ask(), is_late=True)
        assert _outcomes(captured) == {"late_loop": 1}


async def test_short_delays_explain_a_time_that_they_fill() -> None:
    """Each delay is short, but together they are most of the time of the call."""

    @instrument_dependency(service_name="ticker_service")
    async def ask() -> None:
        for _ in range(12):  # each step waits for the loop
            await asyncio.sleep(0.11)  # sleep: a step

    with capture() as captured:
        await _result(ask(), is_late=True, delay=0.3)
        assert _outcomes(captured) == {"late_loop": 1}


async def test_a_service_that_hangs_is_blamed(hanging: str) -> None:
    """The loop was in time: a short delay explains no timeout."""
    with capture() as captured:
        assert await _result(_to(hanging, 2.0)(), is_late=False) == "TimeoutError"
        assert _outcomes(captured) == {"error": 1}
        assert captured.value(_ERRORS, error_type="TimeoutError") == 1


async def test_a_refused_connection_is_an_error_in_a_late_loop_as_well() -> None:
    """Only timeouts are explained by a late loop."""
    with capture() as captured:
        assert await _result(_to(f"http://127.0.0.1:{free_port()}", 30.0)(), is_late=True) == "ConnectError"
        assert _outcomes(captured) == {"error": 1}


async def test_a_call_that_blocks_the_loop_itself_has_no_excuse() -> None:
    """The delay of the loop is then the effect of the slow service."""

    @instrument_dependency(service_name="ticker_service")
    async def ask() -> None:
        time.sleep(0.6)  # noqa: ASYNC251  # sleep: a blocking client
        raise TimeoutError

    with capture() as captured:
        assert await _result(ask(), is_late=False) == "TimeoutError"
        assert _outcomes(captured) == {"error": 1}


def test_a_call_in_a_thread_has_no_event_loop(hanging: str) -> None:
    """Its timeout is an error."""

    @instrument_dependency(service_name="ticker_service")
    def ask() -> int:
        return httpx.get(hanging, timeout=0.3).status_code

    with capture() as captured:
        with pytest.raises(httpx.ReadTimeout):
            ask()
        assert _outcomes(captured) == {"error": 1}


def _purgatory(ask: Ask) -> Ask:
    breakers = importlib.import_module("purgatory").AsyncCircuitBreakerFactory(default_threshold=1)

    async def call() -> Any:
        async with await breakers.get_breaker("purgatory_service"):
            return await ask()

    return call


def _aiobreaker(ask: Ask) -> Ask:
    breaker = importlib.import_module("aiobreaker").CircuitBreaker(fail_max=1, name="aiobreaker_service")
    return lambda: breaker.call_async(ask)


def _circuitbreaker(ask: Ask) -> Ask:
    guard: Ask = importlib.import_module("circuitbreaker").circuit(
        failure_threshold=1, name="circuitbreaker_service"
    )(ask)
    return guard


def _pybreaker(ask: Ask) -> Ask:
    breaker = importlib.import_module("pybreaker").CircuitBreaker(fail_max=1, name="pybreaker_service")

    async def call() -> Any:
        with breaker.calling():
            return await ask()

    return call


def _monitor(ask: Ask) -> Ask:
    monitor = BreakerMonitor("monitored_service")

    async def call() -> Any:
        try:
            return await ask()
        except TimeoutError:
            monitor.failure()
            monitor.transition("open")
            raise

    return call


@pytest.fixture(params=[_purgatory, _aiobreaker, _circuitbreaker, _pybreaker, _monitor])
def guarded(request: pytest.FixtureRequest) -> Iterator[Callable[[Ask], Ask]]:
    """Return a function that guards a call with a breaker of a library, or that uses `BreakerMonitor`."""
    name = request.param.__name__.strip("_")
    if name == "monitor":
        yield request.param
        return
    pytest.importorskip(name)
    module = importlib.import_module(f"signalscope.instrumentation.{name}")
    instrumentor: LibraryInstrumentor = getattr(module, f"{name.capitalize()}Instrumentor")()
    instrumentor.instrument()
    yield request.param
    instrumentor.uninstrument()


@pytest.mark.parametrize("is_late", [True, False])
async def test_a_breaker_tells_why_its_calls_failed(
    guarded: Callable[[Ask], Ask], healthy: str, hanging: str, is_late: bool
) -> None:
    """The breaker opens in both cases and says so; only a service that does not answer has a failure."""
    with capture() as captured:
        call = guarded(_to(healthy if is_late else hanging))
        assert await _result(call(), is_late=is_late) in {"TimeoutError", "CircuitBreakerError"}
        counted = {
            one: captured.value(_BREAKER, outcome=one) or 0.0 for one in ("late_loop", "failure", "success")
        }
        assert counted == {"late_loop": float(is_late), "failure": float(not is_late), "success": 0.0}
        assert captured.value(_STATE, state="open") == 1.0
