"""The endpoint and the kind of work of a request.

They come from the routes of the application, and of applications in it. A label from the path of a request would have
unlimited values.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from starlette.routing import Host, Match, Mount

from signalscope.recording._modules import is_within
from signalscope.web._measurement import UNMATCHED

#: The key of a scope for which signalscope's routes do not match, so that only the application's own routes do.
MATCHING = "signalscope.matching"
#: The routes that contain an application.
NESTED = (Mount, Host)
#: The largest number of middlewares around an application in which its routes are looked for.
_MOST_MIDDLEWARES = 50


def routed(app: Any) -> Any:
    """Return the application with routes that an application is, or is a middleware of; None without one."""
    for _ in range(_MOST_MIDDLEWARES):
        if app is None or isinstance(getattr(app, "routes", None), list | tuple):
            return app
        app = getattr(app, "app", None)
    return None


def flat(routes: Iterable[Any]) -> Iterator[Any]:
    """Yield routes, with those of an included router in its place: newer versions of FastAPI do not copy them."""
    for route in routes:
        contexts = getattr(route, "effective_route_contexts", None)
        if contexts is None:
            yield route
        else:
            for context in contexts():
                yield getattr(context, "starlette_route", None) or context


def path_in(scope: Mapping[str, Any]) -> str:
    """Return the path of a request without the path of the application, as the framework's routes see it."""
    path, root = str(scope["path"]), str(scope.get("root_path", ""))
    rest = path.removeprefix(root)
    return rest if not rest or rest.startswith("/") else path


def route_of(scope: Mapping[str, Any], root: Any, root_path: str) -> tuple[str, str] | None:
    """Return the route template and the kind of work of a request after routing; None for signalscope's own routes.

    The kind of work is the first tag of the route, or else its name. A request that a mounted application answers
    without a route of its own has the path of the mount.

    Args:
        scope: The ASGI scope after routing.
        root: The application with the outermost routes; None if it is unknown.
        root_path: The ``root_path`` of the scope before routing; mounted applications add to it.
    """
    if _is_own(scope.get("endpoint")):
        return None
    route = _included(scope, scope.get("route"))
    path = getattr(route, "path", None)
    if path is None or isinstance(route, NESTED) or scope.get("root_path", "") != root_path:
        answer = _Search(scope).inside(root, {**scope, "root_path": root_path})
        if answer is None:
            return UNMATCHED, UNMATCHED
        path, route = answer
        if _is_own(getattr(route, "endpoint", None)):
            return None
    tags = getattr(route, "tags", None)
    return path, str(tags[0]) if tags else str(getattr(route, "name", "") or path)


def _is_own(endpoint: Any) -> bool:
    """Return True for an endpoint of signalscope; it is not part of the service's API."""
    return is_within(getattr(endpoint, "__module__", None) or "", (__package__,))


def _included(scope: Mapping[str, Any], route: Any) -> Any:
    """Return the route with the prefix and the tags of `include_router`.

    Newer versions of FastAPI do not copy included routes; they put the prefix and the tags into the scope.
    """
    known = scope.get("fastapi")
    context = known.get("effective_route_context") if isinstance(known, dict) else None
    if context is None or getattr(context, "original_route", None) is not route:
        return route
    return getattr(context, "starlette_route", None) or context


class _Search:
    """The search for the route that answered a request, in the order in which the framework matches routes.

    Only routes with the endpoint of the request, mounts and hosts are matched again. All routes are matched if the
    endpoint is unknown: no route matched, or a middleware passed on a copy of the scope.

    Args:
        scope: The ASGI scope after routing.
    """

    def __init__(self, scope: Mapping[str, Any]) -> None:
        self._endpoint = scope.get("endpoint")
        self._last = scope.get("app")
        known = scope.get("fastapi")
        self._frontend = known.get("frontend_path") if isinstance(known, dict) else None
        self._seen: list[Any] = []

    def inside(self, app: Any, scope: Mapping[str, Any]) -> tuple[str, Any] | None:
        """Return the template and the route inside an application; None if no route matches.

        An application whose routes cannot be read may have called the last application of the request.
        """
        for candidate in (routed(app), self._last):
            if candidate is None or any(candidate is seen for seen in self._seen):
                continue
            self._seen.append(candidate)
            answer = self._among(candidate.routes, {**scope, "fastapi": {}, MATCHING: True})
            if answer is not None:
                return answer
        return None

    def _among(self, routes: Iterable[Any], scope: dict[str, Any]) -> tuple[str, Any] | None:
        partial = None
        for route in self._candidates(routes):
            is_nested = isinstance(route, NESTED)
            is_endpoint = getattr(route, "endpoint", None) is self._endpoint
            try:
                match, child = route.matches(scope)
            except Exception:  # a route of the application, which has answered already
                match, child = (Match.FULL if is_endpoint and not is_nested else Match.NONE), {}
            path = str(getattr(route, "path", ""))
            if match is Match.FULL:
                return self._nested(route, path, {**scope, **child}) if is_nested else (path, route)
            if match is Match.PARTIAL and partial is None:
                partial = path, route
        if partial is None and self._frontend is not None:  # files of `FastAPI.frontend`
            return path_in(scope).removesuffix(self._frontend).rstrip("/") or "/", None
        return partial

    def _candidates(self, routes: Iterable[Any]) -> Iterator[Any]:
        """Yield the routes that can have answered; of the others, which may be hundreds, read only the endpoint."""
        answered = self._endpoint
        for route in routes:
            endpoint = getattr(route, "endpoint", None)
            if endpoint is answered or answered is None or endpoint is None:
                if endpoint is None and hasattr(route, "effective_route_contexts"):
                    yield from self._candidates(flat((route,)))
                else:
                    yield route

    def _nested(self, route: Any, path: str, scope: dict[str, Any]) -> tuple[str, Any] | None:
        answer = self.inside(route.app, scope)
        if answer is not None:
            return path + answer[0], answer[1]
        if path:
            return path, route
        return ("/", route) if routed(route.app) is None else None
