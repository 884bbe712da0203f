"""The endpoint, the endpoint group and the kind of work of a request.

They come from the routes of the application: a label from the path of a request would have unlimited values.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from signalscope.recording._modules import is_within

#: The endpoint of a request that matches no route.
UNMATCHED = "unmatched"
_IGNORED = re.compile(r"api|v\d+")


def route_of(scope: Mapping[str, Any], root_path: str) -> tuple[str, str]:
    """Return the route template and the kind of work of a request after routing.

    The kind of work is the first tag of the route, or else its name.

    Args:
        scope: The ASGI scope after routing.
        root_path: The ``root_path`` of the scope before routing; mounted applications add to it.
    """
    route = scope.get("route")
    endpoint = scope.get("endpoint")
    if route is None and endpoint is not None:
        routes = getattr(scope.get("app"), "routes", ())
        route = next((route for route in routes if getattr(route, "endpoint", None) is endpoint), None)
    route = _included(scope, route)
    mounted = str(scope.get("root_path", "")).removeprefix(root_path)
    path = getattr(route, "path", None)
    if path is None:
        if endpoint is None or not mounted:
            return UNMATCHED, UNMATCHED
        return mounted, getattr(endpoint, "__name__", type(endpoint).__name__)
    tags = getattr(route, "tags", None)
    kind = str(tags[0]) if tags else str(getattr(route, "name", "") or path)
    return f"{mounted}{path}", kind


def is_for_signalscope(scope: Mapping[str, Any]) -> bool:
    """Return True if a route of signalscope answered the request; it is not part of the service's API."""
    return is_within(getattr(scope.get("endpoint"), "__module__", None) or "", (__package__,))


def _included(scope: Mapping[str, Any], route: Any) -> Any:
    """Return the route with the prefix and the tags of `include_router`.

    Newer versions of FastAPI do not copy included routes; they put the prefix and the tags into the scope.
    """
    known = scope.get("fastapi")
    context = known.get("effective_route_context") if isinstance(known, dict) else None
    if context is None or getattr(context, "original_route", None) is not route:
        return route
    return getattr(context, "starlette_route", None) or context


def _paths(routes: Iterable[Any]) -> Iterable[str]:
    """Yield the path templates of all routes, including those of included routers."""
    for route in routes:
        inside = getattr(route, "effective_route_contexts", None)
        if callable(inside):
            for context in inside():
                yield str(getattr(getattr(context, "starlette_route", None) or context, "path", ""))
        else:
            yield str(getattr(route, "path", ""))


class Groups:
    """The endpoint groups of one application: the first segments of its route templates.

    Segments such as ``api`` and ``v1`` are skipped. Concurrency is counted before routing, so the group of a request
    comes from its path. Only segments that a route has are used, because clients can send any number of others.
    """

    def __init__(self) -> None:
        self._known: frozenset[str] = frozenset()
        self._route_count = -1

    def find(self, scope: Mapping[str, Any]) -> str:
        """Return the endpoint group of a request; ``unmatched`` if no route has its first segment."""
        routes = getattr(scope.get("app"), "routes", ())
        if len(routes) != self._route_count:
            self._route_count = len(routes)
            self._known = frozenset(map(_segment, _paths(routes)))
        segment = _segment(scope.get("path", ""))
        return segment if segment in self._known else UNMATCHED


def _segment(path: str) -> str:
    """Return the first segment of a path that is not ``api`` and not a version such as ``v1``."""
    segments = [segment for segment in path.split("/") if segment]
    return next((segment for segment in segments if not _IGNORED.fullmatch(segment)), "/")
