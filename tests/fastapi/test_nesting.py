"""Labels of requests to applications in applications: every nesting of Mount, Host, Router and included router."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import BaseRoute, Host, Mount, Route, Router
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from fastapi import APIRouter, FastAPI
from signalscope.fastapi import ApiMetrics, instrument_app
from signalscope.testing import Captured, capture

REQUESTS = "signal_service_api_requests_total"
CONCURRENT = "signal_service_concurrent_requests"


@pytest.fixture
def captured() -> Iterator[Captured]:
    """Return the points that the test records."""
    with capture() as captured:
        yield captured


class _Labels:
    """The endpoint and the status of each request, and the group that it had while it ran."""

    def __init__(self, app: ASGIApp, captured: Captured, root_path: str = "") -> None:
        self._captured = captured
        self._groups: list[str] = []
        self._app = httpx.ASGITransport(app, raise_app_exceptions=False, root_path=root_path)

    async def of(self, path: str, host: str = "service", method: str = "GET") -> tuple[str, str, int]:
        """Send a request; return its endpoint, endpoint group and status."""
        before, _groups[:] = self._requests(), []
        async with httpx.AsyncClient(transport=self._app, base_url=f"http://{host}") as client:
            await client.request(method, path)
        after = self._requests()
        ((endpoint, status),) = [key for key, count in after.items() if count != before.get(key, 0)]
        return endpoint, _groups[0] if _groups else "", int(status)

    def _requests(self) -> dict[tuple[str, str], float]:
        points = self._captured.points(REQUESTS)
        return {(p.labels["endpoint"], p.labels["status_code"]): p.value for p in points}


_groups: list[str] = []


class _Spy:
    """ASGI middleware that notes the group of the request in progress, in front of an application."""

    def __init__(self, app: ASGIApp, captured: Captured) -> None:
        self.app = app
        self._captured = captured

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        _groups.extend(p.labels["endpoint_group"] for p in self._captured.points(CONCURRENT))
        await self.app(scope, receive, send)


async def _page(_: Request) -> PlainTextResponse:
    return PlainTextResponse("")


async def _raw(scope: Scope, receive: Receive, send: Send) -> None:
    await PlainTextResponse("")(scope, receive, send)


def _fastapi(*paths: str, **options: Any) -> FastAPI:
    app = FastAPI(openapi_url=None, **options)
    for path in paths:
        app.add_api_route(path, lambda: "", methods=["GET"])
    return app


def _routes(*paths: str) -> list[BaseRoute]:
    return [Route(path, _page) for path in paths]


def _outer(kind: str, *routes: BaseRoute) -> Starlette:
    if kind == "starlette":
        return Starlette(routes=list(routes))
    app = FastAPI(openapi_url=None)
    app.router.routes.extend(routes)
    return app


def _inner(kind: str, *paths: str) -> ASGIApp:
    kinds: dict[str, Callable[[], ASGIApp]] = {
        "starlette": lambda: Starlette(routes=_routes(*paths)),
        "fastapi": lambda: _fastapi(*paths),
        "router": lambda: Router(_routes(*paths)),
        "middleware": lambda: GZipMiddleware(Starlette(routes=_routes(*paths))),
        "hidden": lambda: _hidden(_fastapi(*paths)),
    }
    return kinds[kind]()


def _hidden(app: ASGIApp) -> ASGIApp:
    """Return a raw ASGI application that calls another one; its routes cannot be read."""

    async def call(scope: Scope, receive: Receive, send: Send) -> None:
        await app(scope, receive, send)

    return call


def _measured(app: Starlette, captured: Captured) -> _Labels:
    app.user_middleware.append(Middleware(functools.partial(_Spy, captured=captured)))
    instrument_app(app, routes=False)
    return _Labels(app, captured)


@pytest.mark.parametrize("inner", ["starlette", "fastapi", "router", "middleware", "hidden"])
@pytest.mark.parametrize("outer", ["starlette", "fastapi"])
async def test_a_mounted_route_has_the_templates_of_all_its_mounts(
    captured: Captured, outer: str, inner: str
) -> None:
    """A mount's parameter stays a parameter, and mounts in mounts add up, with each kind of application inside."""
    app = _outer(
        outer,
        Mount("/admin", _inner(inner, "/users/{name}", "/")),
        Mount("/tenants/{tenant}", _inner(inner, "/orders/{number:int}")),
        Mount("/api/v1", Router([Mount("/desk", _inner(inner, "/book/{name}"))])),
        Route("/top", _page),
    )
    labels = _measured(app, captured)
    assert await labels.of("/admin/users/alice") == ("/admin/users/{name}", "admin", 200)
    assert await labels.of("/admin/") == ("/admin/", "admin", 200)
    assert await labels.of("/tenants/acme/orders/7") == (
        "/tenants/{tenant}/orders/{number:int}", "tenants", 200,
    )  # fmt: skip
    assert await labels.of("/api/v1/desk/book/eu") == ("/api/v1/desk/book/{name}", "desk", 200)
    assert await labels.of("/top") == ("/top", "top", 200)
    assert await labels.of("/none") == ("unmatched", "unmatched", 404)


@pytest.mark.parametrize("inner", ["starlette", "fastapi", "router", "middleware"])
@pytest.mark.parametrize("outer", ["starlette", "fastapi"])
async def test_the_groups_of_an_api_below_a_version_are_those_of_the_mounted_routes(
    captured: Captured, outer: str, inner: str
) -> None:
    """`api` and `v1` of the mount are skipped, and so are parameters in front of a known segment."""
    app = _outer(
        outer,
        Mount("/api/v1", _inner(inner, "/orders/{number}", "/quotes")),
        Mount("/{tenant}", _inner(inner, "/books/{name}")),
    )
    labels = _measured(app, captured)
    assert await labels.of("/api/v1/orders/7") == ("/api/v1/orders/{number}", "orders", 200)
    assert await labels.of("/api/v1/quotes") == ("/api/v1/quotes", "quotes", 200)
    assert await labels.of("/acme/books/eu") == ("/{tenant}/books/{name}", "books", 200)
    assert (await labels.of("/acme/wp-login.php"))[1] == "unmatched"


@pytest.mark.parametrize("outer", ["starlette", "fastapi"])
async def test_a_mount_that_answers_itself_is_the_endpoint(
    captured: Captured, outer: str, tmp_path: Path
) -> None:
    """Files, raw ASGI applications and a sub-application without a route for the path have the path of the mount."""
    (tmp_path / "a.txt").write_text("a", encoding="utf-8")
    app = _outer(
        outer,
        Mount("/static", StaticFiles(directory=tmp_path), name="static"),
        Mount("/nested/assets", StaticFiles(directory=tmp_path)),
        Mount("/raw/{name}", _raw),
        Mount("/sub", Starlette(routes=_routes("/known", "/slash/"))),
        Mount("/wrapped", GZipMiddleware(StaticFiles(directory=tmp_path))),
    )
    labels = _measured(app, captured)
    assert await labels.of("/static/a.txt") == ("/static", "static", 200)
    assert await labels.of("/static/b.txt") == ("/static", "static", 404)
    assert await labels.of("/nested/assets/a.txt") == ("/nested/assets", "nested", 200)
    assert await labels.of("/raw/one/two") == ("/raw/{name}", "raw", 200)
    assert await labels.of("/sub/none") == ("/sub", "sub", 404)
    assert await labels.of("/sub/known", method="POST") == ("/sub/known", "sub", 405)
    assert await labels.of("/sub/slash") == ("/sub", "sub", 307)
    assert await labels.of("/wrapped/a.txt") == ("/wrapped", "wrapped", 200)
    kinds = {p.labels["endpoint"]: p.labels["operation_type"] for p in captured.points(_DURATION)}
    assert kinds["/static"] == "static"
    assert kinds["/raw/{name}"] == "/raw/{name}"


_DURATION = "signal_service_api_request_duration_seconds"


@pytest.mark.parametrize("outer", ["starlette", "fastapi"])
async def test_a_mount_at_the_root_has_its_own_routes(captured: Captured, outer: str, tmp_path: Path) -> None:
    """Routes of an application at the root have no prefix; files at the root are `/`, unknown paths unmatched."""
    (tmp_path / "index.html").write_text("a", encoding="utf-8")
    sub = _measured(
        _outer(outer, Route("/own", _page), Mount("/", _inner("fastapi", "/orders/{n}"))), captured
    )
    assert await sub.of("/own") == ("/own", "own", 200)
    assert await sub.of("/orders/1") == ("/orders/{n}", "orders", 200)
    assert await sub.of("/none") == ("unmatched", "unmatched", 404)
    files = _measured(_outer(outer, Mount("/", StaticFiles(directory=tmp_path, html=True))), captured)
    assert await files.of("/") == ("/", "/", 200)
    assert await files.of("/index.html") == ("/", "/", 200)


@pytest.mark.parametrize("outer", ["starlette", "fastapi"])
async def test_hosts_have_the_routes_of_their_applications(captured: Captured, outer: str) -> None:
    """The same path on another host is the route of that host; the endpoint does not contain the host."""
    app = _outer(
        outer,
        Host("api.service", Starlette(routes=_routes("/orders/{number}"))),
        Host(
            "{tenant}.service", Router([Mount("/desk", _fastapi("/orders/{name}")), *_routes("/orders/all")])
        ),
        Host("raw", _raw),
        Route("/orders/top", _page),
    )
    labels = _measured(app, captured)
    assert await labels.of("/orders/1", "api.service") == ("/orders/{number}", "orders", 200)
    assert await labels.of("/orders/all", "acme.service") == ("/orders/all", "orders", 200)
    assert await labels.of("/desk/orders/x", "acme.service") == ("/desk/orders/{name}", "desk", 200)
    assert await labels.of("/orders/top") == ("/orders/top", "orders", 200)
    assert (await labels.of("/anything/at/all", "raw"))[0] == "/"
    assert (await labels.of("/none", "api.service"))[0] == "unmatched"


@pytest.mark.parametrize("outer", ["starlette", "fastapi"])
async def test_one_function_and_one_application_at_several_places(captured: Captured, outer: str) -> None:
    """The path tells which of the routes of a function, and which of the mounts of an application, it was."""
    sub = Starlette(routes=_routes("/a/{x}", "/b/{y}"))
    app = _outer(outer, *_routes("/a/{x}", "/b/{y}"), Mount("/one", sub), Mount("/two/{z}", sub))
    labels = _measured(app, captured)
    for prefix, template in (("", ""), ("/one", "/one"), ("/two/2", "/two/{z}")):
        assert (await labels.of(f"{prefix}/a/1"))[0] == f"{template}/a/{{x}}"
        assert (await labels.of(f"{prefix}/b/1"))[0] == f"{template}/b/{{y}}"


async def test_included_routers(captured: Captured) -> None:
    """The prefix of `include_router` comes before what the router contains, in a mounted application too."""
    desk = APIRouter(prefix="/desk")
    desk.add_api_route("/orders/{number}", lambda: "", methods=["GET"])
    desk.add_route("/plain/{name}", _page)
    sub = FastAPI(openapi_url=None)
    sub.include_router(desk, prefix="/eu", tags=["europe"])
    app = FastAPI(openapi_url=None)
    app.include_router(desk, prefix="/api/v1", tags=["trading"])
    app.mount("/regions/{region}", sub)
    labels = _measured(app, captured)
    assert await labels.of("/api/v1/desk/orders/1") == ("/api/v1/desk/orders/{number}", "desk", 200)
    assert await labels.of("/api/v1/plain/x") == ("/api/v1/plain/{name}", "plain", 200)
    assert await labels.of("/regions/a/eu/desk/orders/1") == (
        "/regions/{region}/eu/desk/orders/{number}", "regions", 200,
    )  # fmt: skip
    assert (await labels.of("/regions/a/eu/plain/x"))[0] == "/regions/{region}/eu/plain/{name}"
    kinds = {p.labels["endpoint"]: p.labels["operation_type"] for p in captured.points(_DURATION)}
    assert kinds["/regions/{region}/eu/desk/orders/{number}"] == "europe"


async def test_mounts_of_an_included_router(captured: Captured) -> None:
    """Versions of FastAPI that include the mounts of a router give them the prefix of `include_router`."""
    desk = APIRouter()
    desk.mount("/files", _raw)
    desk.mount("/apps/{name}", Starlette(routes=_routes("/x/{y}")))
    app = FastAPI(openapi_url=None)
    app.include_router(desk, prefix="/api")
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://service") as client:
        if (await client.get("/api/files/a")).status_code == 404:
            pytest.skip("this version of FastAPI does not include the mounts of a router")
    app.middleware_stack = None
    labels = _measured(app, captured)
    assert await labels.of("/api/files/a") == ("/api/files", "files", 200)
    assert await labels.of("/api/apps/n/x/1") == ("/api/apps/{name}/x/{y}", "apps", 200)


@pytest.mark.parametrize("outer", ["starlette", "fastapi"])
async def test_a_root_path_of_the_server_or_the_application_is_no_part(
    captured: Captured, outer: str
) -> None:
    """Neither the prefix that a proxy strips nor one that the server passes on is in the labels."""
    app = _outer(outer, Mount("/admin", _inner(outer, "/users/{name}")), Route("/top", _page))
    _measured(app, captured)
    labels = _Labels(app, captured, root_path="/gateway")
    assert await labels.of("/gateway/admin/users/a") == ("/admin/users/{name}", "admin", 200)
    assert await labels.of("/gateway/top") == ("/top", "top", 200)
    assert await labels.of("/top") == ("/top", "top", 200)


@pytest.mark.filterwarnings("ignore:The `root_path` parameter is deprecated")
async def test_an_application_with_its_own_root_path(captured: Captured) -> None:
    """`FastAPI(root_path=...)` in the outer or the mounted application changes no label."""
    app = FastAPI(openapi_url=None, root_path="/gateway")
    app.add_api_route("/top", lambda: "")
    app.mount("/admin", Starlette(routes=_routes("/users/{name}")))
    labels = _measured(app, captured)
    assert await labels.of("/top") == ("/top", "top", 200)
    assert await labels.of("/gateway/top") == ("/top", "top", 200)
    assert await labels.of("/gateway/admin/users/a") == ("/admin/users/{name}", "admin", 200)


async def test_the_middleware_around_an_application(captured: Captured) -> None:
    """`ApiMetrics` around any ASGI application finds the routes inside."""
    inner = Starlette(routes=[Mount("/admin", Starlette(routes=_routes("/users/{name}"))), *_routes("/top")])
    for app in (ApiMetrics(inner), ApiMetrics(GZipMiddleware(inner)), ApiMetrics(inner.router)):
        labels = _Labels(app, captured)
        assert (await labels.of("/admin/users/a"))[0] == "/admin/users/{name}"
        assert (await labels.of("/top"))[0] == "/top"
        assert (await labels.of("/none"))[0] == "unmatched"


@pytest.mark.parametrize("outer", ["starlette", "fastapi"])
async def test_a_middleware_that_copies_or_rewrites_the_scope(captured: Captured, outer: str) -> None:
    """A route in a copy of the scope is found by its path; an unknown path stays unmatched."""

    class Copying:
        def __init__(self, app: ASGIApp) -> None:
            self.app = app

        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            await self.app({**scope}, receive, send)

    app = _outer(outer, Mount("/admin", _inner(outer, "/users/{name}")), Route("/top/{x}", _page))
    app.add_middleware(Copying)
    if isinstance(app, FastAPI):
        router = APIRouter(prefix="/api")
        router.add_api_route("/orders/{number}", lambda: "", methods=["GET"])
        app.include_router(router)
    labels = _measured(app, captured)
    assert (await labels.of("/admin/users/a"))[0] == "/admin/users/{name}"
    assert (await labels.of("/top/1"))[0] == "/top/{x}"
    assert (await labels.of("/none"))[0] == "unmatched"
    if isinstance(app, FastAPI):
        assert (await labels.of("/api/orders/1"))[0] == "/api/orders/{number}"


@pytest.mark.parametrize("add", ["append", "replace"])
async def test_routes_added_to_a_mounted_application_later(captured: Captured, add: str) -> None:
    """A route that a sub-application gets after the first request has its group and its endpoint."""
    sub = Starlette(routes=_routes("/old"))
    labels = _measured(Starlette(routes=[Mount("/api/v1", sub)]), captured)
    assert await labels.of("/api/v1/old") == ("/api/v1/old", "old", 200)
    late = Route("/late/{x}", _page)
    if add == "append":
        sub.router.routes.append(late)
    else:
        sub.router.routes = [*sub.router.routes, late]
    assert await labels.of("/api/v1/late/1") == ("/api/v1/late/{x}", "late", 200)


async def test_files_of_a_frontend(captured: Captured, tmp_path: Path) -> None:
    """Files of `FastAPI.frontend`, which answers what no route matches, have its path, in a mount too."""
    if not hasattr(FastAPI, "frontend"):
        pytest.skip("this version of FastAPI has no frontend")
    (tmp_path / "a.js").write_text("a", encoding="utf-8")
    sub = _fastapi("/orders/{number}")
    sub.frontend("/", directory=tmp_path)
    app = _fastapi("/top")
    app.frontend("/web", directory=tmp_path)
    app.mount("/sub", sub)
    labels = _measured(app, captured)
    assert await labels.of("/top") == ("/top", "top", 200)
    assert await labels.of("/web/a.js") == ("/web", "web", 200)
    assert await labels.of("/sub/a.js") == ("/sub/", "sub", 200)
    assert await labels.of("/sub/orders/1") == ("/sub/orders/{number}", "sub", 200)
    assert (await labels.of("/none"))[0] == "unmatched"


async def test_a_route_of_its_own_class(captured: Captured) -> None:
    """A route that matches in its own way is the endpoint; one that fails to match a second time breaks nothing."""

    class Once(Route):
        calls = 0

        def matches(self, scope: Scope) -> Any:
            type(self).calls += 1
            if self.calls > 1:
                raise RuntimeError(self.calls)
            return super().matches(scope)

    app = Starlette(routes=[Mount("/sub", Starlette(routes=[Once("/once", _page)]))])
    labels = _measured(app, captured)
    assert (await labels.of("/sub/once"))[0] == "/sub/once"
