"""API metrics of every FastAPI and Starlette application, without a change to its code.

Request spans and `http.*` metrics are the official FastAPI instrumentor's business; this one adds the contract's
API metrics, inside its span.
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

#: Modules, and the class in each that builds a middleware stack in its own way.
_CLASSES = {"starlette.applications": "Starlette", "fastapi.applications": "FastAPI"}
_METHOD = "build_middleware_stack"


class FastAPIApiMetricsInstrumentor(BaseInstrumentor):  # type: ignore[misc]  # see above
    """Adds the API middleware when an application builds its middleware stack.

    It works however the application's class was imported, and before or after other instrumentors.
    """

    library = Library(
        name="signalscope_fastapi",
        title="FastAPI and Starlette",
        kind="api",
        supports=("starlette >= 0.37.2, < 2",),
        tested=None,
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
        """The supported versions."""
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
    """Stands in front of `Starlette.build_middleware_stack`.

    However the application's class was imported, its stack is built after its code has added everything.
    """
    try:
        # Only now; the hook above runs while FastAPI's own package is still being imported.
        from signalscope.fastapi._at_build import add  # noqa: PLC0415  # see above

        add(app)
    except Exception:  # ours, and not the application's business
        internal_error("instrumentation.fastapi")
    return build(*args, **kwargs)
