"""The routes `/health` and `/metrics` of a service."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

import signalscope.fastapi
from fastapi import FastAPI
from signalscope import report_health
from signalscope.health import _report as _health
from signalscope.health._registry import shared


@pytest.fixture(autouse=True)
def _no_components(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(shared, "_make", tuple)  # only checks that a test registers, and reports
    monkeypatch.setattr(shared, "_built_in", ())
    _health._reported.components.clear()
    yield
    _health._reported.components.clear()


async def _get(path: str) -> httpx.Response:
    app = FastAPI()
    app.include_router(signalscope.fastapi.router)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://service") as client:
        return await client.get(path)


async def test_health_is_unknown_until_something_was_reported() -> None:
    """A service without checks is unknown with status 200, so that it still gets requests."""
    response = await _get("/health")
    assert (response.status_code, response.json()) == (200, {"status": "unknown", "components": {}})


async def test_health_is_what_was_reported() -> None:
    """A failing component makes the service degraded; only `service` makes it unhealthy, with status 503."""
    report_health("database", 0)
    response = await _get("/health")
    assert (response.status_code, response.json()["status"]) == (200, "degraded")
    report_health("service", 0)
    response = await _get("/health")
    assert response.status_code == 503
    assert response.json() == {
        "status": "unhealthy", "components": {"database": "unhealthy", "service": "unhealthy"}
    }  # fmt: skip
    report_health("service", 1)
    assert (await _get("/health")).json()["status"] == "healthy"


async def test_metrics_say_what_to_do_when_nothing_is_set_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Status 503 makes the scrape fail, and the body says what to do."""
    monkeypatch.setattr("signalscope.exposition._reader._current.reader", None)
    response = await _get("/metrics")
    assert response.status_code == 503
    assert "opentelemetry-instrument" in response.text
