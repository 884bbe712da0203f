"""Calls of HTTP clients to external services, in oldest and newest versions, with official instrumentors."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from opentelemetry.instrumentation.utils import suppress_instrumentation
from tests.collector.conftest import Collector
from tests.instrumentation.cases import Case, assert_identity, each_version, run
from tests.ports import free_port

from signalscope import instrument_dependency
from signalscope.instrumentation._base import _services
from signalscope.instrumentation.httpx import HttpxInstrumentor
from signalscope.testing import Captured, capture

DURATIONS = ("signal_service_external_service_duration_seconds_count", "service_name", "operation", "outcome")
ERRORS = ("signal_service_dependency_errors_total", "service_name", "error_type", "impact_level")
EXPECTED: Mapping[tuple[str, ...], Mapping[tuple[str, ...], float]] = {
    DURATIONS: {
        ("ticker_service", "GET", "success"): 4,  # one of them with a redirect
        ("ticker_service", "GET", "error"): 2,
        ("ticker_service", "POST", "success"): 1,
        ("config_service", "GET", "success"): 1,
    },
    ERRORS: {("ticker_service", "503", "critical"): 2},
}
SERVER = """
import sys, threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        path = self.path.partition("?")[0]
        if path == "/moved":
            self.send_response(302)
            self.send_header("Location", "/quote")
        else:
            self.send_response({"/down": 503, "/none": 404}.get(path, 200))
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()
    def log_message(self, *args):
        pass
port = int(sys.argv[1])
server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
base = f"http://127.0.0.1:{port}"
"""
OFFICIAL = "opentelemetry-instrumentation-"

HTTPX = Case(
    versions=(("httpx==0.24.1", f"{OFFICIAL}httpx==0.66b2"), ("httpx==0.28.1", f"{OFFICIAL}httpx==0.66b2")),
    instrumentor="httpx:HttpxInstrumentor",
    program=SERVER
    + """
import asyncio, httpx
with httpx.Client(base_url=base) as client:
    print(client.get("/quote").text, client.get("/none").status_code)
    print(client.get("/moved", follow_redirects=True).url.path)
    print(client.get("/down").status_code, client.post("/quote", content=b"x").status_code)
    try:
        client.get("/down").raise_for_status()
    except httpx.HTTPStatusError as error:
        print(error.response.status_code)
async def main():
    async with httpx.AsyncClient() as client:
        print((await client.get(f"{base}/quote")).status_code)
        print((await client.get(f"http://localhost:{port}/v2/settings")).status_code)
        print((await client.get(f"http://localhost:{port}/elsewhere")).status_code)
        try:
            await client.get("http://127.0.0.1:9/")
        except httpx.ConnectError as error:
            print(type(error).__name__)
asyncio.run(main())
""",
    expected=EXPECTED,
    names=("httpx._client:Client.send", "httpx._client:AsyncClient.send"),
    call="""
        import httpx
        client = httpx.Client(transport=httpx.MockTransport(lambda request: httpx.Response(200)))
        client.get("http://ticker-service:80/")
    """,
    counted="signal_service.external_service.duration",
)

REQUESTS = Case(
    versions=(
        ("requests==2.28.2", f"{OFFICIAL}requests==0.66b2"),
        ("requests==2.34.2", f"{OFFICIAL}requests==0.66b2"),
    ),
    instrumentor="requests:RequestsInstrumentor",
    program=SERVER
    + """
import requests
print(requests.get(f"{base}/quote").text, requests.get(f"{base}/none").status_code)
with requests.Session() as session:
    print(session.get(f"{base}/moved").request.path_url, session.get(f"{base}/down").status_code)
    print(session.post(f"{base}/quote", data=b"x").status_code)
    request = session.prepare_request(requests.Request("GET", f"{base}/quote"))
    print(session.send(request).status_code)
    print(session.get(f"http://localhost:{port}/v2/settings").status_code)
    print(session.get(f"http://localhost:{port}/elsewhere").status_code)
    try:
        session.get(f"{base}/down").raise_for_status()
    except requests.HTTPError as error:
        print(error.response.status_code)
    try:
        session.get("http://127.0.0.1:9/")
    except requests.ConnectionError as error:
        print(type(error).__name__)
""",
    expected=EXPECTED,
    names=("requests.sessions:Session.send",),
    call="""
        import requests
        class Adapter(requests.adapters.BaseAdapter):
            def send(self, request, **kwargs):
                response = requests.Response()
                response.status_code, response.request, response.raw = 200, request, __import__("io").BytesIO()
                return response
            def close(self): pass
        session = requests.Session()
        session.mount("http://", Adapter())
        session.get("http://ticker-service:80/")
    """,
    counted="signal_service.external_service.duration",
)

AIOHTTP = Case(
    versions=(
        ("aiohttp==3.9.5", f"{OFFICIAL}aiohttp-client==0.66b1"),
        ("aiohttp==3.14.5", f"{OFFICIAL}aiohttp-client==0.66b1"),
    ),
    instrumentor="aiohttp_client:AiohttpClientInstrumentor",
    program=SERVER
    + """
import asyncio, aiohttp
async def main():
    async with aiohttp.ClientSession(base) as session:
        async with session.get("/quote") as response:
            print(await response.text())
        print((await session.get("/none")).status, (await session.get("/quote")).status)
        async with session.get("/moved") as response:
            print(response.url.path, len(response.history))
        print((await session.post("/quote", data=b"x")).status, (await session.get("/down")).status)
        try:
            await session.ws_connect("/quote")  # a handshake, and no call
        except aiohttp.WSServerHandshakeError as error:
            print(error.status)
        try:
            await session.get("/down", raise_for_status=True)
        except aiohttp.ClientResponseError as error:
            print(error.status)
    async with aiohttp.ClientSession() as session:
        print((await session.get(f"http://localhost:{port}/v2/settings")).status)
        print((await session.get(f"http://localhost:{port}/elsewhere")).status)
        try:
            await session.get("http://127.0.0.1:9/")
        except aiohttp.ClientConnectorError as error:
            print(type(error).__name__)
asyncio.run(main())
""",
    expected=EXPECTED,
    names=("aiohttp.client:ClientSession._request",),
    call="""
        import asyncio, aiohttp
        async def main():
            async with aiohttp.ClientSession() as session:
                await session.get("http://ticker_service.invalid:9/")
        try:
            asyncio.run(main())
        except aiohttp.ClientConnectorError:
            pass
    """,
    counted="signal_service.external_service.duration",
)

CASES = {"httpx": HTTPX, "requests": REQUESTS, "aiohttp": AIOHTTP}


@pytest.mark.needs("collector")
@each_version(CASES)
def test_a_program_under_the_launcher(
    case: Case, versions: tuple[str, ...], one_collector: Collector, tmp_path: Path
) -> None:
    """Each call of a known service counts once, also with redirects; unknown hosts do not; spans name the service."""
    port = free_port()
    services = f"ticker_service(critical)=127.0.0.1:{port};config_service=localhost:{port}/v2"
    ran = run(case, versions, one_collector, tmp_path, str(port), SIGNALSCOPE_SERVICES=services)
    service = next(labels["job"] for _, labels, _ in ran.series.rows)
    known = {"ticker_service", "config_service"}
    one_collector.when(lambda: known <= {*_peers(one_collector, service)}, "client spans with their service")
    assert {*_peers(one_collector, service)} == known


@pytest.mark.needs("collector")
def test_calls_count_when_no_span_is_sampled(one_collector: Collector, tmp_path: Path) -> None:
    """Calls count without a sampled span, and without the official instrumentor."""
    port = free_port()
    services = f"ticker_service(critical)=127.0.0.1:{port};config_service=localhost:{port}/v2"
    off = {"OTEL_TRACES_SAMPLER": "always_off", "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "httpx"}
    run(HTTPX, HTTPX.versions[1], one_collector, tmp_path, str(port), SIGNALSCOPE_SERVICES=services, **off)


def _peers(collector: Collector, service: str) -> list[str]:
    """Return the values of `peer.service` of the spans of one program."""
    services = []
    lines = collector.traces.read_text(encoding="utf-8").splitlines() if collector.traces.exists() else []
    for line in lines:
        try:
            spans = json.loads(line)
        except ValueError:  # the last line may be incomplete
            continue
        for of_resource in spans["resourceSpans"]:
            names = {
                attribute["key"]: attribute["value"] for attribute in of_resource["resource"]["attributes"]
            }
            if names["service.name"] == {"stringValue": service}:
                for scope in of_resource["scopeSpans"]:
                    for span in scope["spans"]:
                        own = {
                            attribute["key"]: attribute["value"] for attribute in span.get("attributes", ())
                        }
                        if "peer.service" in own:
                            services.append(own["peer.service"]["stringValue"])
    return services


@each_version(CASES)
def test_uninstrumenting_gives_the_same_objects_back(
    case: Case, versions: tuple[str, ...], tmp_path: Path
) -> None:
    """A second `instrument` changes nothing; `uninstrument` stops the counts and restores the same objects."""
    assert_identity(case, versions, tmp_path)


@pytest.fixture
def captured() -> Iterator[Captured]:
    """Return the recorded metrics of httpx."""
    HttpxInstrumentor().instrument()
    with capture() as captured:
        yield captured
    HttpxInstrumentor().uninstrument()


@pytest.fixture
def _read_again() -> Iterator[None]:
    """Read SIGNALSCOPE_SERVICES again, for the test and after it."""
    _services._addresses.cache_clear()
    yield
    _services._addresses.cache_clear()


def _get(url: str) -> httpx.Response:
    with httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(200))) as client:
        return client.get(url)


def test_a_call_inside_of_a_decorated_one_counts_once(captured: Captured) -> None:
    """Only `@instrument_dependency` records; the client inside does not, also in tasks of the call."""

    @instrument_dependency(service_name="ticker_service", operation="quote")
    def decorated() -> None:
        _get("http://ticker-service/quote")

    @instrument_dependency(service_name="ticker_service", operation="quotes")
    async def several() -> None:
        await asyncio.gather(*(asyncio.to_thread(_get, "http://ticker-service/") for _ in range(2)))

    decorated()
    asyncio.run(several())
    points = captured.points("signal_service.external_service.duration")
    assert {(point.labels["operation"], point.count) for point in points} == {("quote", 1), ("quotes", 1)}
    _get("http://ticker-service/quote")
    assert captured.count("signal_service.external_service.duration", operation="GET") == 1


def test_suppression_is_respected(captured: Captured) -> None:
    """Requests are not recorded inside `suppress_instrumentation`, which exporters use."""
    with suppress_instrumentation():
        _get("http://ticker-service/quote")
    assert captured.points("signal_service.external_service.duration") == []


@pytest.mark.parametrize(
    ("url", "name", "criticality"),
    [
        ("http://ticker.internal:8001/quote", "ticker_service", "critical"),
        ("http://ticker.internal/quote", None, None),  # another port
        ("https://10.0.0.7/", "ticker_service", "critical"),
        ("https://api.example.com/v2/options", "market_data", "mandatory"),
        ("https://api.example.com/v1/options", None, None),
        ("HTTP://Alert-Service.trading.svc.cluster.local:8080/x", "alert_service", "high"),
        ("http://comms_service/x", "comms_service", "high"),
        ("http://[::1]:9000/", "local", "high"),
        ("http://example.com/", None, None),
        ("not a url", None, None),
        ("http://host:notaport/", None, None),
    ],
)
@pytest.mark.usefixtures("_read_again")
def test_which_service_a_host_is(
    url: str, name: str | None, criticality: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A service matches by host, port, path, pattern or its own name; other hosts are not services."""
    monkeypatch.setenv(
        "SIGNALSCOPE_SERVICES",
        "ticker_service(critical)=ticker.internal:8001, http://10.0.0.*; market_data(mandatory)=api.example.com/v2;"
        "local=[::1]:9000",
    )
    service = _services.service_at(url)
    assert (service.name if service else None, service.criticality if service else None) == (
        name,
        criticality,
    )


@pytest.mark.parametrize("wrong", ["ticker", "ticker(vital)=host", "=host", "a b=c", "ticker=ho st:1:2:3"])
@pytest.mark.usefixtures("_read_again")
def test_a_mistake_in_the_setting_is_logged_and_costs_only_itself(
    wrong: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The message has the variable, the wrong part and an example; the other parts are used."""
    monkeypatch.setenv("SIGNALSCOPE_SERVICES", f"{wrong};right=host")
    service: Any = _services.service_at("http://host/")
    assert service.name == "right"
    assert "SIGNALSCOPE_SERVICES" in caplog.text
    assert "write for example ticker_service(critical)=" in caplog.text
