"""Check the arguments of a call at the time of the call.

A coroutine or generator function rejects wrong arguments at once. A wrapper `async def wrapper(*args, **kwargs)`
accepts any arguments, so the error would be raised at the first `await`, perhaps in another task. So the wrapper is
put inside a plain function that is marked as a coroutine or generator function. It first calls a function that has
the same parameters and does nothing.
"""

from __future__ import annotations

import functools
import inspect
import weakref
from collections.abc import Callable
from types import FunctionType, MethodType
from typing import Any

#: The flags with which `inspect` recognises coroutine and generator functions.
_KINDS = (
    inspect.CO_COROUTINE | inspect.CO_GENERATOR | inspect.CO_ASYNC_GENERATOR | inspect.CO_ITERABLE_COROUTINE
)
#: For each function that this module has created, and that accepts any arguments: a function with the real
#: parameters.
_signatures: weakref.WeakKeyDictionary[FunctionType, Callable[..., object]] = weakref.WeakKeyDictionary()


def _nothing() -> None:
    """Do nothing; `_emptied` combines this code with the parameters of other functions."""


def checking_arguments(call: Any, wrapper: Any) -> Any:
    """Return a wrapper that rejects wrong arguments as the wrapped coroutine or generator function does.

    Args:
        call: The wrapped callable.
        wrapper: A function that accepts any arguments. A plain function is returned unchanged, since it calls at
            once.
    """
    kind = wrapper.__code__.co_flags & _KINDS
    check = _same_parameters(call) if kind else None
    if check is None:
        return wrapper
    named = functools.wraps(call)(wrapper) if isinstance(call, FunctionType) else wrapper

    def checking(*args: Any, **kwargs: Any) -> Any:
        check(*args, **kwargs)
        return named(*args, **kwargs)

    code = checking.__code__
    # The flag is only a mark. A coroutine or generator is created by an instruction that this code does not have.
    marked = FunctionType(
        code.replace(co_flags=code.co_flags | kind), checking.__globals__, None, None, checking.__closure__
    )
    _signatures[marked] = check
    return marked


def _same_parameters(call: Any) -> Callable[..., object] | None:
    """Return a function that accepts the same arguments and does nothing; None if no Python function is called."""
    if isinstance(call, MethodType):
        inner, first, more = call.__func__, (call.__self__,), {}
    elif isinstance(call, functools.partial):
        inner, first, more = call.func, call.args, call.keywords
    elif isinstance(call, FunctionType):
        return _signatures.get(call) or _emptied(call)
    elif isinstance(getattr(type(call), "__call__", None), FunctionType):  # noqa: B004  # how it is called
        inner, first, more = type(call).__call__, (call,), {}
    else:
        return None
    check = _same_parameters(inner)
    return None if check is None else functools.partial(check, *first, **more)


def _emptied(call: FunctionType) -> FunctionType:
    code, nothing = call.__code__, _nothing.__code__
    rest = code.co_flags & (inspect.CO_VARARGS | inspect.CO_VARKEYWORDS)
    number = code.co_argcount + code.co_kwonlyargcount + rest.bit_count()
    emptied = FunctionType(
        nothing.replace(
            co_argcount=code.co_argcount,
            co_posonlyargcount=code.co_posonlyargcount,
            co_kwonlyargcount=code.co_kwonlyargcount,
            co_nlocals=number,
            co_varnames=code.co_varnames[:number],
            co_flags=nothing.co_flags | rest,
        ),
        {},
        call.__name__,
        call.__defaults__,
    )
    emptied.__kwdefaults__ = call.__kwdefaults__
    emptied.__qualname__ = call.__qualname__
    return emptied
