"""The answers match the OpenAPI schema: schemathesis sends allowed and forbidden requests."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
import uvicorn
from hypothesis import HealthCheck, settings
from schemathesis.checks import load_all_checks
from tests.ports import free_port
from tests.waiting import DEADLINE, eventually

from fastapi import FastAPI
from signalscope.fastapi import router
from signalscope.fastapi._auth import Buckets

TOKEN = "a-token-for-the-fuzzer"
PATHS = {
    "/metrics", "/metrics/live", "/health", "/health/detailed", "/health/live", "/health/ready",
    "/monitoring/metrics",
    "/monitoring/enhanced-metrics", "/monitoring/performance-summary", "/monitoring/business-dashboard",
    "/monitoring/capacity-planning",
}  # fmt: skip

app = FastAPI()
app.include_router(router)
load_all_checks()
#: The schema does not promise that unknown parameters are refused, or that public routes need a token.
CHECKS = [
    schemathesis.checks.CHECKS.get_one(name)
    for name in (
        "status_code_conformance", "content_type_conformance", "response_schema_conformance",
        "response_headers_conformance", "unsupported_method",
    )
]  # fmt: skip
#: `from_asgi` would start an event loop that runs until the end of the worker, and other tests measure its lag.
schema: Any = schemathesis.openapi.from_dict(app.openapi())


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """Start the service, and return its URL."""
    server = uvicorn.Server(uvicorn.Config(app, port=free_port(), log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    eventually(lambda: server.started, DEADLINE, "the service")
    yield f"http://127.0.0.1:{server.config.port}"
    server.should_exit = True
    thread.join(DEADLINE)


@pytest.fixture(autouse=True)
def _open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGNALSCOPE_MONITORING_TOKEN", TOKEN)
    monkeypatch.setenv("SIGNALSCOPE_MONITORING_RATE", "10000")
    monkeypatch.setenv("SIGNALSCOPE_PROMETHEUS_URL", os.environ.get("FUZZ_PROMETHEUS_URL", ""))
    monkeypatch.setattr("signalscope.fastapi._auth._buckets", Buckets())


@pytest.mark.parametrize("authorised", [True, False])
@schema.parametrize()  # type: ignore[untyped-decorator]  # schemathesis gives it no type
@settings(
    max_examples=25,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_answers_are_as_the_schema_says(case: Any, authorised: bool, url: str) -> None:
    """Statuses, content types and bodies match the schema, with and without a token; 503 is the only status 5xx."""
    headers = {"Authorization": f"Bearer {TOKEN}"} if authorised else {}
    response = case.call(url, headers=headers)
    case.validate_response(response, checks=CHECKS)
    assert response.status_code < 500 or (response.status_code == 503 and case.path == "/metrics")
    if not authorised and case.path.startswith("/monitoring"):
        assert response.status_code in (401, 405)


def test_every_route_is_documented_with_its_model() -> None:
    """Each field has a type, each error status is documented, and /monitoring needs the bearer token."""
    document = app.openapi()
    assert set(document["paths"]) == PATHS
    for path in PATHS:
        operation = document["paths"][path]["get"]
        assert operation["summary"]
        assert {"200", "401"} <= set(operation["responses"])
        assert operation["security"] == [{"monitoringToken": []}]
        if path.startswith("/monitoring"):
            assert {"429", "503"} <= set(operation["responses"])
        if not path.startswith("/metrics"):
            content = operation["responses"]["200"]["content"]
            assert set(content) == {"application/json", "text/html"}
            schema = content["application/json"]["schema"]
            for model in schema.get("anyOf", [schema]):
                assert model["$ref"].startswith("#/components/schemas/")
    fields = document["components"]["schemas"]
    for name in (
        "ApiPerformance",
        "SignalGeneration",
        "CachePerformance",
        "ResourceUtilization",
        "RevenueImpact",
    ):
        for field, schema in fields[name]["properties"].items():
            assert schema["description"], (name, field)
