"""API metrics of every FastAPI and Starlette application, without a change to its code.

Request spans and `http.*` metrics are the official FastAPI instrumentor's business; this one adds the contract's API
metrics, inside its span.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import wrapt
from opentelemetry.instrumentation.instrumentor import (  # type: ignore[attr-defined]  # it is typed, mypy cannot see it
    BaseInstrumentor,
)
from opentelemetry.instrumentation.utils import unwrap

__all__ = ["FastAPIApiMetricsInstrumentor"]


class FastAPIApiMetricsInstrumentor(BaseInstrumentor):  # type: ignore[misc]  # see above
    """Adds the API middleware when an application builds its middleware stack.

    It works however the application's class was imported, and before or after other instrumentors.
    """

    def instrumentation_dependencies(self) -> Collection[str]:
        """The supported versions."""
        return ("starlette >= 0.40, < 2",)

    def _instrument(self, **kwargs: Any) -> None:
        wrapt.register_post_import_hook(_patch, "starlette.applications")

    def _uninstrument(self, **kwargs: Any) -> None:
        from starlette.applications import Starlette  # noqa: PLC0415  # not imported for programs without it

        unwrap(Starlette, "build_middleware_stack")


def _patch(module: Any) -> None:
    from signalscope.fastapi._instrument import add_at_build  # noqa: PLC0415  # needs what was just imported

    if not isinstance(module.Starlette.build_middleware_stack, wrapt.ObjectProxy):
        wrapt.wrap_function_wrapper(module.Starlette, "build_middleware_stack", add_at_build)
