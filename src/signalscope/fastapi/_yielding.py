"""Routes that match only if no route of the application matches, independent of the order of the routes.

The application also keeps a path that it answers for another method, or with a redirect to or from a trailing slash.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from fastapi.routing import APIRoute
from starlette.routing import BaseRoute, Match, Mount
from starlette.types import Scope

from signalscope.fastapi._routes import MATCHING
from signalscope.recording import internal_error

_logger = logging.getLogger("signalscope")


class YieldingRoute(APIRoute):
    """A route that matches only requests that no route of the application matches."""

    _logged = False

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Return no match if a route of the application matches; otherwise how this route matches."""
        match, child_scope = super().matches(scope)
        if match is Match.NONE or scope.get(MATCHING):
            return Match.NONE, {}
        try:
            own = self._own_route(scope)
        except Exception:  # raised by a route of the application; the framework matches it again
            internal_error("fastapi.yielding")
            own = None
        if own is None:
            return match, child_scope
        if not self._logged:
            self._logged = True
            name = getattr(own, "path", own)
            _logger.info("signalscope: %s is answered by the application's own route %s", scope["path"], name)
        return Match.NONE, {}

    def _own_route(self, scope: Scope) -> BaseRoute | None:
        """Return the application's own route that answers the path; None if there is none."""
        app = scope.get("app")
        paths = [str(scope["path"])]
        if getattr(getattr(app, "router", None), "redirect_slashes", True) and paths[0] != "/":
            paths.append(paths[0].rstrip("/") if paths[0].endswith("/") else f"{paths[0]}/")
        routes = _beside(self, getattr(app, "routes", ()))
        for path in paths:
            path_scope = {**scope, "path": path, MATCHING: True}
            for route in routes:
                if route.matches(path_scope)[0] is not Match.NONE:
                    return route
        return None


def put_last(app: Any) -> None:
    """Move signalscope's routes behind all others; for OpenAPI to the front, because there the last route is used."""
    _order(app, yielding_first=False)
    described = getattr(app, "openapi", None)
    if described is None or hasattr(described, _DESCRIBES):
        return

    def openapi() -> Any:
        _order(app, yielding_first=True)
        try:
            return described()
        finally:
            _order(app, yielding_first=False)

    setattr(openapi, _DESCRIBES, described)
    app.openapi = openapi


def undo_put_last(app: Any) -> None:
    """Restore the application's own `openapi` method, and drop the cached OpenAPI schema."""
    app.openapi = getattr(app.openapi, _DESCRIBES, app.openapi)
    app.openapi_schema = None


#: The attribute of signalscope's `openapi` function that stores the application's own one.
_DESCRIBES = "_signalscope_describes"


def _order(app: Any, *, yielding_first: bool) -> None:
    app.router.routes = sorted(app.router.routes, key=lambda route: is_yielding(route) is not yielding_first)


def is_yielding(route: BaseRoute) -> bool:
    """Return True for a route of signalscope, and for an included router that has only such routes."""
    included = _included(route)
    return isinstance(route, YieldingRoute) or (bool(included) and all(map(is_yielding, included)))


def _included(route: BaseRoute) -> Sequence[BaseRoute]:
    """Return the routes of an included router, which newer versions of FastAPI do not copy; else nothing."""
    return getattr(getattr(route, "original_router", None), "routes", ())


def _beside(target: YieldingRoute, routes: Sequence[BaseRoute]) -> Sequence[BaseRoute]:
    """Return the list of routes that contains a route: of the application, or of a mounted application."""
    if any(_has(route, target) for route in routes):
        return routes
    mounts = (route.routes or () for route in routes if isinstance(route, Mount))
    return next(filter(None, (_beside(target, mounted) for mounted in mounts)), ())


def _has(route: BaseRoute, target: YieldingRoute) -> bool:
    """Return True if a route is the target, or an included router that contains the target."""
    return route is target or any(_has(included, target) for included in _included(route))
