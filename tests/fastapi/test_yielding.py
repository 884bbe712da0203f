"""The application's own routes answer first, in any order of routes, and do not change."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from opentelemetry.metrics import NoOpMeterProvider
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from fastapi import APIRouter, FastAPI
from signalscope.fastapi import instrument_app, router, uninstrument_app
from signalscope.health import _report as _health

Add = Callable[[FastAPI], None]
PATHS = ("/health", "/health/detailed", "/metrics", "/monitoring/metrics", "/monitoring/enhanced-metrics")


def _included(app: FastAPI) -> None:
    app.include_router(router)


def _instrumented(app: FastAPI) -> None:
    instrument_app(app)


@pytest.fixture(autouse=True)
def _public(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("SIGNALSCOPE_MONITORING_PUBLIC", "true")
    monkeypatch.setenv("SIGNALSCOPE_MONITORING_RATE", "10000")
    _health._reported.components.clear()
    yield
    _health._reported.components.clear()


async def _get(app: Starlette, path: str, method: str = "GET") -> httpx.Response:
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
        return await client.request(method, path)


def _host(app: FastAPI) -> None:
    for path in PATHS:

        @app.get(path, name="health")
        async def mine(request: Request) -> dict[str, str]:
            return {"host": request.url.path}


@pytest.mark.parametrize("add", [_included, _instrumented])
@pytest.mark.parametrize("first", ["ours", "theirs"])
async def test_routes_of_the_application_win(add: Add, first: str) -> None:
    """With the router or `instrument_app`, before or after the application adds the same paths; also in OpenAPI."""
    app = FastAPI()
    if first == "ours":
        add(app)
    _host(app)
    if first == "theirs":
        add(app)
    for path in PATHS:
        answer = await _get(app, path)
        assert answer.json() == {"host": path}
    assert (await _get(app, "/health/live")).json() == {"status": "healthy", "failing": []}
    async with app.router.lifespan_context(app):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            schema = app.openapi()
    for path in PATHS:
        assert not schema["paths"][path]["get"]["operationId"].startswith("signalscope_")


@pytest.mark.parametrize("add", [_included, _instrumented])
async def test_no_existing_response_changes(add: Add, tmp_path: Path) -> None:
    """Other methods, trailing slashes, catch-alls, mounts and 404s answer as without signalscope."""
    (tmp_path / "metrics").write_text("a file", encoding="utf-8")

    def make() -> FastAPI:
        app = FastAPI()

        @app.post("/health")
        async def post_only() -> str:
            return "posted"

        @app.get("/health/detailed/")
        async def slashed() -> str:
            return "slashed"

        app.mount("/files", StaticFiles(directory=tmp_path))
        app.mount("/old", FastAPI())

        @app.get("/monitoring/{name}")
        async def anything(name: str) -> str:
            return name

        return app

    plain, changed = make(), make()
    add(changed)
    requests = [
        ("GET", "/health"), ("POST", "/health"), ("HEAD", "/health"), ("GET", "/health/detailed"),
        ("GET", "/health/detailed/"), ("GET", "/files/metrics"), ("GET", "/old/health"),
        ("GET", "/monitoring/metrics"), ("PUT", "/monitoring/metrics"), ("GET", "/nothing"), ("GET", "/docs"),
    ]  # fmt: skip
    for method, path in requests:
        before, after = await _get(plain, path, method), await _get(changed, path, method)
        assert (before.status_code, before.content, before.headers) == (
            after.status_code, after.content, after.headers
        ), (method, path)  # fmt: skip
    assert (await _get(changed, "/metrics")).status_code in (200, 503)


async def test_a_catch_all_of_the_application_is_its_own() -> None:
    """The catch-all answers all paths; to have both, mount signalscope's routes before it."""
    app = FastAPI()
    app.include_router(router)
    own = FastAPI()
    own.include_router(router)
    app.mount("/ops", own)

    @app.get("/{path:path}")
    async def everything(path: str) -> str:
        return path

    assert (await _get(app, "/health")).json() == "health"
    assert (await _get(app, "/ops/health")).json()["components"]["api"]


@pytest.mark.parametrize("add", [_included, _instrumented])
async def test_spans_name_the_route_that_answers(add: Add) -> None:
    """For /health the official instrumentor uses the application's catch-all, not signalscope's route."""
    app = FastAPI()
    add(app)

    @app.get("/{path:path}")
    async def everything(path: str) -> str:
        return path

    spans = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(spans))
    FastAPIInstrumentor.instrument_app(app, tracer_provider=provider, meter_provider=NoOpMeterProvider())
    async with app.router.lifespan_context(app):
        assert (await _get(app, "/health")).json() == "health"
    (served,) = (span for span in spans.get_finished_spans() if span.kind is SpanKind.SERVER)
    assert served.name == "GET /{path:path}"


@pytest.mark.parametrize("prefix", ["/ops", "/a/b"])
async def test_a_prefix_and_nested_routers_work(prefix: str) -> None:
    """Under a prefix, in another router, included twice; the application's routes under the prefix answer first."""
    app, outer = FastAPI(), APIRouter(prefix="/outer")
    outer.include_router(router)
    app.include_router(router, prefix=prefix)
    app.include_router(outer)

    @app.get(f"{prefix}/health")
    async def mine() -> str:
        return "mine"

    assert (await _get(app, f"{prefix}/health")).json() == "mine"
    assert (await _get(app, f"{prefix}/health/live")).status_code == 200
    assert (await _get(app, "/outer/health")).json()["components"]["api"]
    assert (await _get(app, "/outer/monitoring/enhanced-metrics")).status_code == 200
    assert (await _get(app, "/health")).status_code == 404
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # two operations with the same id would be a warning
        assert f"{prefix}/health/live" in app.openapi()["paths"]


async def test_mounted_applications_have_their_own() -> None:
    """In a mounted application and as a mounted router; routes of the outer application have no effect."""
    inner = FastAPI()
    inner.include_router(router)
    app = FastAPI(routes=[Mount("/plain", router)])
    app.mount("/inner", inner)

    @app.get("/health")
    async def outer_one() -> str:
        return "outer"

    assert (await _get(app, "/inner/health")).json()["components"]["api"]
    assert (await _get(app, "/plain/health/live")).status_code == 200
    assert (await _get(app, "/health")).json() == "outer"


async def test_a_starlette_application_gets_the_routes_where_it_has_none() -> None:
    """Without FastAPI, signalscope answers paths without a route; `uninstrument_app` restores the application."""

    async def own(_: Request) -> Response:
        return PlainTextResponse("own")

    app = Starlette(routes=[Route("/health", own)])
    instrument_app(app)
    instrument_app(app)
    assert (await _get(app, "/health")).text == "own"
    assert (await _get(app, "/health/live")).status_code == 200
    assert (await _get(app, "/monitoring/enhanced-metrics")).status_code == 200
    assert (await _get(app, "/nothing")).status_code == 404
    uninstrument_app(app)
    assert (await _get(app, "/health/live")).status_code == 404


async def test_instrumenting_can_be_undone_and_repeated() -> None:
    """Routes are added once and removed again; an included router is not added again."""
    app = FastAPI()
    described = app.openapi
    instrument_app(app)
    instrument_app(app)
    assert list(app.openapi()["paths"]).count("/health") == 1
    assert (await _get(app, "/health/live")).status_code == 200
    uninstrument_app(app)
    assert (await _get(app, "/health/live")).status_code == 404
    assert app.openapi == described
    assert app.openapi()["paths"] == {}
    bare = FastAPI()
    instrument_app(bare, routes=False)
    assert (await _get(bare, "/health/live")).status_code == 404
    included = FastAPI()
    included.include_router(router)
    before = len(included.router.routes)
    instrument_app(included)
    assert len(included.router.routes) == before
