"""Routes that give way: the host application's own routes always win.

A route of signalscope's matches a request only when no other route of the application does, whichever was added
first. A path that the application answers in any way, be it for another method or by a redirect to or from a
trailing slash, is the application's.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from typing import Any

from fastapi.routing import APIRoute
from starlette.routing import BaseRoute, Match, Mount
from starlette.types import Scope

from signalscope.recording import internal_error

__all__ = ["YieldingRoute", "is_ours", "put_last", "undo_put_last"]

_logger = logging.getLogger("signalscope")
#: Marks a scope with which the application's own routes are being asked.
_ASKING = "signalscope.asking"


class YieldingRoute(APIRoute):
    """A route that matches only what the application's own routes do not."""

    _told = False

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Whether the request is for this route."""
        match, child_scope = super().matches(scope)
        if match is Match.NONE or scope.get(_ASKING):
            return Match.NONE, {}
        try:
            other = self._other(scope)
        except (
            Exception
        ):  # a route of the application's that cannot be asked is asked by the framework anyway
            internal_error("fastapi.yielding")
            other = None
        if other is None:
            return match, child_scope
        if not self._told:
            self._told = True
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
            asked = {**scope, "path": path, _ASKING: True}
            for route in routes:
                if route.matches(asked)[0] is not Match.NONE:
                    return route
        return None


def put_last(app: Any) -> None:
    """Let signalscope's routes be the last that are asked, and in OpenAPI the first: there the last one wins."""
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
    """Give the application its own `openapi` back, and let it describe itself anew."""
    app.openapi = getattr(app.openapi, _DESCRIBES, app.openapi)
    app.openapi_schema = None


#: Marks an application's `openapi` that is ours, and has the application's own.
_DESCRIBES = "_signalscope_describes"


def _order(app: Any, *, ours_first: bool) -> None:
    app.router.routes = sorted(app.router.routes, key=lambda each: is_ours(each) is not ours_first)


def is_ours(route: BaseRoute) -> bool:
    """Whether a route is one of signalscope's, or an included router of nothing else."""
    if isinstance(route, YieldingRoute):
        return True
    inside = getattr(getattr(route, "original_router", None), "routes", None)
    return bool(inside) and all(is_ours(each) for each in inside or ())


def _beside(ours: YieldingRoute, routes: Iterable[BaseRoute]) -> Sequence[BaseRoute]:
    """The routes that a route stands among: the application's, or those of a router mounted in it."""
    routes = list(routes)
    if any(_holds(each, ours) for each in routes):
        return routes
    for each in routes:
        if isinstance(each, Mount) and (found := _beside(ours, each.routes or ())):
            return found
    return []


def _holds(route: BaseRoute, ours: YieldingRoute) -> bool:
    """Whether a route is that one, or stands for an included router that has it."""
    if route is ours:
        return True
    inside = getattr(getattr(route, "original_router", None), "routes", ())
    return any(_holds(each, ours) for each in inside)
