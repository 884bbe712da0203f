"""API metrics of every FastAPI and Starlette application, without a change to its code.

FastAPI (since 0.165) or its official instrumentor makes the request spans and the `http.*` metrics. This instrumentor
adds the API metrics of the contract inside these spans.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

from signalscope.instrumentation._base._instrumentor import Library, LibraryInstrumentor, Method, on_import
from signalscope.instrumentation._base._suppression import only_if_undone
from signalscope.recording import internal_error

__all__ = ["FastAPIApiMetricsInstrumentor"]

_METHOD = "build_middleware_stack"


class FastAPIApiMetricsInstrumentor(LibraryInstrumentor):
    """Adds the API middleware when an application builds its middleware stack.

    It works for every way to import the application's class, and in any order of instrumentors.

    Example:
        >>> FastAPIApiMetricsInstrumentor().instrument()
        >>> FastAPIApiMetricsInstrumentor().uninstrument()
    """

    library = Library(
        name="signalscope_fastapi",
        title="FastAPI and Starlette",
        kind="api",
        supports=("starlette >= 0.37.2, < 2",),
        measures=(
            "signal_service.api.request.duration",
            "signal_service.api.requests",
            "signal_service.concurrent_requests",
        ),
        spans="FastAPI's own spans since 0.165, otherwise the official instrumentor's span of each request.",
        unit="A request, until the last byte of its response.",
        not_measured=("Requests for signalscope's own routes.", "WebSocket connections."),
        notes=(
            "The endpoint has the templates of all mounts around a route. A mounted application that answers without "
            "a route of its own (files, ASGI applications, an unknown path) has the path of its mount.",
            "The status is that of the response, also if a handler for `Exception` or 500 has made it.",
            "See [FastAPI's own telemetry](how-to/existing-service.md#fastapis-own-telemetry).",
        ),
        delegated="`opentelemetry-instrumentation-fastapi`",
    )

    @on_import("starlette.applications", "fastapi.applications")
    def _patch(self, module: ModuleType) -> None:
        for name in ("Starlette", "FastAPI"):
            cls = getattr(module, name, None)
            if cls is not None and _METHOD in vars(cls):
                self.intercept(cls, _METHOD, _add_at_build, unless=only_if_undone)


def _add_at_build(build: Method, app: Any, /, *args: Any, **kwargs: Any) -> Any:
    """Add the middleware, then call `Starlette.build_middleware_stack`.

    The stack is built after the application has added all routes and middlewares.
    """
    try:
        # Imported late: the hook above runs while FastAPI itself is still being imported.
        from signalscope.fastapi._middleware import put_first  # noqa: PLC0415  # see above

        put_first(app)
    except Exception:  # must not reach the application
        internal_error("instrumentation.fastapi")
    return build(app, *args, **kwargs)
