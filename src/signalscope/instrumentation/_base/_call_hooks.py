"""Request and response hooks, like those of the official instrumentors: they extend the span of a call."""

from __future__ import annotations

import functools
import inspect
import types
from collections.abc import Callable
from typing import Any

from opentelemetry.trace import Span, get_current_span

from signalscope.recording import internal_error

#: Gets the span, the positional and the keyword arguments; a method's first argument is its object.
RequestHook = Callable[[Span, tuple[Any, ...], dict[str, Any]], None]
#: Gets the span and the result.
ResponseHook = Callable[[Span, Any], None]
_HOOKED = (
    classmethod,
    staticmethod,
    types.FunctionType,
    types.BuiltinFunctionType,
    types.MethodDescriptorType,
    types.WrapperDescriptorType,
    type(functools.cache(len)),
)


def with_hooks(call: Any, request: RequestHook | None, response: ResponseHook | None) -> Any:
    """Return a callable that calls the hooks before and after the given callable.

    Without hooks it returns the given callable, also for a generator function and for a descriptor that is not a
    method. An exception of a hook is counted in `signalscope.internal.errors`, and does not change the call.
    """
    if (request is None and response is None) or not isinstance(call, _HOOKED):
        return call
    if inspect.isgeneratorfunction(call) or inspect.isasyncgenfunction(call):
        return call
    if isinstance(call, classmethod | staticmethod):
        return type(call)(with_hooks(call.__func__, request, response))

    if inspect.iscoroutinefunction(call):

        @functools.wraps(call)
        async def awaited(*args: Any, **kwargs: Any) -> Any:
            span = _before(request, args, kwargs)
            result = await call(*args, **kwargs)
            _after(response, span, result)
            return result

        return awaited

    @functools.wraps(call)
    def called(*args: Any, **kwargs: Any) -> Any:
        span = _before(request, args, kwargs)
        result = call(*args, **kwargs)
        _after(response, span, result)
        return result

    return called


def _before(hook: RequestHook | None, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Span | None:
    span = get_current_span()
    if not span.is_recording():
        return None
    if hook is not None:
        _call_safely("instrumentation.request_hook", hook, span, args, kwargs)
    return span


def _after(hook: ResponseHook | None, span: Span | None, result: Any) -> None:
    if span is not None and hook is not None:
        _call_safely("instrumentation.response_hook", hook, span, result)


def _call_safely(where: str, hook: Callable[..., None], *args: Any) -> None:
    try:
        hook(*args)
    except Exception:  # the user's hook
        internal_error(where)
