"""Calls to external services: each service has a circuit breaker, and every failure is counted."""

import contextlib
from collections.abc import AsyncIterator

import httpx
import pytest
from purgatory.domain.model import CLOSED, HALF_OPENED, OPENED
from tests.waiting import eventually_async

from signalscope.demo.service import clients as clients_module
from signalscope.demo.service.clients import Clients, DependencyUnavailableError
from signalscope.demo.stack.dependencies import DependencyServer


class Monitor:
    """A monitor that records its calls."""

    def __init__(self, service_name: str) -> None:
        self.service_name = service_name
        self.events: list[str] = []

    def transition(self, to: str) -> None:
        """Record a new state."""
        self.events.append(to)

    def success(self) -> None:
        """Record a successful call."""
        self.events.append("success")

    def failure(self) -> None:
        """Record a failed call."""
        self.events.append("failure")

    def rejected(self) -> None:
        """Record a rejected call."""
        self.events.append("rejected")


@pytest.fixture
async def clients(
    dependencies: dict[str, DependencyServer], monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Clients]:
    """Clients of the running services; their circuit breakers stay open for 0.1 s."""
    monkeypatch.setattr(clients_module, "BreakerMonitor", Monitor)
    monkeypatch.setattr(clients_module, "_SECONDS_OPEN", 0.1)
    clients = Clients({name: f"http://127.0.0.1:{server.port}" for name, server in dependencies.items()})
    yield clients
    await clients.close()


def events(clients: Clients, name: str) -> list[str]:
    """Return the calls that the monitor of a service recorded."""
    monitor = clients[name].monitor
    assert isinstance(monitor, Monitor)
    return monitor.events


async def test_answer_comes_back(clients: Clients) -> None:
    """A successful call returns the answer and is a success only for the breaker of that service."""
    answer = await clients["ticker_service"].ask("quote", "GET", "/quotes/ALFA")
    assert answer["symbol"] == "ALFA"
    assert events(clients, "ticker_service") == ["success"]
    assert events(clients, "config_service") == []


async def test_an_answer_that_is_no_json_is_a_failure(
    clients: Clients, dependencies: dict[str, DependencyServer]
) -> None:
    """The breaker counts a failure, and the caller gets the usual error."""
    http = httpx.AsyncClient(transport=httpx.MockTransport(lambda _: httpx.Response(200, text="<html>")))
    config = clients["config_service"]
    config._http = http
    with pytest.raises(DependencyUnavailableError, match="config_service: get_config: JSONDecodeError"):
        await config.ask("get_config", "GET", "/config")
    assert events(clients, "config_service") == ["failure"]
    await http.aclose()


async def test_breaker_opens_rejects_and_recovers(
    clients: Clients, dependencies: dict[str, DependencyServer]
) -> None:
    """Five failures open the breaker; it rejects calls, and a good call closes it again."""
    dependencies["config_service"].failing = True
    config = clients["config_service"]
    for _ in range(5):
        with pytest.raises(DependencyUnavailableError, match="config_service: get_config: HTTPStatusError"):
            await config.ask("get_config", "GET", "/config")
    with pytest.raises(DependencyUnavailableError, match="circuit breaker is open"):
        await config.ask("get_config", "GET", "/config")
    assert events(clients, "config_service") == [*["failure"] * 4, "open", "failure", "rejected"]
    dependencies["config_service"].failing = False

    async def recovers() -> bool:
        with contextlib.suppress(DependencyUnavailableError):
            await config.ask("get_config", "GET", "/config")
            return True
        return False

    await eventually_async(recovers, "a good call")
    assert events(clients, "config_service")[-3:] == ["half_open", "closed", "success"]


async def test_probe_sees_down_and_up(clients: Clients, dependencies: dict[str, DependencyServer]) -> None:
    """A probe finds a service down and up again, in any state of the breaker."""
    await dependencies["ticker_service"].switch("down", on=True)
    assert await clients["ticker_service"].probe() is False
    assert await clients["config_service"].probe() is True
    await dependencies["ticker_service"].switch("down", on=False)
    assert await clients["ticker_service"].probe() is True


def test_missing_url_is_named() -> None:
    """An incomplete setting gets a clear error."""
    with pytest.raises(
        ValueError, match="SIGNALSCOPE_DEMO_DEPENDENCIES must give a URL for each of ticker_service"
    ):
        Clients({"ticker_service": "http://127.0.0.1:9"})


def test_states_are_the_librarys() -> None:
    """Every state of the breaker library has a name in the contract."""
    assert set(clients_module._STATES) == {CLOSED, OPENED, HALF_OPENED}
