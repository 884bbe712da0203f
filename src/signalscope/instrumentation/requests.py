"""requests: calls of `Session` to known services; the official instrumentor makes the spans."""

from __future__ import annotations

from types import ModuleType

from signalscope.instrumentation._base._http import HttpInstrumentor, http_library
from signalscope.instrumentation._base._instrumentor import on_import

__all__ = ["RequestsInstrumentor"]


class RequestsInstrumentor(HttpInstrumentor):
    """Instrumentor for calls of requests to external services.

    Example:
        >>> RequestsInstrumentor().instrument()
        >>> RequestsInstrumentor().uninstrument()
    """

    library = http_library(
        name="signalscope_requests",
        title="requests",
        supports=("requests >= 2.25, < 3",),
        tested=("2.28.2", "2.34.2"),
        delegated="opentelemetry-instrumentation-requests",
    )

    @on_import("requests.sessions")
    def _patch(self, module: ModuleType) -> None:
        self.intercept_calls(
            module.Session, "send", lambda _, request, *args, **kwargs: (request.url, request.method)
        )
