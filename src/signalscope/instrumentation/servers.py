"""API metrics of plain WSGI and ASGI applications: the middleware around the application that a server loads."""

from __future__ import annotations

import functools
from types import ModuleType
from typing import Any

from signalscope.instrumentation._base._instrumentor import LibraryInstrumentor, Method, on_import
from signalscope.instrumentation._base._suppression import only_if_undone
from signalscope.instrumentation._base._web import web_library
from signalscope.recording import internal_error
from signalscope.web import AsgiMetrics, WsgiMetrics

__all__ = ["ServersApiMetricsInstrumentor"]

#: gunicorn's modules with workers for WSGI. uvicorn's worker loads its application itself.
_WSGI_WORKERS = {"gunicorn.workers.sync", "gunicorn.workers.gthread", "gunicorn.workers.base_async"}
#: The packages of frameworks that have an instrumentor of their own.
_FRAMEWORKS = {"starlette", "fastapi", "flask", "django"}
#: The largest number of middlewares around an application that are looked through.
_MOST_MIDDLEWARES = 50


class ServersApiMetricsInstrumentor(LibraryInstrumentor):
    """Measures the application that gunicorn, uvicorn, hypercorn or granian loads, unless its framework is measured.

    Example:
        >>> ServersApiMetricsInstrumentor().instrument()
        >>> ServersApiMetricsInstrumentor().uninstrument()
    """

    library = web_library(
        name="signalscope_servers",
        title="Plain WSGI and ASGI",
        supports=(
            "gunicorn >= 20.1, < 28", "uvicorn >= 0.23, < 1", "hypercorn >= 0.16, < 1", "granian >= 2, < 3",
        ),
        not_measured=("WebSocket connections.", "RSGI applications of granian.", "Other servers."),
        notes=(
            "The endpoint is `unmatched`, since a plain application has no routes. "
            "[By hand](how-to/web-frameworks.md#plain-applications) a function gives the endpoint.",
            "An application of a framework with an instrumentor of its own is measured by that one.",
        ),
        delegated="`opentelemetry-instrumentation-wsgi` or `opentelemetry-instrumentation-asgi`",
    )  # fmt: skip

    @on_import("gunicorn.workers.base")
    def _gunicorn(self, module: ModuleType) -> None:
        def load(original: Method, worker: Any, /) -> None:
            original(worker)
            if any(cls.__module__ in _WSGI_WORKERS for cls in type(worker).__mro__):
                worker.wsgi = _measured(worker.wsgi, WsgiMetrics)

        self.intercept(module.Worker, "load_wsgi", load, unless=only_if_undone)

    @on_import("gunicorn.workers.gasgi")  # since gunicorn 24
    def _gunicorn_asgi(self, module: ModuleType) -> None:
        def load(original: Method, worker: Any, /) -> None:
            original(worker)
            worker.asgi = _measured(worker.asgi, AsgiMetrics)

        self.intercept(getattr(module, "ASGIWorker", None), "load_wsgi", load, unless=only_if_undone)

    @on_import("uvicorn.config")
    def _uvicorn(self, module: ModuleType) -> None:
        def load(original: Method, config: Any, /) -> None:
            original(config)
            config.loaded_app = _measured(config.loaded_app, AsgiMetrics)

        self.intercept(module.Config, "load", load, unless=only_if_undone)

    @on_import("hypercorn.app_wrappers")
    def _hypercorn(self, module: ModuleType) -> None:
        for wrapper, middleware in ((module.ASGIWrapper, AsgiMetrics), (module.WSGIWrapper, WsgiMetrics)):
            self.on_created(wrapper, functools.partial(_measure_inside, middleware))

    @on_import("granian.asgi", "granian.wsgi")
    def _granian(self, module: ModuleType) -> None:
        middleware = AsgiMetrics if module.__name__ == "granian.asgi" else WsgiMetrics

        def wrap(original: Method, app: Any, /, *args: Any, **kwargs: Any) -> Any:
            return original(_measured(app, middleware), *args, **kwargs)

        self.intercept(module, "_callback_wrapper", wrap, unless=only_if_undone)


def _measure_inside(middleware: type[AsgiMetrics | WsgiMetrics], wrapper: Any) -> None:
    wrapper.app = _measured(wrapper.app, middleware)


def _measured(app: Any, middleware: type[AsgiMetrics | WsgiMetrics]) -> Any:
    """Return an application with the middleware; one that is measured already is returned unchanged."""
    try:
        inner = app
        for _ in range(_MOST_MIDDLEWARES):
            modules = {cls.__module__.partition(".")[0] for cls in type(inner).__mro__}
            if inner is None or modules & _FRAMEWORKS or isinstance(inner, AsgiMetrics | WsgiMetrics):
                break
            inner = getattr(inner, "app", None)
        return middleware(app) if inner is None else app
    except Exception:  # must not reach the server
        internal_error("instrumentation.servers")
        return app
