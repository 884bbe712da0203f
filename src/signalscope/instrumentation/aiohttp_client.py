"""aiohttp's client: calls of `ClientSession` to known services; the official instrumentor makes the spans."""

from __future__ import annotations

from types import ModuleType
from typing import Any
from urllib.parse import urljoin

from signalscope.instrumentation._base._http import NOT_MEASURED, HttpInstrumentor, http_library
from signalscope.instrumentation._base._instrumentor import on_import

__all__ = ["AiohttpClientInstrumentor"]


class AiohttpClientInstrumentor(HttpInstrumentor):
    """Instrumentor for calls of aiohttp to external services.

    Example:
        >>> AiohttpClientInstrumentor().instrument()
        >>> AiohttpClientInstrumentor().uninstrument()
    """

    library = http_library(
        name="signalscope_aiohttp_client",
        title="aiohttp (client)",
        supports=("aiohttp >= 3.8, < 4",),
        tested=("3.9.5", "3.14.5"),
        not_measured=(
            *NOT_MEASURED,
            "The time to read the body: a call ends with the headers of the response.",
            "WebSockets.",
        ),
        delegated="opentelemetry-instrumentation-aiohttp-client",
    )

    @on_import("aiohttp.client")
    def _patch(self, module: ModuleType) -> None:
        self.intercept_calls(module.ClientSession, "_request", _request, is_async=True)


def _request(session: Any, method: str, url: Any, *, headers: Any = None, **_: Any) -> tuple[str, str]:
    if str(dict(headers or ()).get("Upgrade", "")).lower() == "websocket":  # a handshake by `ws_connect`
        return "", method
    base = getattr(session, "_base_url", None)
    return str(url) if base is None else urljoin(str(base), str(url)), method
