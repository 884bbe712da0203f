"""The base of the instrumentors of HTTP clients."""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from signalscope.instrumentation._base._instrumentor import Library, LibraryInstrumentor
from signalscope.instrumentation._base._services import DEPENDENCY_METRICS, recorded_call
from signalscope.instrumentation._base._suppression import only_if_undone

#: Returns the URL and the method of a request from the arguments of a call.
Request = Callable[..., tuple[str, str]]

NOT_MEASURED = (
    "Calls to hosts that SIGNALSCOPE_SERVICES does not name, unless the first label ends in `service`.",
    "The time to read a body later (streaming).",
)
#: The description of an HTTP client.
http_library = functools.partial(
    Library,
    kind="dependency",
    measures=DEPENDENCY_METRICS,
    spans="The official instrumentor's client spans, with `peer.service` for a known service.",
    unit=(
        "One call of the program, with all redirects and retries that the client makes itself. A retry by the "
        "program is another call. A status of 500 or more, or an exception, is an error. If an exception has a "
        "response, its status is the type of the error. `operation` is the HTTP method."
    ),
    not_measured=NOT_MEASURED,
)


class HttpInstrumentor(LibraryInstrumentor):
    """Base of the instrumentors for calls of HTTP clients to external services."""

    def intercept_calls(self, client: type, name: str, request: Request, *, is_async: bool = False) -> None:
        """Record the calls that a method of a client makes.

        Args:
            client: The class of the client.
            name: The method.
            request: Returns the URL and the HTTP method from the arguments of the call.
            is_async: True if the method is a coroutine function.
        """
        context = functools.partial(_recorded, request)
        self.surround(client, name, context, is_async=is_async, unless=only_if_undone)


def _recorded(request: Request, /, *args: Any, **kwargs: Any) -> AbstractContextManager[list[Any]]:
    try:
        url, method = request(*args, **kwargs)
    except Exception:  # arguments that the client itself refuses
        return nullcontext([])
    return recorded_call(url, method)
