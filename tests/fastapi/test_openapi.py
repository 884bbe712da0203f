"""The answers match the OpenAPI schema: schemathesis sends allowed and forbidden requests."""

from __future__ import annotations

import os
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import load_all_checks

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
schema: Any = schemathesis.openapi.from_asgi("/openapi.json", app)


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
def test_answers_are_as_the_schema_says(case: Any, authorised: bool) -> None:
    """Statuses, content types and bodies match the schema, with and without a token; 503 is the only status 5xx."""
    headers = {"Authorization": f"Bearer {TOKEN}"} if authorised else {}
    response = case.call(headers=headers)
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
