"""API metrics of a Django service, under WSGI and ASGI; the official instrumentor makes the spans."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from signalscope.instrumentation._base._instrumentor import LibraryInstrumentor, Method, on_import
from signalscope.instrumentation._base._suppression import IsUndone, only_if_undone
from signalscope.instrumentation._base._web import is_measurable, set_route, web_library
from signalscope.web._asgi import AsgiMeasurement, Receive, Scope, Send, measure_asgi
from signalscope.web._groups import GroupIndex, with_braces
from signalscope.web._measurement import Recorders, of_route
from signalscope.web._wsgi import Environ, StartResponse, WsgiMeasurement, measure_wsgi

__all__ = ["DjangoApiMetricsInstrumentor"]

#: A named group of a regular expression without nested groups, and any other group.
_NAMED, _UNNAMED = re.compile(r"\(\?P<(\w+)>[^()]*\)"), re.compile(r"\((?!\?)[^()]*\)")


class DjangoApiMetricsInstrumentor(LibraryInstrumentor):
    """Measures the requests that Django's WSGI and ASGI handlers answer, also of handlers that exist already.

    Example:
        >>> DjangoApiMetricsInstrumentor().instrument()
        >>> DjangoApiMetricsInstrumentor().uninstrument()
    """

    library = web_library(
        name="signalscope_django",
        title="Django",
        supports=("django >= 4.2, < 7",),
        tested=("4.2.16", "5.2.19"),
        not_measured=(
            "The time to send a file with the server's `wsgi.file_wrapper`.",
            "Requests of Django's test client, which calls no handler of a server.",
        ),
        delegated="`opentelemetry-instrumentation-django`",
        notes=(
            "The endpoint is the route with those of `include()` around it, such as `/orders/<int:number>/`. Named "
            "groups of a regular expression become `<name>`. The kind of work is the namespace of the application, "
            "or the name of the route.",
            "The status is that of the response, also if a handler or a middleware has made it.",
        ),
    )

    @on_import("django.core.handlers.base")
    def _routing(self, module: ModuleType) -> None:
        self.intercept(module.BaseHandler, "resolve_request", _resolve, unless=only_if_undone)

    @on_import("django.core.handlers.wsgi")
    def _wsgi(self, module: ModuleType) -> None:
        recorders = Recorders()

        def call(original: Method, handler: Any, /, environ: Environ, start_response: StartResponse) -> Any:
            if not is_measurable(environ):
                return original(handler, environ, start_response)
            request = _WsgiRequest(recorders, environ)
            return measure_wsgi(request, lambda *args: original(handler, *args), environ, start_response)

        self.intercept(module.WSGIHandler, "__call__", call, unless=only_if_undone)

    @on_import("django.core.handlers.asgi")
    def _asgi(self, module: ModuleType) -> None:
        recorders = Recorders()

        def make(original: Method, is_undone: IsUndone) -> Method:
            # Servers call an application without arguments, to find out if it is a factory: that has to raise.
            @functools.wraps(original)
            async def call(handler: Any, scope: Scope, receive: Receive, send: Send) -> None:
                if scope["type"] != "http" or is_undone() or not is_measurable(scope):
                    await original(handler, scope, receive, send)
                    return
                request = _AsgiRequest(recorders, scope)
                await measure_asgi(request, lambda *args: original(handler, *args), receive, send)

            return call

        self.replace(module.ASGIHandler, "__call__", make)


def _resolve(original: Method, handler: Any, request: Any, /) -> Any:
    """Call `BaseHandler.resolve_request`, and note the route."""
    match = original(handler, request)
    set_route(getattr(request, "scope", None) or request.environ, lambda: _route(match))
    return match


def _route(match: Any) -> tuple[str, str]:
    template, kind = _template(match.route), match.app_name or match.url_name or ""
    return of_route(template, kind)


def _template(route: str) -> str:
    """Return a route of `path` as it is, and of `re_path` without the syntax of regular expressions."""
    if not any(character in route for character in "^$(\\"):
        return route
    for pattern, replacement in ((_NAMED, r"<\1>"), (_UNNAMED, "<var>")):
        route = pattern.sub(replacement, route)
    return re.sub(r"\\[AZbB]|[\^$?\\]", "", route)


class _WsgiRequest(WsgiMeasurement):
    __slots__ = ()

    def endpoint_group(self) -> str:
        return _group(self.environ.get("PATH_INFO", ""))


class _AsgiRequest(AsgiMeasurement):
    __slots__ = ()

    def endpoint_group(self) -> str:
        path, root = self.scope["path"], self.scope.get("root_path", "")
        return _group(path.removeprefix(root))


#: The root resolver, and its endpoint groups.
_index: list[tuple[Any, GroupIndex]] = []


def _group(path: str) -> str:
    from django.urls import get_resolver  # noqa: PLC0415  # it is being imported while the hooks run

    resolver = get_resolver()
    if not _index or _index[0][0] is not resolver:
        _index[:] = [(resolver, GroupIndex((f"/{path}", False) for path in _paths(resolver, "")))]
    return _index[0][1].find(path)


def _paths(resolver: Any, prefix: str) -> Iterator[str]:
    for entry in resolver.url_patterns:
        path = prefix + with_braces(_template(str(entry.pattern)))
        if hasattr(entry, "url_patterns"):
            yield from _paths(entry, path)
        else:
            yield path
