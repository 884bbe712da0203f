"""JSON for programs, a page for people: by the request's Accept header."""

from __future__ import annotations

from fastapi.responses import HTMLResponse, JSONResponse
from pydantic import BaseModel

from fastapi import Request, Response
from signalscope.fastapi._page import page

__all__ = ["answered", "wants_html"]

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


def wants_html(accept: str) -> bool:
    """Whether somebody would rather have a page than JSON: only who names text/html, as browsers do."""
    weights: dict[str, float] = {}
    for each in accept.lower().split(","):
        kind, *parameters = (part.strip() for part in each.split(";"))
        weight = next((part[2:] for part in parameters if part.startswith("q=")), "1")
        try:
            weights[kind] = float(weight)
        except ValueError:
            weights[kind] = 0.0
    json = max(weights.get("application/json", 0.0), weights.get("application/*", 0.0))
    return weights.get("text/html", 0.0) > json


def answered(request: Request, answer: BaseModel, title: str, status: int = 200) -> Response:
    """The answer, in the form that the client asks for.

    Args:
        request: The request.
        answer: What to say.
        title: The page's title.
        status: The HTTP status.
    """
    content = answer.model_dump(mode="json")
    headers = {"Vary": "Accept", "Cache-Control": "no-store"}
    if wants_html(request.headers.get("accept", "")):
        headers |= {"Content-Security-Policy": _POLICY, "X-Content-Type-Options": "nosniff"}
        return HTMLResponse(page(title, content), status, headers)
    return JSONResponse(content, status, headers)
