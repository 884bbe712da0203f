"""Routes that yield to the routes of the application, in whatever order they were added.

A route of signalscope matches a request only when no route of the application does. A path belongs to the application
if it answers it in any way: for another method, or by a redirect to or from a trailing slash.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from typing import Any

from fastapi.routing import APIRoute
from starlette.routing import BaseRoute, Match, Mount
from starlette.types import Scope

from signalscope.recording import internal_error

_logger = logging.getLogger("signalscope")
#: Key of a scope that is only matched against the application's own routes.
_MATCHING = "signalscope.matching"


class YieldingRoute(APIRoute):
    """A route that matches only requests that no route of the application matches."""

    _logged = False

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Return how this route matches the request."""
        match, child_scope = super().matches(scope)
        if match is Match.NONE or scope.get(_MATCHING):
            return Match.NONE, {}
        try:
            other = self._other(scope)
        except Exception:  # raised by a route of the application; the framework matches it again
            internal_error("fastapi.yielding")
            other = None
        if other is None:
            return match, child_scope
        if not self._logged:
            self._logged = True
            _logger.info(
                "signalscope: %s is answered by the application's own route %s",
                scope.get("path"), getattr(other, "path", other),
            )  # fmt: skip
        return Match.NONE, {}

    def _other(self, scope: Scope) -> BaseRoute | None:
        app = scope.get("app")
        routes = _beside(self, getattr(app, "routes", ()))
        paths = [str(scope["path"])]
        if getattr(getattr(app, "router", None), "redirect_slashes", True) and paths[0] != "/":
            paths.append(paths[0].rstrip("/") if paths[0].endswith("/") else f"{paths[0]}/")
        for path in paths:
            own = {**scope, "path": path, _MATCHING: True}
            for route in routes:
                if route.matches(own)[0] is not Match.NONE:
                    return route
        return None


def put_last(app: Any) -> None:
    """Move signalscope's routes to the end, but in OpenAPI to the front, because there the last route wins."""
    _order(app, ours_first=False)
    described = getattr(app, "openapi", None)
    if described is None or hasattr(described, _DESCRIBES):
        return

    def openapi() -> Any:
        _order(app, ours_first=True)
        try:
            return described()
        finally:
            _order(app, ours_first=False)

    setattr(openapi, _DESCRIBES, described)
    app.openapi = openapi


def undo_put_last(app: Any) -> None:
    """Restore the application's own `openapi`, and drop the description that it has made."""
    app.openapi = getattr(app.openapi, _DESCRIBES, app.openapi)
    app.openapi_schema = None


#: Attribute of signalscope's `openapi` that has the application's own.
_DESCRIBES = "_signalscope_describes"


def _order(app: Any, *, ours_first: bool) -> None:
    app.router.routes = sorted(app.router.routes, key=lambda each: is_ours(each) is not ours_first)


def is_ours(route: BaseRoute) -> bool:
    """Return True if a route is one of signalscope's, or an included router that has only such routes."""
    if isinstance(route, YieldingRoute):
        return True
    inside = getattr(getattr(route, "original_router", None), "routes", None)
    return bool(inside) and all(is_ours(each) for each in inside or ())


def _beside(ours: YieldingRoute, routes: Iterable[BaseRoute]) -> Sequence[BaseRoute]:
    """Return the routes beside a route: those of the application, or of a router mounted in it."""
    routes = list(routes)
    if any(_holds(each, ours) for each in routes):
        return routes
    for each in routes:
        if isinstance(each, Mount) and (found := _beside(ours, each.routes or ())):
            return found
    return []


def _holds(route: BaseRoute, ours: YieldingRoute) -> bool:
    """Return True if a route is that route, or is an included router that has it."""
    if route is ours:
        return True
    inside = getattr(getattr(route, "original_router", None), "routes", ())
    return any(_holds(each, ours) for each in inside)
