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
        401: {"description": "SIGNALSCOPE_HEALTH_PUBLIC=false, and no bearer token, or a wrong one."},
    },
)


def _get(
    path: str, model: type[BaseModel], unavailable: str
) -> Callable[[DecoratedCallable], DecoratedCallable]:
    """Route GET requests to a handler that answers with a model, also with status 503, which means `unavailable`."""
    responses: dict[int | str, dict[str, Any]] = {503: {"model": model, "description": unavailable}}
    return health_routes.get(path, response_model=model, responses=responses)


class Health(BaseModel):
    """The health of a service."""

    status: Status = Field(
        description="unhealthy when the service, or something that it cannot do without, is; degraded when "
        "anything else is not healthy; unknown when nothing is known."
    )
    components: dict[str, Status] = Field(description="The latest status of each component that is known.")


class Component(BaseModel):
    """One component."""

    status: Status
    detail: str = Field(description="Why.")
    critical: bool = Field(description="Whether the service cannot do without.")
    dependency: str | None = Field(
        description="How much depends on it, when it is an external service: critical, mandatory or high."
    )
    age_seconds: float | None = Field(description="How old the result is, or how long ago it was reported.")
    duration_seconds: float | None = Field(description="How long the check took; null for what was reported.")
    data: dict[str, float | str | None]


class DetailedHealth(BaseModel):
    """The health of a service, with reasons."""

    status: Status
    timestamp: datetime
    uptime_seconds: float = Field(description="Since this process started.")
    components: dict[str, Component]


class Probe(BaseModel):
    """An answer to an orchestrator."""

    status: Status
    failing: list[str] = Field(description="The components that are to blame.")


@_get("/health", Health, "The service is unhealthy.")
async def health_now(request: Request) -> Response:
    """The service's health; 503 when it is unhealthy."""
    status, results = await health.summary()
    return _respond(request, Health(status=status, components=known(results)), "Health")


@_get("/health/detailed", DetailedHealth, "The service is unhealthy.")
async def health_detailed(request: Request) -> Response:
    """The service's health with the reason, age and duration of every check; 503 when it is unhealthy."""
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


@_get("/health/live", Probe, "The process should be restarted.")
async def health_live(request: Request) -> Response:
    """Whether the process lives: it answers, and no check with `liveness` is unhealthy. No dependency counts."""
    return await _probe(request, "Liveness", lambda check: check.liveness)


@_get("/health/ready", Probe, "No requests should be sent here.")
async def health_ready(request: Request) -> Response:
    """Whether requests should be sent here: no critical check, and not the service itself, is unhealthy."""
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
