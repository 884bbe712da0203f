"""Instrumented callables that are no plain functions: objects, partials, builtins, bound methods, classes."""

from __future__ import annotations

import copy
import functools
import sys
from collections.abc import Callable
from types import MethodType
from typing import TYPE_CHECKING, Any

import wrapt

__all__ = ["CallableProxy", "binding"]


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
        bind: Makes what is called in place of that which the object, a descriptor of its own kind, gives to an
            instance, which is then the first argument. By default as `make` does.
    """

    def __init__(
        self,
        wrapped: Any,
        make: Callable[[Any], Callable[..., Any]],
        bind: Callable[[], Callable[..., Any]] | None = None,
    ) -> None:
        super().__init__(wrapped)
        self._self_make = make
        self._self_call = make(wrapped)
        self._self_bind = bind or (lambda: make(binding(wrapped)))
        self._self_bound: Callable[..., Any] | None = None

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        return self._self_call(*args, **kwargs)

    def __set_name__(self, owner: type, name: str) -> None:
        tell = getattr(type(self.__wrapped__), "__set_name__", None)
        if tell is not None:
            tell(self.__wrapped__, owner, name)

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        wrapped = self.__wrapped__
        get = getattr(type(wrapped), "__get__", None)
        bound = wrapped if get is None else get(wrapped, instance, owner)
        if bound is wrapped:
            return self
        if instance is None or not callable(bound):  # whatever the descriptor gives to its class
            return bound
        if isinstance(bound, MethodType) and bound.__func__ is wrapped:
            return CallableProxy(bound, lambda _: functools.partial(self._self_call, instance))
        if self._self_bound is None:
            self._self_bound = self._self_bind()
        call = self._self_bound
        return CallableProxy(bound, lambda _: functools.partial(call, instance))

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


def binding(descriptor: Any) -> Callable[..., Any]:
    """What calls what a descriptor gives to an object; the descriptor itself may refuse to be called."""

    @functools.wraps(descriptor, updated=())
    def call(instance: Any, /, *args: Any, **kwargs: Any) -> Any:
        return descriptor.__get__(instance, type(instance))(*args, **kwargs)

    return call


def _itself(unpickled: Any) -> Any:
    return unpickled
