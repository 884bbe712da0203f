"""The routes of /health."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

from fastapi.types import DecoratedCallable
from pydantic import BaseModel, Field

from fastapi import APIRouter, Depends, Request, Response
from signalscope import health
from signalscope.fastapi._auth import admit_to_health
from signalscope.fastapi._yielding import YieldingRoute
from signalscope.fastapi.monitoring._responses import JSON_OR_PAGE, body_of, response_of, wants_html
from signalscope.health import HealthCheck, Status, _report
from signalscope.health._registry import SERVICE, components, known, overall, run_all, shared
from signalscope.recording._process import uptime

health_routes = APIRouter(
    tags=["monitoring"],
    route_class=YieldingRoute,
    dependencies=[Depends(admit_to_health)],
    responses={
        200: JSON_OR_PAGE,
        401: {"description": "SIGNALSCOPE_HEALTH_PUBLIC is false, and the token is missing or wrong."},
    },
)


def _get(
    path: str, model: type[BaseModel], unavailable: str
) -> Callable[[DecoratedCallable], DecoratedCallable]:
    """Add a GET route whose answer is a model; `unavailable` describes its status 503 in OpenAPI."""
    responses: dict[int | str, dict[str, Any]] = {503: {"model": model, "description": unavailable}}
    return health_routes.get(path, response_model=model, responses=responses)


class Health(BaseModel):
    """The health of a service."""

    status: Status = Field(
        description="unhealthy if the service or a critical component is unhealthy; degraded if another "
        "component is degraded or unhealthy; unknown if no component has a result."
    )
    components: dict[str, Status] = Field(description="The latest status of each component with a result.")


class Component(BaseModel):
    """The latest result of one component."""

    status: Status
    detail: str = Field(description="The reason for the status.")
    critical: bool = Field(description="True if the service is unhealthy when this component is.")
    dependency: str | None = Field(
        description="The importance of an external service: critical, mandatory or high; otherwise null."
    )
    age_seconds: float | None = Field(description="Seconds since the check ended, or since the report.")
    duration_seconds: float | None = Field(description="Seconds that the check took; null for a report.")
    data: dict[str, float | str | None] = Field(description="Numbers and texts of the check.")


class DetailedHealth(BaseModel):
    """The health of a service, with the result of each component."""

    status: Status
    timestamp: datetime
    uptime_seconds: float = Field(description="Seconds since this process started.")
    components: dict[str, Component] = Field(description="The latest result of each component.")


class Probe(BaseModel):
    """The answer to a liveness or readiness probe."""

    status: Status
    failing: list[str] = Field(description="The components that make the status unhealthy.")


@_get("/health", Health, "The service is unhealthy.")
async def health_now(request: Request) -> Response:
    """Return the health of the service; status 503 if it is unhealthy."""
    status, results = await health.summary()
    return _respond(request, Health(status=status, components=known(results)), "Health")


@_get("/health/detailed", DetailedHealth, "The service is unhealthy.")
async def health_detailed(request: Request) -> Response:
    """Return the health with the reason, age and duration of each check; status 503 if it is unhealthy."""
    checks = {check.name: check for check in shared.with_built_in()}
    verdicts = await run_all(checks.values())
    status = overall(checks.values(), verdicts)
    shown = {}
    for name, verdict in components(verdicts).items():
        check = checks.get(name)
        shown[name] = Component(
            status=verdict.result.status,
            detail=verdict.result.detail,
            critical=check.critical if check else name == SERVICE,
            dependency=check.dependency if check else None,
            age_seconds=max(0.0, time.monotonic() - verdict.at),
            duration_seconds=verdict.seconds if name in verdicts else None,
            data=dict(verdict.result.data),
        )
    now = datetime.now(UTC)
    answer = DetailedHealth(status=status, timestamp=now, uptime_seconds=uptime(), components=shown)
    return _respond(request, answer, "Health in detail")


@_get("/health/live", Probe, "The process must be restarted.")
async def health_live(request: Request) -> Response:
    """Return status 503 if a check with `liveness` is unhealthy; the orchestrator must then restart the process.

    External services have no effect on the result.
    """
    return await _probe(request, "Liveness", lambda check: check.liveness)


@_get("/health/ready", Probe, "This process must not get requests now.")
async def health_ready(request: Request) -> Response:
    """Return status 503 if a check with `readiness` or the service itself is unhealthy; send no requests then.

    `readiness` is true by default for critical checks.
    """
    service = _report.components().get(SERVICE)
    own = [SERVICE] if service and service.result.status == "unhealthy" else []
    return await _probe(request, "Readiness", lambda check: bool(check.readiness), own)


async def _probe(
    request: Request, title: str, counts: Callable[[HealthCheck], bool], own: Iterable[str] = ()
) -> Response:
    verdicts = await run_all(check for check in shared.with_built_in() if counts(check))
    failing = [name for name, verdict in verdicts.items() if verdict.result.status == "unhealthy"]
    failing += own
    return _respond(request, Probe(status="unhealthy" if failing else "healthy", failing=failing), title)


def _respond(request: Request, answer: Health | DetailedHealth | Probe, title: str) -> Response:
    html, code = wants_html(request), 503 if answer.status == "unhealthy" else 200
    return response_of(body_of(answer, title, html=html), html=html, status=code)
