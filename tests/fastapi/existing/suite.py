"""The own tests of the existing service: answers, headers, errors, metric names and OpenAPI."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from service import app  # type: ignore[import-not-found]  # the suite runs in the folder of service.py


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    """Return a client of the running application."""
    with TestClient(app) as client:
        yield client


def test_health(client: TestClient) -> None:
    """/health has the form of the service."""
    assert client.get("/health").json() == {"status": "ok", "database": True}
    assert client.get("/health/detailed").json()["version"] == "3.2.1"


def test_monitoring_needs_no_token(client: TestClient) -> None:
    """/monitoring of the service has never needed a token."""
    answer = client.get("/monitoring/metrics")
    assert (answer.status_code, answer.json()) == (200, {"requests": 17, "uptime": 12.5})


def test_metric_names(client: TestClient) -> None:
    """Each metric that its dashboards use is there once."""
    client.get("/signals/ALFA?premium=true")
    page = client.get("/metrics")
    assert page.headers["content-type"].startswith("text/plain")
    for name in (
        'signal_service_api_request_duration_seconds_count{endpoint="/signals/{symbol}",method="GET",status_code="200"}',
        'signal_service_health_check_status{component="database"} 1.0',
        'signal_service_premium_feature_usage_total{feature="premium_signals"} 1.0',
    ):
        assert page.text.count(name) == 1, name


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/signals/ALFA", 200), ("POST", "/signals/ALFA", 405), ("GET", "/nothing", 404),
        ("POST", "/health", 405), ("HEAD", "/metrics", 405), ("GET", "/signals/ALFA?premium=maybe", 422),
        ("DELETE", "/monitoring/metrics", 405),
    ],
)  # fmt: skip
def test_statuses(client: TestClient, method: str, path: str, status: int) -> None:
    """Each path answers with its status, including errors."""
    assert client.request(method, path).status_code == status


def test_openapi(client: TestClient) -> None:
    """The operations of the service keep their ids."""
    paths = client.get("/openapi.json").json()["paths"]
    assert paths["/health"]["get"]["operationId"] == "health_health_get"
    assert paths["/metrics"]["get"]["operationId"] == "metrics_metrics_get"
    assert paths["/monitoring/metrics"]["get"]["operationId"] == "monitoring_monitoring_metrics_get"
