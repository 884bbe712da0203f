"""Respond with JSON or with an HTML page, by the Accept header of the request."""

from __future__ import annotations

import asyncio
import math

from pydantic import BaseModel

from fastapi import Request, Response
from signalscope.exposition._accept import weights
from signalscope.fastapi.monitoring._answers import Answers
from signalscope.fastapi.monitoring._page import page

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


def wants_html(accept: str) -> bool:
    """Return True if the client prefers HTML; it must name text/html, as browsers do."""
    named = weights(accept)
    html = named.get("text/html", 0.0)
    # The most specific range decides (RFC 9110, 12.5.1); text/html beside */* is a preference.
    for kind in ("application/json", "application/*"):
        if kind in named:
            return html > named[kind]
    return html > 0 and html >= named.get("*/*", 0.0)


def answered(request: Request, answer: BaseModel, title: str, status: int = 200) -> Response:
    """Return the answer in the form that the client prefers.

    Args:
        request: The request.
        answer: The answer.
        title: The page's title.
        status: The HTTP status.
    """
    html = wants_html(request.headers.get("accept", ""))
    return _response(_body(answer, title, html=html), status, html=html)


class Prepared:
    """An answer for many requests: each form is written once, in a thread, because it can be long.

    Args:
        answer: The answer.
        title: The page's title.
    """

    def __init__(self, answer: BaseModel, title: str) -> None:
        self._answer = answer
        self._title = title
        self._bodies: Answers[bytes] = Answers(lambda: math.inf)

    async def answered(self, request: Request) -> Response:
        """Return the answer in the form that the client prefers."""
        html = wants_html(request.headers.get("accept", ""))

        async def make() -> bytes:
            return await asyncio.to_thread(_body, self._answer, self._title, html=html)

        return _response(await self._bodies.get(html, make), 200, html=html)


def _body(answer: BaseModel, title: str, *, html: bool) -> bytes:
    if html:
        return page(title, answer).encode("utf-8", "replace")
    return answer.model_dump_json().encode()


def _response(body: bytes, status: int, *, html: bool) -> Response:
    headers = {"Vary": "Accept", "Cache-Control": "no-store"}
    if html:
        headers |= {"Content-Security-Policy": _POLICY, "X-Content-Type-Options": "nosniff"}
    return Response(body, status, headers, "text/html" if html else "application/json")
