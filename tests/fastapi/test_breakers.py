"""Circuit breakers on /monitoring: of four libraries and of the program, reported and watched."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterator, Mapping
from enum import Enum
from typing import Any

import aiobreaker
import circuitbreaker
import httpx
import purgatory
import pybreaker
import pytest

from fastapi import FastAPI
from signalscope import BreakerMonitor, recording
from signalscope.breakers import _model, watch_breaker
from signalscope.contract import ContractError
from signalscope.fastapi import router
from signalscope.fastapi.monitoring import _routes as _monitoring
from signalscope.instrumentation.pybreaker import PybreakerInstrumentor
from signalscope.testing import Captured, capture


class State(Enum):
    """The states of a breaker of the program."""

    CLOSED = 1
    HALF_OPEN = 2


class Own:
    """A breaker of the program."""

    def __init__(self) -> None:
        self.state: object = State.CLOSED
        self.calls: dict[str, int] = {"success": 5}

    def counts(self) -> Mapping[str, int]:
        """Return the total calls by outcome."""
        return self.calls


@pytest.fixture
def captured(monkeypatch: pytest.MonkeyPatch) -> Iterator[Captured]:
    """Return the points that the test records."""
    monkeypatch.setenv("SIGNALSCOPE_MONITORING_PUBLIC", "true")
    monkeypatch.setenv("SIGNALSCOPE_MONITORING_CACHE_SECONDS", "0")
    monkeypatch.setenv("SIGNALSCOPE_MONITORING_RATE", "1000")
    instruments: dict[str, Any] = {}  # without series of other tests, which would be zero
    monkeypatch.setattr(recording._known, "by_name", instruments)
    monkeypatch.setattr(recording, "_by_name", instruments)
    monkeypatch.setattr(_model, "_reports", _model._Reports())  # without the breakers of other tests
    _monitoring._answers.clear()
    with capture() as captured:
        yield captured


@pytest.fixture
async def client(captured: Captured) -> AsyncIterator[httpx.AsyncClient]:
    """Return a client of a service."""
    app = FastAPI()
    app.include_router(router)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://service") as client:
        yield client


async def _shown(client: httpx.AsyncClient) -> dict[str, dict[str, Any]]:
    answer = await client.get("/monitoring/enhanced-metrics")
    return {breaker["service_name"]: breaker for breaker in answer.json()["circuit_breakers"] or ()}


def _fails() -> None:
    raise ConnectionError


async def _fails_later() -> None:
    raise ConnectionError


# aiobreaker asks for the time in a way that Python 3.12 deprecates.
@pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow:DeprecationWarning:aiobreaker.circuitbreaker")
async def test_breakers_of_four_libraries_can_be_watched(client: httpx.AsyncClient) -> None:
    """Without an instrumentor: closed at first, then open, with one state change."""
    of_pybreaker = pybreaker.CircuitBreaker(fail_max=1)
    of_aiobreaker = aiobreaker.CircuitBreaker(fail_max=1)
    of_circuitbreaker = circuitbreaker.CircuitBreaker(failure_threshold=1, name="c")
    of_purgatory = await purgatory.AsyncCircuitBreakerFactory(default_threshold=1).get_breaker("p")
    watched = {
        "pybreaker": of_pybreaker, "aiobreaker": of_aiobreaker, "circuitbreaker": of_circuitbreaker,
        "purgatory": of_purgatory,
    }  # fmt: skip
    ends = [watch_breaker(breaker, name, "quote") for name, breaker in watched.items()]
    assert {name: breaker["state"] for name, breaker in (await _shown(client)).items()} == dict.fromkeys(
        watched, "closed"
    )
    with contextlib.suppress(pybreaker.CircuitBreakerError):
        of_pybreaker.call(_fails)
    with contextlib.suppress(aiobreaker.CircuitBreakerError):
        await of_aiobreaker.call_async(_fails_later)
    with contextlib.suppress(ConnectionError):
        of_circuitbreaker.call(_fails)
    with contextlib.suppress(ConnectionError):
        async with of_purgatory:
            _fails()
    shown = await _shown(client)
    for name in watched:
        assert (shown[name]["state"], shown[name]["operation"]) == ("open", "quote"), name
        assert shown[name]["transitions"]["open"] == 1, name
    for end in ends:
        end()
    assert all(breaker["state"] is None for breaker in (await _shown(client)).values())


async def test_a_breaker_of_the_program_can_be_watched(client: httpx.AsyncClient, captured: Captured) -> None:
    """The state and the calls since the watch began are recorded until the breaker is deleted."""
    own = Own()
    watch_breaker(own, "own_service")
    assert (await _shown(client))["own_service"]["state"] == "closed"
    own.state = State.HALF_OPEN
    own.calls = {"success": 8, "failure": 2, "rejected": 1}
    await _shown(client)
    shown = (await _shown(client))["own_service"]
    assert shown["state"] == "half_open"
    assert {name: value for name, value in shown["calls"].items() if value} == {
        "success": 3, "failure": 2, "rejected": 1
    }  # fmt: skip
    assert shown["transitions"]["half_open"] == 1
    del own
    assert captured.points("signal_service_circuit_breaker_state") == []


async def test_reported_and_instrumented_breakers_are_shown(client: httpx.AsyncClient) -> None:
    """A BreakerMonitor and an instrumented breaker are in the answer."""
    monitor = BreakerMonitor("monitored_service", state="closed")
    monitor.success()
    monitor.rejected()
    monitor.transition("open")
    instrumentor = PybreakerInstrumentor()
    instrumentor.instrument(skip_dep_check=True)
    try:
        breaker = pybreaker.CircuitBreaker(fail_max=1, name="told_service")
        with contextlib.suppress(pybreaker.CircuitBreakerError):
            breaker.call(_fails)
        with contextlib.suppress(pybreaker.CircuitBreakerError):
            breaker.call(_fails)
        shown = await _shown(client)
    finally:
        instrumentor.uninstrument()
    assert shown["monitored_service"]["state"] == shown["told_service"]["state"] == "open"
    assert shown["monitored_service"]["calls"] == {"success": 1, "failure": 0, "rejected": 1, "late_loop": 0}
    assert shown["told_service"]["calls"] == {"success": 0, "failure": 1, "rejected": 1, "late_loop": 0}
    assert shown["told_service"]["transitions"]["open"] == 1


async def test_a_state_that_cannot_be_read_affects_only_its_breaker(
    client: httpx.AsyncClient, captured: Captured
) -> None:
    """`watch_breaker` refuses it; a later failure is counted, and the state is absent until it can be read again."""

    class Fragile:
        """Raise while the breaker is broken."""

        broken = True

        @property
        def state(self) -> str:
            if self.broken:
                raise ConnectionError("lost")
            return "open"

    fragile, own = Fragile(), Own()
    with pytest.raises(ContractError, match="closed, open or half_open"):
        watch_breaker(fragile, "fragile_service")
    fragile.broken = False
    watch_breaker(fragile, "fragile_service")
    watch_breaker(own, "own_service")
    assert (await _shown(client))["fragile_service"]["state"] == "open"
    fragile.broken = True
    shown = await _shown(client)
    assert shown["own_service"]["state"] == "closed"
    assert shown["fragile_service"]["state"] is None
    assert (captured.value("signalscope_internal_errors_total", where="breakers.state") or 0) >= 2
    fragile.broken = False
    assert (await _shown(client))["fragile_service"]["state"] == "open"


@pytest.mark.parametrize("state", ["asleep", None, 3])
def test_an_object_without_a_state_is_refused(state: object) -> None:
    """`watch_breaker` raises at once and says what to do."""
    own = Own()
    own.state = state
    with pytest.raises(ContractError, match="closed, open or half_open"):
        watch_breaker(own, "x")
