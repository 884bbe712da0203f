"""Common parts of the instrumentors of HTTP clients."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from signalscope.instrumentation._base._instrumentor import IsUndone, Method
from signalscope.instrumentation._base._services import begin_call, recorded

__all__ = ["NOT_MEASURED", "SPANS", "UNIT", "asynchronously", "synchronously"]

#: Gives the URL and the method of a request from the arguments of a call.
Request = Callable[..., tuple[str, str]]

SPANS = "The official instrumentor's client spans, with `peer.service` for a service that is known."
UNIT = (
    "One call of the program is one call: redirects that the client follows, and tries that it repeats by "
    "itself, are a part of it; a try that the program repeats is another one. A response of 500 and more, or "
    "an exception, is an error; of an exception that carries a response, its status is the type. `operation` "
    "is the method."
)
NOT_MEASURED = (
    "Calls to hosts that SIGNALSCOPE_SERVICES does not name, unless the first label ends in `service`.",
    "A body that the program reads later (streaming).",
)


def synchronously(original: Method, is_undone: IsUndone, *, request: Request) -> Method:
    """Wrap a function that makes a call."""

    @functools.wraps(original)
    def send(*args: Any, **kwargs: Any) -> Any:
        call = None if is_undone() else _begin(request, args, kwargs)
        if call is None:
            return original(*args, **kwargs)
        with recorded(call) as response:
            value = original(*args, **kwargs)
            response.append(value)
        return value

    return send


def asynchronously(original: Method, is_undone: IsUndone, *, request: Request) -> Method:
    """Wrap a coroutine function that makes a call."""

    @functools.wraps(original)
    async def send(*args: Any, **kwargs: Any) -> Any:
        call = None if is_undone() else _begin(request, args, kwargs)
        if call is None:
            return await original(*args, **kwargs)
        with recorded(call) as response:
            value = await original(*args, **kwargs)
            response.append(value)
        return value

    return send


def _begin(request: Request, args: Any, kwargs: Any) -> Any:
    try:
        url, method = request(*args, **kwargs)
    except Exception:  # called in a way that the client itself refuses
        return None
    return begin_call(url, method)
