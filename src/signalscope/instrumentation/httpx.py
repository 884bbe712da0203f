"""httpx: calls of `Client` and `AsyncClient` to known services; the official instrumentor makes the spans."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from signalscope.instrumentation._base._http import HttpInstrumentor, http_library
from signalscope.instrumentation._base._instrumentor import on_import

__all__ = ["HttpxInstrumentor"]


class HttpxInstrumentor(HttpInstrumentor):
    """Instrumentor for calls of httpx to external services.

    Example:
        >>> HttpxInstrumentor().instrument()
        >>> HttpxInstrumentor().uninstrument()
    """

    library = http_library(
        name="signalscope_httpx",
        title="httpx",
        supports=("httpx >= 0.24, < 1",),
        tested=("0.24.1", "0.28.1"),
        delegated="opentelemetry-instrumentation-httpx",
    )

    @on_import("httpx._client")
    def _patch(self, module: ModuleType) -> None:
        self.intercept_calls(module.Client, "send", _request)
        self.intercept_calls(module.AsyncClient, "send", _request, is_async=True)


def _request(_client: Any, request: Any, *_: Any, **__: Any) -> tuple[str, str]:
    return str(request.url), request.method
