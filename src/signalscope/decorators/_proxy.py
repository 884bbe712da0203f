"""Instrumented callables that are not plain functions: objects, partials, builtins, bound methods, classes."""

from __future__ import annotations

import copy
import functools
import inspect
import sys
import warnings
from collections.abc import Callable
from types import MethodType
from typing import TYPE_CHECKING, Any

import wrapt

if TYPE_CHECKING:
    _Proxy = wrapt.ObjectProxy[Any]
else:
    _Proxy = wrapt.ObjectProxy  # subscripted only since wrapt 2


#: `functools.partial` has a `__get__` in 3.13 that only warns, at the line that calls it: here. The warning belongs
#: to the line of the user that takes the attribute. Later versions bind; earlier ones have no `__get__`.
_ONLY_WARNS = getattr(functools.partial, "__get__", ...) if sys.version_info[:2] == (3, 13) else ...
_WARNING = (
    "functools.partial will be a method descriptor in future Python versions; "
    "wrap it in staticmethod() if you want to preserve the old behavior"
)


class CallableProxy(_Proxy):
    """Stands for a callable object in every respect but the call.

    Attributes, equality, `isinstance`, and whether it binds as a method are the object's own.

    Args:
        wrapped: The object.
        make: Makes what is called in place of the object or of a copy of it.
        bind: Makes what is called, with the instance as first argument, in place of what the object gives to an
            instance. Needed where the object is a descriptor of another kind than functions are. By default `make`
            of `binding`.
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
        set_name = getattr(type(self.__wrapped__), "__set_name__", None)
        if set_name is not None:
            set_name(self.__wrapped__, owner, name)

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        wrapped = self.__wrapped__
        get = getattr(type(wrapped), "__get__", None)
        if get is _ONLY_WARNS:
            if instance is not None:
                warnings.warn(_WARNING, FutureWarning, stacklevel=2)
            return self
        bound = wrapped if get is None else get(wrapped, instance, owner)
        if bound is wrapped:
            return self
        if instance is None or not callable(bound):  # a descriptor may give anything to its class
            return bound
        if isinstance(bound, MethodType) and bound.__func__ is wrapped:
            return CallableProxy(bound, lambda _: functools.partial(self._self_call, instance))
        if self._self_bound is None:
            self._self_bound = self._self_bind()
        call = self._self_bound
        return CallableProxy(bound, lambda _: functools.partial(call, instance))

    @property
    def __signature__(self) -> inspect.Signature:
        """What `inspect.signature` asks for first. Since 3.13 it does not look into what wraps a class."""
        wrapped = self.__wrapped__
        if isinstance(wrapped, type):
            return inspect.signature(wrapped)
        return wrapped.__signature__  # type: ignore[no-any-return]  # the object's own, or AttributeError

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
    """Return a function that calls what a descriptor gives to an object; the descriptor itself may refuse a call."""

    @functools.wraps(descriptor, updated=())
    def call(instance: Any, /, *args: Any, **kwargs: Any) -> Any:
        return descriptor.__get__(instance, type(instance))(*args, **kwargs)

    return call


def _itself(unpickled: Any) -> Any:
    return unpickled
