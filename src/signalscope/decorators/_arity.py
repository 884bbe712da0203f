"""Refusing arguments that do not fit when a call is made.

A coroutine or generator function refuses wrong arguments at once, but a wrapper `async def wrapper(*args, **kwargs)`
takes any, and the mistake would come out at the first `await`, perhaps in a task of its own. So a function that does
nothing but has the same parameters is called first, by a plain function that is marked as what it stands for.
"""

from __future__ import annotations

import functools
import inspect
import weakref
from collections.abc import Callable
from types import FunctionType, MethodType
from typing import Any

__all__ = ["refusing"]

#: What makes a function a coroutine function or a generator function, for everybody who asks.
_SORTS = (
    inspect.CO_COROUTINE | inspect.CO_GENERATOR | inspect.CO_ASYNC_GENERATOR | inspect.CO_ITERABLE_COROUTINE
)
#: What takes the same arguments as a function that was made here; its own parameters are anything.
_known: weakref.WeakKeyDictionary[FunctionType, Callable[..., object]] = weakref.WeakKeyDictionary()


def _nothing() -> None:
    """Takes the parameters of others."""


def refusing(call: Any, wrapper: Any) -> Any:
    """The wrapper of a coroutine or generator function, refusing wrong arguments as the function itself does.

    Args:
        call: What is wrapped.
        wrapper: A function that takes anything. One that is a plain function calls at once, and is returned as it is.
    """
    sort = wrapper.__code__.co_flags & _SORTS
    fits = _taking_the_same(call) if sort else None
    if fits is None:
        return wrapper
    named = functools.wraps(call)(wrapper) if isinstance(call, FunctionType) else wrapper

    def checking(*args: Any, **kwargs: Any) -> Any:
        fits(*args, **kwargs)
        return named(*args, **kwargs)

    code = checking.__code__
    # The mark alone makes no coroutine and no generator: an instruction does, which this function does not have.
    marked = FunctionType(
        code.replace(co_flags=code.co_flags | sort), checking.__globals__, None, None, checking.__closure__
    )
    _known[marked] = fits
    return marked


def _taking_the_same(call: Any) -> Callable[..., object] | None:
    """What takes the same arguments as a callable, and does nothing; None for what is not made of functions."""
    if isinstance(call, MethodType):
        inner, first, more = call.__func__, (call.__self__,), {}
    elif isinstance(call, functools.partial):
        inner, first, more = call.func, call.args, call.keywords
    elif isinstance(call, FunctionType):
        return _known.get(call) or _emptied(call)
    elif isinstance(getattr(type(call), "__call__", None), FunctionType):  # noqa: B004  # how it is called
        inner, first, more = type(call).__call__, (call,), {}
    else:
        return None
    fits = _taking_the_same(inner)
    return None if fits is None else functools.partial(fits, *first, **more)


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
