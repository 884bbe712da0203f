"""Responses of the monitoring API as JSON or HTML, with a cache of some seconds."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from fastapi import Request, Response
from signalscope.exposition._accept import weights
from signalscope.fastapi.monitoring._page import page
from signalscope.recording._process_state import ProcessState

T = TypeVar("T")
#: The maximum number of cached answers; some answers are long.
_MAX_ANSWERS = 64
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


def text_content(*media_types: str) -> dict[str, Any]:
    """Return the OpenAPI content of a text response with these media types."""
    return {media_type: {"schema": {"type": "string"}} for media_type in media_types}


#: The OpenAPI description of the responses of `response_of`.
JSON_OR_PAGE: dict[str, Any] = {
    "description": "JSON, or an HTML page if the client prefers text/html.",
    "content": text_content("text/html"),
}


def wants_html(request: Request) -> bool:
    """Return True if the client prefers HTML: it must name text/html in the header Accept, as browsers do."""
    named = weights(request.headers.get("accept", ""))
    html = named.get("text/html", 0.0)
    # The most specific media range decides (RFC 9110, 12.5.1). text/html together with */* is a preference.
    for kind in ("application/json", "application/*"):
        if kind in named:
            return html > named[kind]
    return html > 0 and html >= named.get("*/*", 0.0)


def body_of(answer: BaseModel, title: str, *, html: bool) -> bytes:
    """Return an answer as an HTML page with this title, or as JSON."""
    return page(title, answer).encode("utf-8", "replace") if html else answer.model_dump_json().encode()


def response_of(body: bytes, *, html: bool, status: int = 200) -> Response:
    """Return a response with a body from `body_of`, and with the headers for its type."""
    headers = {"Vary": "Accept", "Cache-Control": "no-store"}
    if html:
        headers |= {"Content-Security-Policy": _POLICY, "X-Content-Type-Options": "nosniff"}
    return Response(body, status, headers, "text/html" if html else "application/json")


class Answers(ProcessState, Generic[T]):
    """A cache of answers. Concurrent requests for the same answer wait for one computation.

    Args:
        seconds: Returns the number of seconds that an answer is valid.
        clock: Returns the monotonic time in seconds.
    """

    def __init__(self, seconds: Callable[[], float], clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._seconds = seconds
        self._clock = clock
        self._known: dict[Hashable, tuple[float, T]] = {}
        self._tasks: dict[tuple[int, Hashable], asyncio.Task[T]] = {}

    async def get(self, key: Hashable, make: Callable[[], Awaitable[T]]) -> T:
        """Return the cached answer for a key, or compute it.

        Args:
            key: The key.
            make: Computes the answer. If it raises, all waiting callers get the exception.
        """
        known = self._known.get(key)
        if known is not None and self._clock() - known[0] < self._seconds():
            return known[1]
        # A task belongs to one event loop, so each event loop computes its own answer.
        task_key = (id(asyncio.get_running_loop()), key)
        task = self._tasks.get(task_key)
        if task is None or task.done():
            task = self._tasks[task_key] = asyncio.ensure_future(self._make(task_key, make))
        # If one request is cancelled, the computation must continue for the others.
        return await asyncio.shield(task)

    async def _make(self, task_key: tuple[int, Hashable], make: Callable[[], Awaitable[T]]) -> T:
        try:
            answer = await make()
        finally:
            self._tasks.pop(task_key, None)
        now = self._clock()
        for key, (at, _) in [*self._known.items()]:
            if now - at >= self._seconds():
                del self._known[key]
        if len(self._known) >= _MAX_ANSWERS:
            del self._known[min(self._known, key=lambda key: self._known[key][0])]
        self._known[task_key[1]] = (now, answer)
        return answer

    def clear(self) -> None:
        """Drop all cached answers and running computations."""
        self._known.clear()
        self._tasks.clear()

    after_fork = clear
