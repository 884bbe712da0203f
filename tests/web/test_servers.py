"""Web services under the launcher and real servers: each request counts once."""

from __future__ import annotations

import urllib.error
import urllib.request
import uuid
from pathlib import Path

import pytest
from tests.collector.conftest import Collector
from tests.instrumentation.environments import environment
from tests.instrumentation.programs import Series, parse, variables
from tests.ports import free_port

from signalscope.demo.stack._processes import Part, answers, wait_until

pytestmark = [pytest.mark.needs("collector"), pytest.mark.timeout(180)]

FLASK = ("flask==3.1.3", "opentelemetry-instrumentation-flask==0.66b1")
DJANGO = ("django==5.2.19", "opentelemetry-instrumentation-django==0.66b1")
_FLASK = """
import flask
from opentelemetry import trace
from signalscope import user_context

app = flask.Flask(__name__)

@app.get("/orders/<int:number>")
def order(number):
    with user_context(tier="basic"):
        if number == 0:
            raise KeyError(number)
        return str(trace.get_current_span().get_span_context().is_valid)

@app.errorhandler(KeyError)
def unavailable(error):
    return "later", 503

@app.get("/stream")
def stream():
    return flask.Response(part for part in ("a", "b"))
"""
_DJANGO = """
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse, StreamingHttpResponse
from django.urls import path
from opentelemetry import trace
from signalscope import user_context

def order(request, number):
    with user_context(tier="basic"):
        valid = trace.get_current_span().get_span_context().is_valid
        return HttpResponse(str(valid), status=200 if number else 503)

urlpatterns = [
    path("orders/<int:number>", order),
    path("stream", lambda request: StreamingHttpResponse(part for part in ("a", "b"))),
]
app = get_wsgi_application() if "{worker}" in ("sync", "gthread") else get_asgi_application()
"""
_SETTINGS = """
ROOT_URLCONF = "web_service"
ALLOWED_HOSTS = ["*"]
SECRET_KEY = "x"
MIDDLEWARE = []
"""
SERVERS = {
    "flask, gunicorn sync": (_FLASK, FLASK, "sync"),
    "flask, gunicorn gthread": (_FLASK, FLASK, "gthread"),
    "django, gunicorn sync": (_DJANGO, DJANGO, "sync"),
    "django, uvicorn": (_DJANGO, DJANGO, "uvicorn.workers.UvicornWorker"),
}


def _get(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, ""


@pytest.mark.parametrize("name", SERVERS)
def test_each_request_counts_once(name: str, collector: Collector, tmp_path: Path) -> None:
    """The endpoint is the route, the status is what the client got, and the official instrumentor makes a span."""
    program, requirements, worker = SERVERS[name]
    (tmp_path / "web_service.py").write_text(program.replace("{worker}", worker), encoding="utf-8")
    (tmp_path / "web_settings.py").write_text(_SETTINGS, encoding="utf-8")
    where, port, service = environment(*requirements), free_port(), f"web-{uuid.uuid4().hex[:8]}"
    command = (
        str(where.launcher), str(where.python), "-m", "gunicorn", "web_service:app", "-k", worker,
        "--workers", "2", "--bind", f"127.0.0.1:{port}",
    )  # fmt: skip
    own = variables(collector, service, PYTHONPATH=str(tmp_path), DJANGO_SETTINGS_MODULE="web_settings")
    part = Part("service", command, tmp_path / "service.log", own)
    url = f"http://127.0.0.1:{port}"
    try:
        wait_until(lambda: answers(f"{url}/orders/7"), "the service", 60, [part])
        results = [_get(f"{url}/{path}") for path in ["orders/1"] * 5 + ["orders/0", "stream", "nothing"]]
    finally:
        part.stop()
    log = (tmp_path / "service.log").read_text(encoding="utf-8")
    assert [status for status, _ in results] == [200] * 5 + [503, 200, 404], log
    assert (results[0][1], results[6][1]) == ("True", "ab"), log
    route = "/orders/<int:number>"

    def series() -> Series:
        return parse(collector.scrape(), service)

    def counted() -> dict[tuple[str, ...], float]:
        keys = ("endpoint", "status_code", "user_tier")
        return series().by("signal_service_api_requests_total", *keys)

    expected = {
        (route, "200", "basic"), (route, "503", "basic"), ("/stream", "200", "unknown"),
        ("unmatched", "404", "unknown"),
    }  # fmt: skip
    collector.when(lambda: set(counted()) >= expected, f"{expected}; there is {counted()}; the log: {log}")
    assert counted()[route, "200", "basic"] in (6, 7)  # one or more of the first requests were for the start
    assert counted()[route, "503", "basic"] == 1
    assert "Traceback" not in log


_PLAIN = """
from signalscope import user_context

def app(environ, start_response):
    with user_context(tier="basic"):
        status = "200 OK" if environ["PATH_INFO"] != "/later" else "503 Later"
        start_response(status, [("Content-Type", "text/plain")])
    return (part for part in (b"a", b"b"))

async def asgi(scope, receive, send):
    if scope["type"] != "http":
        raise ValueError(scope["type"])
    with user_context(tier="basic"):
        status = 200 if scope["path"] != "/later" else 503
        await send({"type": "http.response.start", "status": status, "headers": []})
    for part in (b"a", b"b"):
        await send({"type": "http.response.body", "body": part, "more_body": part == b"a"})
"""
_HYPERCORN, _GRANIAN = ("hypercorn==0.18.0",), ("granian==2.8.9",)
PLAIN_SERVERS: dict[str, tuple[tuple[str, ...], str]] = {
    "gunicorn sync": ((), "gunicorn web_service:app --bind 127.0.0.1:{port}"),
    "gunicorn gthread": ((), "gunicorn web_service:app -k gthread --bind 127.0.0.1:{port}"),
    "gunicorn asgi": ((), "gunicorn web_service:asgi -k asgi --bind 127.0.0.1:{port}"),
    "uvicorn": ((), "uvicorn web_service:asgi --port {port}"),
    "hypercorn": (_HYPERCORN, "hypercorn web_service:asgi --bind 127.0.0.1:{port}"),
    "hypercorn wsgi": (_HYPERCORN, "hypercorn wsgi:web_service:app --bind 127.0.0.1:{port}"),
    "granian": (
        _GRANIAN, "granian web_service:asgi --port {port} --workers-kill-timeout 5 --interface asgi",
    ),
    "granian wsgi": (
        _GRANIAN, "granian web_service:app --port {port} --workers-kill-timeout 5 --interface wsgi",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", PLAIN_SERVERS)
def test_a_plain_application_is_measured(name: str, collector: Collector, tmp_path: Path) -> None:
    """Without a framework, the status and the tier are those of the response, and the endpoint is `unmatched`."""
    requirements, command = PLAIN_SERVERS[name]
    (tmp_path / "web_service.py").write_text(_PLAIN, encoding="utf-8")
    where, port, service = environment(*requirements), free_port(), f"web-{uuid.uuid4().hex[:8]}"
    own = variables(collector, service, PYTHONPATH=str(tmp_path), OTEL_METRIC_EXPORT_INTERVAL="300")
    words = (str(where.launcher), str(where.python), "-m", *command.format(port=port).split())
    part = Part("service", words, tmp_path / "service.log", own)
    url = f"http://127.0.0.1:{port}"

    def counted() -> dict[tuple[str, ...], float]:
        keys = ("endpoint", "status_code", "user_tier")
        return parse(collector.scrape(), service).by("signal_service_api_requests_total", *keys)

    try:
        wait_until(lambda: answers(url), "the service", 60, [part])
        assert [_get(f"{url}/{path}")[0] for path in ("a", "b", "later")] == [200, 200, 503]
        # before the end: a worker of granian may hang at SIGTERM, and then its last interval is lost
        collector.when(
            lambda: counted().get(("unmatched", "503", "basic")) == 1, f"a 503; there is {counted()}"
        )
        assert counted()["unmatched", "200", "basic"] in (3, 4)
    finally:
        part.stop()
    assert "Traceback" not in (tmp_path / "service.log").read_text(encoding="utf-8")
