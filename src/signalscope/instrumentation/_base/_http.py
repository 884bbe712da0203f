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
    "A body that the program reads later (streaming).",
)
#: The description of an HTTP client.
http_library = functools.partial(
    Library,
    kind="dependency",
    measures=DEPENDENCY_METRICS,
    spans="The official instrumentor's client spans, with `peer.service` for a service that is known.",
    unit=(
        "One call of the program is one call: redirects that the client follows, and tries that it repeats by "
        "itself, are a part of it; a try that the program repeats is another one. A response of 500 and more, or "
        "an exception, is an error; of an exception that carries a response, its status is the type. `operation` "
        "is the method."
    ),
    not_measured=NOT_MEASURED,
)


class HttpInstrumentor(LibraryInstrumentor):
    """Records the calls of an HTTP client to external services."""

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
    except Exception:  # called in a way that the client itself refuses
        return nullcontext([])
    return recorded_call(url, method)
