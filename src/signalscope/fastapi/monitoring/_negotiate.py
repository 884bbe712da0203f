"""Respond with JSON or with an HTML page, by the Accept header of the request."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from fastapi import Request, Response
from signalscope.exposition._accept import weights
from signalscope.fastapi.monitoring._page import page

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


def text_content(*media_types: str) -> dict[str, Any]:
    """Return what OpenAPI says of a response that is text of these types."""
    return {media_type: {"schema": {"type": "string"}} for media_type in media_types}


#: What OpenAPI says of a response of `response_of`.
JSON_OR_PAGE: dict[str, Any] = {
    "description": "JSON, or a page for who asks for text/html.",
    "content": text_content("text/html"),
}


def wants_html(request: Request) -> bool:
    """Return True if the client prefers HTML; it must name text/html, as browsers do."""
    named = weights(request.headers.get("accept", ""))
    html = named.get("text/html", 0.0)
    # The most specific range decides (RFC 9110, 12.5.1); text/html beside */* is a preference.
    for kind in ("application/json", "application/*"):
        if kind in named:
            return html > named[kind]
    return html > 0 and html >= named.get("*/*", 0.0)


def body_of(answer: BaseModel, title: str, *, html: bool) -> bytes:
    """Return an answer as an HTML page with a title, or as JSON."""
    return page(title, answer).encode("utf-8", "replace") if html else answer.model_dump_json().encode()


def response_of(body: bytes, *, html: bool, status: int = 200) -> Response:
    """Return the response that has a body of `body_of`."""
    headers = {"Vary": "Accept", "Cache-Control": "no-store"}
    if html:
        headers |= {"Content-Security-Policy": _POLICY, "X-Content-Type-Options": "nosniff"}
    return Response(body, status, headers, "text/html" if html else "application/json")
