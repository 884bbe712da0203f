"""The routes that every service should have: `/metrics` and `/health`."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from fastapi import APIRouter, Request, Response
from signalscope import _health, _pull

__all__ = ["router"]

Status = Literal["healthy", "degraded", "unhealthy", "unknown"]

router = APIRouter(tags=["monitoring"])


class Health(BaseModel):
    """The health of a service, as its own checks reported it."""

    status: Status = Field(
        description="The worst status of all components; unknown when none has been reported yet."
    )
    components: dict[str, Status] = Field(description="The latest status of each component.")


@router.get("/metrics", include_in_schema=False)
def metrics(request: Request) -> Response:
    """Metrics for Prometheus: in OpenMetrics, with exemplars, when the scraper accepts it."""
    page = _pull.render(request.headers.get("accept", ""))
    if page is None:
        return Response(
            "# signalscope has not set up OpenTelemetry in this process: start it with opentelemetry-instrument, "
            "or call signalscope.configure()\n",
            status_code=503,
            media_type="text/plain",
        )
    body, content_type = page
    return Response(body, headers={"content-type": content_type})


@router.get("/health")
def health(response: Response) -> Health:
    """The service's health; 503 when a component is unhealthy that the service cannot do without.

    That is the component `service`; others make it degraded.
    """
    components = _health.components()
    named: dict[str, Status] = {name: _NAMES[value] for name, value in sorted(components.items())}
    status = _overall(components)
    if status == "unhealthy":
        response.status_code = 503
    return Health(status=status, components=named)


_NAMES: dict[float, Status] = {1.0: "healthy", 0.5: "degraded", 0.0: "unhealthy"}


def _overall(components: dict[str, float]) -> Status:
    if not components:
        return "unknown"
    if "service" in components:
        return _NAMES[components["service"]]
    return "healthy" if min(components.values()) == 1.0 else "degraded"
