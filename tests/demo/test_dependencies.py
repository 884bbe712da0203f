"""The external services: real sockets, and faults that really break them."""

import asyncio
import socket
from collections.abc import AsyncIterator

import httpx
import pytest

from signalscope.demo.faults import DEPENDENCIES
from signalscope.demo.stack import dependencies
from signalscope.demo.stack.dependencies import DependencyServer, control_app, parse_ports


@pytest.fixture
async def ticker() -> AsyncIterator[DependencyServer]:
    """A running ticker service."""
    server = DependencyServer("ticker_service", 0)
    await server.open()
    yield server
    await server.close()


async def _get(server: DependencyServer, path: str) -> httpx.Response:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}", timeout=5.0) as client:
        return await client.get(path)


async def test_answers_over_http(ticker: DependencyServer) -> None:
    """The server is real: the health check and an operation answer."""
    assert (await _get(ticker, "/health")).status_code == 200
    assert (await _get(ticker, "/quotes/ALFA")).json()["symbol"] == "ALFA"


async def test_down_refuses_connections_until_it_is_up_again(ticker: DependencyServer) -> None:
    """The fault down closes the listening socket; later the same port answers again."""
    port = ticker.port
    await ticker.switch("down", on=True)
    assert ticker.is_on("down")
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)
    await ticker.switch("down", on=False)
    assert ticker.port == port
    assert (await _get(ticker, "/health")).status_code == 200


async def test_down_ends_open_connections(ticker: DependencyServer) -> None:
    """A client cannot use a connection that was open before the fault."""
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{ticker.port}") as client:
        await client.get("/health")
        await ticker.switch("down", on=True)
        with pytest.raises(httpx.TransportError):
            await client.get("/health")


async def test_down_ends_a_connection_that_comes_while_it_goes_down(
    ticker: DependencyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection that the loop is just accepting is not among those that uvicorn ends when it stops."""
    shutdown = dependencies._Server.shutdown

    async def unknown(server: dependencies._Server, sockets: list[socket.socket] | None = None) -> None:
        known = server.server_state.connections
        late = set(known)
        known.clear()
        asyncio.get_running_loop().call_soon(known.update, late)
        await shutdown(server, sockets)

    monkeypatch.setattr(dependencies._Server, "shutdown", unknown)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{ticker.port}") as client:
        await client.get("/health")
        await ticker.switch("down", on=True)
        with pytest.raises(httpx.TransportError):
            await client.get("/health")


async def test_failing_answers_503_with_good_health(ticker: DependencyServer) -> None:
    """The fault failing breaks calls, but not the health check."""
    await ticker.switch("failing", on=True)
    assert (await _get(ticker, "/quotes/ALFA")).status_code == 503
    assert (await _get(ticker, "/health")).status_code == 200
    await ticker.switch("failing", on=False)
    assert (await _get(ticker, "/quotes/ALFA")).status_code == 200


async def test_slow_answers_late(ticker: DependencyServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The fault slow delays calls, but not the health check."""
    monkeypatch.setattr(dependencies, "SLOW_SECONDS", 0.4)
    await ticker.switch("slow", on=True)
    loop = asyncio.get_running_loop()
    started = loop.time()
    await _get(ticker, "/quotes/ALFA")
    assert loop.time() - started >= 0.4
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{ticker.port}", timeout=0.2) as client:
        assert (await client.get("/health")).status_code == 200
        with pytest.raises(httpx.ReadTimeout):
            await client.get("/quotes/ALFA")


async def test_control_port_switches_and_shows(ticker: DependencyServer) -> None:
    """The control application switches a fault and shows the state of every fault."""
    servers = {name: DependencyServer(name, 0) for name in DEPENDENCIES} | {"ticker_service": ticker}
    transport = httpx.ASGITransport(control_app(servers))
    async with httpx.AsyncClient(transport=transport, base_url="http://control") as client:
        assert (await client.put("/demo/faults/ticker-failing", json={"on": True})).json() == {
            "ticker-failing": True
        }
        assert ticker.failing
        state = (await client.get("/demo/faults")).json()
        assert state["ticker-failing"] is True
        assert state["ticker-slow"] is False
        assert len(state) == 15


@pytest.mark.parametrize(
    ("name", "body", "status", "says"),
    [
        ("coffee-down", '{"on": true}', 404, "unknown fault 'coffee-down'; the faults are ticker-down"),
        ("cpu-burn", '{"on": true}', 404, "unknown fault 'cpu-burn'"),
        ("ticker-down", '{"on": "yes"}', 422, "the body must be"),
        ("ticker-down", "[]", 422, "the body must be"),
        ("ticker-down", "nonsense", 422, "the body must be"),
    ],
)
async def test_control_port_explains_mistakes(name: str, body: str, status: int, says: str) -> None:
    """An unknown fault or an invalid body gets a clear answer and switches nothing."""
    servers = {service: DependencyServer(service, 0) for service in DEPENDENCIES}
    transport = httpx.ASGITransport(control_app(servers))
    async with httpx.AsyncClient(transport=transport, base_url="http://control") as client:
        answer = await client.put(f"/demo/faults/{name}", content=body)
    assert answer.status_code == status
    assert says in answer.json()["detail"]
    assert not any(server.slow or server.failing for server in servers.values())


def test_ports_are_read_from_json_and_from_pairs() -> None:
    """Both forms of the option give the same ports."""
    names = [*DEPENDENCIES, "control"]
    pairs = ",".join(f"{name}={9000 + place}" for place, name in enumerate(names))
    json_text = "{" + ", ".join(f'"{name}": {9000 + place}' for place, name in enumerate(names)) + "}"
    assert parse_ports(pairs) == parse_ports(json_text)


@pytest.mark.parametrize("text", ["ticker_service=1", "{}", "control=1,coffee=2"])
def test_incomplete_ports_are_refused(text: str) -> None:
    """The error names the ports to give."""
    with pytest.raises(ValueError, match=r"ticker_service, marketplace_service, .*, control, each once"):
        parse_ports(text)


def test_port_in_use_is_one_clear_line(capsys: pytest.CaptureFixture[str]) -> None:
    """A taken port ends the process with a message that names it, without a traceback."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ports = ",".join(f"{name}=0" for name in [*DEPENDENCIES][1:]) + f",control=0,ticker_service={port}"
        with pytest.raises(SystemExit) as ended:
            dependencies.main(["--ports", ports])
    assert ended.value.code == 2
    assert f"port {port}" in capsys.readouterr().err
