"""API metrics of every FastAPI and Starlette application, without a change to its code.

The official FastAPI instrumentor makes the request spans and the `http.*` metrics. This one adds the API metrics of
the contract inside of its span.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import wrapt
from opentelemetry.instrumentation.instrumentor import (  # type: ignore[attr-defined]  # it is typed, mypy cannot see it
    BaseInstrumentor,
)
from opentelemetry.instrumentation.utils import unwrap

from signalscope.instrumentation._base._library import Library
from signalscope.recording import internal_error

__all__ = ["FastAPIApiMetricsInstrumentor"]

#: The class of each module that builds a middleware stack.
_CLASSES = {"starlette.applications": "Starlette", "fastapi.applications": "FastAPI"}
_METHOD = "build_middleware_stack"


class FastAPIApiMetricsInstrumentor(BaseInstrumentor):  # type: ignore[misc]  # see above
    """Adds the API middleware when an application builds its middleware stack.

    It does not depend on how the application's class was imported, nor on the order of instrumentors.
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
        spans="The official instrumentor's span of each request.",
        unit="A request, to the last byte of its response.",
        not_measured=("Requests for signalscope's own routes.", "WebSocket connections."),
        delegated="`opentelemetry-instrumentation-fastapi`",
    )
    _patched: tuple[type, ...] = ()

    def instrumentation_dependencies(self) -> Collection[str]:
        """Return the supported versions."""
        return self.library.supports

    def _instrument(self, **kwargs: Any) -> None:
        for module in _CLASSES:
            wrapt.register_post_import_hook(self._patch, module)

    def _uninstrument(self, **kwargs: Any) -> None:
        for each in self._patched:
            unwrap(each, _METHOD)
        self._patched = ()

    def _patch(self, module: Any) -> None:
        application = getattr(module, _CLASSES[module.__name__])
        method = application.__dict__.get(_METHOD)
        if method is not None and not isinstance(method, wrapt.ObjectProxy):
            wrapt.wrap_function_wrapper(application, _METHOD, _add_at_build)
            self._patched = (*self._patched, application)


def _add_at_build(build: Callable[..., Any], app: Any, args: Any, kwargs: Any) -> Any:
    """Add the middleware, then call `Starlette.build_middleware_stack`.

    The stack is built after the application has added all routes and middlewares.
    """
    try:
        # Only now; the hook above runs while FastAPI's own package is still being imported.
        from signalscope.fastapi._middleware import add_middleware  # noqa: PLC0415  # see above

        add_middleware(app)
    except Exception:  # must not reach the application
        internal_error("instrumentation.fastapi")
    return build(*args, **kwargs)
