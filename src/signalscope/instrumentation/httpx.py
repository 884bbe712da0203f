"""httpx: calls of `Client` and `AsyncClient` to known services; the official instrumentor makes the spans."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from types import ModuleType
from typing import Any

from signalscope.instrumentation._base._http import NOT_MEASURED, SPANS, UNIT, asynchronously, synchronously
from signalscope.instrumentation._base._instrumentor import Hook, LibraryInstrumentor
from signalscope.instrumentation._base._library import Library
from signalscope.instrumentation._base._services import DEPENDENCY_METRICS

__all__ = ["HttpxInstrumentor"]


class HttpxInstrumentor(LibraryInstrumentor):
    """Records calls to external services."""

    library = Library(
        name="signalscope_httpx",
        title="httpx",
        kind="dependency",
        supports=("httpx >= 0.24, < 1",),
        tested=("0.24.1", "0.28.1"),
        measures=DEPENDENCY_METRICS,
        spans=SPANS,
        unit=UNIT,
        not_measured=NOT_MEASURED,
        delegated="opentelemetry-instrumentation-httpx",
    )

    def hooks(self) -> Mapping[str, Hook]:
        """Return the hook of the module of clients."""
        return {"httpx._client": self._patch}

    def _patch(self, module: ModuleType) -> None:
        self.replace(module.Client, "send", functools.partial(synchronously, request=_request))
        self.replace(module.AsyncClient, "send", functools.partial(asynchronously, request=_request))


def _request(_client: Any, request: Any, *_: Any, **__: Any) -> tuple[str, str]:
    return str(request.url), request.method
