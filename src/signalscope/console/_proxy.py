"""Prometheus' HTTP API, as far as it only reads, passed on from the same origin as the page."""

from __future__ import annotations

import re

import httpx
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

#: No admin API, no remote write, no reload: only what answers a question.
_READING = re.compile(
    r"query|query_range|query_exemplars|labels|label/[^/]+/values|series|metadata|rules|alerts|targets"
)


async def forward(request: Request, prometheus: str | None) -> Response:
    """Prometheus' answer to a reading request, or why there is none, in the form of its API.

    Args:
        request: The request; its path below ``/api/v1/`` is the route's ``path``.
        prometheus: Its base URL.
    """
    path = request.path_params["path"]
    if not _READING.fullmatch(path):
        return _problem(403, f"{path} is not passed on: the console only reads")
    if prometheus is None:
        return _problem(502, "there is no Prometheus here")
    client: httpx.AsyncClient = request.app.state.client
    try:
        answer = await client.get(f"{prometheus}/api/v1/{path}", params=str(request.query_params))
    except httpx.HTTPError as error:
        return _problem(502, f"Prometheus does not answer at {prometheus}: {type(error).__name__}")
    kind = answer.headers.get("content-type", "")
    if not kind.startswith("application/json"):
        return _problem(502, f"what answers at {prometheus} is no Prometheus: HTTP {answer.status_code}")
    return Response(answer.content, answer.status_code, media_type="application/json")


def _problem(status: int, message: str) -> Response:
    return JSONResponse({"status": "error", "errorType": "console", "error": message}, status)
