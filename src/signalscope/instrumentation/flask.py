"""API metrics of every Flask application; the official instrumentor makes the spans."""

from __future__ import annotations

import weakref
from types import ModuleType
from typing import Any

from signalscope.instrumentation._base._instrumentor import LibraryInstrumentor, Method, on_import
from signalscope.instrumentation._base._suppression import only_if_undone
from signalscope.instrumentation._base._web import is_measurable, set_route, web_library
from signalscope.web._groups import GroupIndex, with_braces
from signalscope.web._measurement import Recorders, of_route
from signalscope.web._wsgi import Environ, StartResponse, WsgiMeasurement, measure_wsgi

__all__ = ["FlaskApiMetricsInstrumentor"]


class FlaskApiMetricsInstrumentor(LibraryInstrumentor):
    """Measures the requests of every Flask application, also of one that exists already.

    Example:
        >>> FlaskApiMetricsInstrumentor().instrument()
        >>> FlaskApiMetricsInstrumentor().uninstrument()
    """

    library = web_library(
        name="signalscope_flask",
        title="Flask",
        supports=("flask >= 2.2, < 4",),
        tested=("2.2.5", "3.1.3"),
        not_measured=("The time to send a file with the server's `wsgi.file_wrapper`.",),
        delegated="`opentelemetry-instrumentation-flask`",
        notes=(
            "The endpoint is the rule of the route, such as `/orders/<int:number>`. The kind of work is the "
            "blueprint, or the name of the endpoint.",
            "The status is that of the response, also if an error handler has made it.",
        ),
    )

    @on_import("flask.app")
    def _patch(self, module: ModuleType) -> None:
        recorders = Recorders()

        def call(
            original: Method, app: Any, /, environ: Environ, start_response: StartResponse, **kwargs: Any
        ) -> Any:
            if not is_measurable(environ):
                return original(app, environ, start_response, **kwargs)
            request = _Request(recorders, environ, app)
            return measure_wsgi(
                request, lambda *args: original(app, *args, **kwargs), environ, start_response
            )

        self.intercept(module.Flask, "__call__", call, unless=only_if_undone)
        self.intercept(module.Flask, "full_dispatch_request", _dispatch, unless=only_if_undone)


def _dispatch(original: Method, app: Any, /, *args: Any, **kwargs: Any) -> Any:
    """Call `Flask.full_dispatch_request`, which the application has routed before, and note the route."""
    from flask import request  # noqa: PLC0415  # it is being imported while the hook runs

    set_route(request.environ, lambda: _route(request))
    return original(app, *args, **kwargs)


def _route(request: Any) -> tuple[str, str] | None:
    rule = request.url_rule
    methods = getattr(request.routing_exception, "valid_methods", None)
    if rule is None and methods:  # a route for other methods
        from flask.globals import request_ctx  # noqa: PLC0415  # see above

        rule, _ = request_ctx.url_adapter.match(method=next(iter(methods)), return_rule=True)
    return None if rule is None else of_route(rule.rule, rule.endpoint.rpartition(".")[0] or rule.endpoint)


class _Request(WsgiMeasurement):
    __slots__ = ("_app",)

    def __init__(self, recorders: Recorders, environ: Environ, app: Any) -> None:
        self._app = app
        super().__init__(recorders, environ)

    def endpoint_group(self) -> str:
        rules = self._app.url_map._rules
        size, index = _indexes.get(self._app, (-1, None))
        if size != len(rules) or index is None:
            index = GroupIndex((with_braces(rule.rule), False) for rule in [*rules])
            _indexes[self._app] = len(rules), index
        return index.find(self.environ.get("PATH_INFO", ""))


#: By application: the number of its rules, and their endpoint groups.
_indexes: weakref.WeakKeyDictionary[Any, tuple[int, GroupIndex]] = weakref.WeakKeyDictionary()
