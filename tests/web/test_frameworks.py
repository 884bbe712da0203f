"""Flask and Django applications are measured as FastAPI's: routes, statuses, tiers, streams and failures."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.instrumentation.environments import environment

_BEGINNING = '''
import json, sys
from wsgiref.util import setup_testing_defaults
from signalscope import user_context
from signalscope.instrumentation.{module} import {instrumentor}
from signalscope.testing import capture

instrumentor = {instrumentor}()

def parts():
    yield b"a"
    yield b"b"

def broken():
    yield b"a"
    raise ValueError("no more")

def get(app, path, **more):
    """Call the application as a server does; the status, and what the exception of the body was."""
    environ = {{"PATH_INFO": path}} | more
    setup_testing_defaults(environ)
    statuses = []
    body = app(environ, lambda status, headers, *_: statuses.append(status[:3]))
    try:
        b"".join(body)
    except ValueError as error:
        statuses.append(str(error))
    finally:
        getattr(body, "close", lambda: None)()
    return statuses

def rows(captured):
    """Each endpoint with its method, status and tier: the number of its requests."""
    points = captured.points("signal_service_api_requests_total")
    keys = ("endpoint", "method", "status_code", "user_tier")
    return [[*(point.labels[key] for key in keys), point.value] for point in points]

def groups():
    """The concurrent requests of each group."""
    return {{p.labels["endpoint_group"]: p.value for p in captured.points("signal_service_concurrent_requests")}}

during = []

def show(captured, answers):
    kinds = {{p.labels["endpoint"]: p.labels["operation_type"]
             for p in captured.points("signal_service_api_request_duration_seconds")}}
    errors = captured.value("signalscope_internal_errors_total")
    print(json.dumps([answers, rows(captured), [during[0], groups()], kinds, errors]))
'''
_FLASK = """
import flask

app = flask.Flask("service")
orders = flask.Blueprint("orders", "orders", url_prefix="/api/v1/orders")

@orders.get("/<int:number>")
def order(number):
    during.append(groups())
    with user_context(tier="professional"):
        if number == 404:
            flask.abort(404)
        if number == 503:
            raise KeyError(number)
        if number == 500:
            raise RuntimeError(number)
        return str(number)

@app.errorhandler(KeyError)
def unavailable(error):
    return "later", 503

@app.get("/stream")
def stream():
    return flask.Response(parts())

@app.get("/breaks-off")
def breaks_off():
    return flask.Response(broken())

app.register_blueprint(orders)
with capture() as captured:
    instrumentor.instrument()
    instrumentor.instrument()
    paths = [f"/api/v1/orders/{n}" for n in (1, 2, 404, 503, 500)] + ["/stream", "/breaks-off", "/nothing"]
    answers = [get(app, path) for path in paths] + [get(app, "/stream", REQUEST_METHOD="POST")]
    show(captured, answers)
    instrumentor.uninstrument()
    get(app, "/stream")
    print(json.dumps(sum(row[-1] for row in rows(captured))))
"""
_DJANGO = '''
import asyncio
from django.conf import settings
settings.configure(ROOT_URLCONF="__main__", ALLOWED_HOSTS=["*"], SECRET_KEY="x", LOGGING_CONFIG=None)
import django
django.setup()
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.urls import include, path, re_path

def order(request, number):
    during.append(groups())
    with user_context(tier="professional"):
        if number == 404:
            raise Http404
        if number == 500:
            raise RuntimeError(number)
        return HttpResponse(str(number), status=503 if number == 503 else 200)

urlpatterns = [
    path("api/v1/", include([path("orders/<int:number>/", order, name="order")])),
    re_path(r"^years/(?P<year>[0-9]{4})/$", lambda request, year: HttpResponse(year)),
    path("stream/", lambda request: StreamingHttpResponse(parts())),
    path("breaks-off/", lambda request: StreamingHttpResponse(broken())),
]

async def get_async(app, path):
    """The status of a request of an ASGI server."""
    sent, waiting = [], asyncio.Event()
    events = iter([{"type": "http.request", "body": b"", "more_body": False}])
    async def receive():
        for event in events:
            return event
        await waiting.wait()
    async def send(message):
        sent.append(message)
    scope = {"type": "http", "method": "GET", "path": path, "headers": [], "query_string": b"", "root_path": ""}
    await app(scope, receive, send)
    return [str(sent[0]["status"])]

with capture() as captured:
    instrumentor.instrument()
    instrumentor.instrument()
    app, asgi = get_wsgi_application(), get_asgi_application()
    paths = [f"/api/v1/orders/{n}/" for n in (1, 404, 503, 500)]
    paths += ["/stream/", "/breaks-off/", "/years/2020/", "/nothing"]
    answers = [get(app, path) for path in paths] + [asyncio.run(get_async(asgi, "/api/v1/orders/2/"))]
    show(captured, answers)
    instrumentor.uninstrument()
    get(app, "/stream/")
    print(json.dumps(sum(row[-1] for row in rows(captured))))
'''


def _run(
    module: str, instrumentor: str, program: str, requirements: tuple[str, ...], folder: Path
) -> list[Any]:
    path = folder / "program.py"
    path.write_text(_BEGINNING.format(module=module, instrumentor=instrumentor) + program, encoding="utf-8")
    done = subprocess.run(
        [environment(*requirements).python, "-W", "ignore", path], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize(
    "requirements", [("flask==2.2.5", "werkzeug==2.2.3"), ("flask==3.1.3",)], ids=["old", "new"]
)
def test_flask(requirements: tuple[str, ...], tmp_path: Path) -> None:
    """The rule is the endpoint, the status is what the client got, and `uninstrument` ends the measurement."""
    shown, after = _run("flask", "FlaskApiMetricsInstrumentor", _FLASK, requirements, tmp_path)
    answers, rows, groups, kinds, errors = shown
    statuses = [["200"], ["200"], ["404"], ["503"], ["500"], ["200"], ["200", "no more"], ["404"], ["405"]]
    assert answers == statuses
    order = "/api/v1/orders/<int:number>"
    assert sorted(rows) == [
        [order, "GET", "200", "professional", 2],
        [order, "GET", "404", "professional", 1],
        [order, "GET", "500", "professional", 1],
        [order, "GET", "503", "professional", 1],
        ["/breaks-off", "GET", "500", "unknown", 1],
        ["/stream", "GET", "200", "unknown", 1],
        ["/stream", "POST", "405", "unknown", 1],
        ["unmatched", "GET", "404", "unknown", 1],
    ]
    assert groups == [{"orders": 1}, {}]  # in the first request, and after the last one
    assert (kinds[order], kinds["/stream"], errors) == ("orders", "stream", None)
    assert after == 9


@pytest.mark.parametrize("version", ["4.2.16", "5.2.19"])
def test_django(version: str, tmp_path: Path) -> None:
    """The route with its prefixes is the endpoint, under WSGI and ASGI, and the status is what the client got."""
    shown, after = _run("django", "DjangoApiMetricsInstrumentor", _DJANGO, (f"django=={version}",), tmp_path)
    answers, rows, groups, kinds, errors = shown
    statuses = [["200"], ["404"], ["503"], ["500"], ["200"], ["200", "no more"], ["200"], ["404"], ["200"]]
    assert answers == statuses
    order = "/api/v1/orders/<int:number>/"
    assert sorted(rows) == [
        [order, "GET", "200", "professional", 2],
        [order, "GET", "404", "professional", 1],
        [order, "GET", "500", "professional", 1],
        [order, "GET", "503", "professional", 1],
        ["/breaks-off/", "GET", "500", "unknown", 1],
        ["/stream/", "GET", "200", "unknown", 1],
        ["/years/<year>/", "GET", "200", "unknown", 1],
        ["unmatched", "GET", "404", "unknown", 1],
    ]
    assert groups == [{"orders": 1}, {}]  # in the first request, and after the last one
    assert (kinds[order], errors, after) == ("order", None, 9)
