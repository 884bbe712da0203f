"""The routes of /health."""

from __future__ import annotations

import time
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BaseModel, Field

from fastapi import APIRouter, Depends, Request, Response
from signalscope import health
from signalscope.fastapi._auth import Reader, health_reader
from signalscope.fastapi._yielding import YieldingRoute
from signalscope.fastapi.monitoring._negotiate import answered
from signalscope.health import Status
from signalscope.health import _report as _health
from signalscope.health._registry import SERVICE, components, known, overall, shared
from signalscope.recording._process import uptime

__all__ = ["health_routes"]

_UNAVAILABLE: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "JSON, or a page for who asks for text/html.",
        "content": {"text/html": {"schema": {"type": "string"}}},
    },
    401: {"description": "SIGNALSCOPE_HEALTH_PUBLIC=false, and no bearer token, or a wrong one."},
}

health_routes = APIRouter(tags=["monitoring"], route_class=YieldingRoute)
ReaderNow = Annotated[Reader, Depends(health_reader)]


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


@health_routes.get(
    "/health",
    response_model=Health,
    responses={**_UNAVAILABLE, 503: {"model": Health, "description": "The service is unhealthy."}},
)
async def health_now(request: Request, _: ReaderNow) -> Response:
    """The service's health; 503 when it is unhealthy."""
    status, found = await health.summary()
    answer = Health(status=status, components=known(found))
    return _sent(request, answer, "Health", unavailable=status == "unhealthy")


@health_routes.get(
    "/health/detailed",
    response_model=DetailedHealth,
    responses={**_UNAVAILABLE, 503: {"model": DetailedHealth, "description": "The service is unhealthy."}},
)
async def health_detailed(request: Request, _: ReaderNow) -> Response:
    """The service's health with the reason, age and duration of every check; 503 when it is unhealthy."""
    checks = {each.name: each for each in shared.asked()}
    verdicts = await shared.run(checks.values())
    status = overall(checks.values(), verdicts)
    now, ages = time.monotonic(), _health.ages()
    shown = {}
    for name, result in components(verdicts).items():
        verdict, check = verdicts.get(name), checks.get(name)
        shown[name] = Component(
            status=result.status,
            detail=result.detail,
            critical=check.critical if check else name == SERVICE,
            dependency=check.dependency if check else None,
            age_seconds=ages.get(name) if verdict is None else max(0.0, now - verdict.at),
            duration_seconds=None if verdict is None else verdict.seconds,
            data=dict(result.data),
        )
    answer = DetailedHealth(
        status=status, timestamp=datetime.now(UTC), uptime_seconds=uptime(), components=shown
    )
    return _sent(request, answer, "Health in detail", unavailable=status == "unhealthy")


@health_routes.get(
    "/health/live",
    response_model=Probe,
    responses={**_UNAVAILABLE, 503: {"model": Probe, "description": "The process should be restarted."}},
)
async def health_live(request: Request, _: ReaderNow) -> Response:
    """Whether the process lives: it answers, and no check with `liveness` is unhealthy. No dependency counts."""
    failing = await _failing(each for each in shared.asked() if each.liveness)
    return _sent(request, _probe(failing), "Liveness", unavailable=bool(failing))


@health_routes.get(
    "/health/ready",
    response_model=Probe,
    responses={**_UNAVAILABLE, 503: {"model": Probe, "description": "No requests should be sent here."}},
)
async def health_ready(request: Request, _: ReaderNow) -> Response:
    """Whether requests should be sent here: no critical check, and not the service itself, is unhealthy."""
    failing = await _failing(each for each in shared.asked() if each.readiness)
    if _health.components().get(SERVICE) == 0.0:
        failing.append(SERVICE)
    return _sent(request, _probe(failing), "Readiness", unavailable=bool(failing))


async def _failing(checks: Iterable[health.HealthCheck]) -> list[str]:
    return [name for name, each in (await shared.run(checks)).items() if each.result.status == "unhealthy"]


def _probe(failing: list[str]) -> Probe:
    return Probe(status="unhealthy" if failing else "healthy", failing=failing)


def _sent(request: Request, answer: BaseModel, title: str, *, unavailable: bool) -> Response:
    return answered(request, answer, title, 503 if unavailable else 200)
