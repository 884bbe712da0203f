"""Instrumented callables that are no plain functions: objects, partials, builtins, bound methods, classes."""

from __future__ import annotations

import copy
import functools
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import wrapt

__all__ = ["CallableProxy"]


if TYPE_CHECKING:
    _Proxy = wrapt.ObjectProxy[Any]
else:
    _Proxy = wrapt.ObjectProxy  # subscripted only since wrapt 2


class CallableProxy(_Proxy):
    """Stands for a callable object in every respect but the call.

    Attributes, equality, `isinstance`, and whether it binds as a method are the object's own.

    Args:
        wrapped: The object.
        make: Makes, from the object or a copy of it, what is called in its place.
    """

    def __init__(self, wrapped: Any, make: Callable[[Any], Callable[..., Any]]) -> None:
        super().__init__(wrapped)
        self._self_make = make
        self._self_call = make(wrapped)

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        return self._self_call(*args, **kwargs)

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        get = getattr(type(self.__wrapped__), "__get__", None)
        bound = self.__wrapped__ if get is None else get(self.__wrapped__, instance, owner)
        if bound is self.__wrapped__:
            return self
        return CallableProxy(bound, lambda _: functools.partial(self._self_call, instance))

    def __repr__(self) -> str:
        return repr(self.__wrapped__)

    def __copy__(self) -> Any:
        return CallableProxy(copy.copy(self.__wrapped__), self._self_make)

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        return CallableProxy(copy.deepcopy(self.__wrapped__, memo), self._self_make)

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Pickle by name where the name leads here, else as the object itself."""
        name = getattr(self.__wrapped__, "__qualname__", None) or getattr(self.__wrapped__, "__name__", None)
        module = sys.modules.get(getattr(self.__wrapped__, "__module__", None) or "")
        if name and module is not None and getattr(module, name, None) is self:
            return str(name)
        return _itself, (self.__wrapped__,)


def _itself(unpickled: Any) -> Any:
    return unpickled
