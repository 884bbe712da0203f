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


#: In Python 3.13, `functools.partial.__get__` only warns, with the line of its caller, which is in this module. The
#: warning should name the user's line that reads the attribute. Later versions bind; earlier ones lack `__get__`.
_ONLY_WARNS = getattr(functools.partial, "__get__", ...) if sys.version_info[:2] == (3, 13) else ...
_WARNING = (
    "functools.partial will be a method descriptor in future Python versions; "
    "wrap it in staticmethod() if you want to preserve the old behavior"
)


_BY_VALUE = {"cloudpickle", "dill", "_dill"}


class CallableProxy(_Proxy):
    """Replaces a callable object, and behaves like it in everything but the call.

    Attributes, equality, `isinstance` and binding as a method are those of the object.

    Args:
        wrapped: The object.
        make: Returns the callable that replaces the object, or replaces a copy of the object.
        bind: Returns the callable that replaces the object's bound method; its first argument is the instance. It is
            needed for objects that are descriptors, but do not bind as functions do. The default is `make` applied
            to `binding(wrapped)`.
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
        self._self_recipe: tuple[Any, ...] = _itself, (wrapped,)

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
        if instance is None or not callable(bound):  # a descriptor may return any object for its class
            return bound
        if isinstance(bound, MethodType) and bound.__func__ is wrapped:
            return CallableProxy(bound, lambda _: functools.partial(self._self_call, instance))
        if self._self_bound is None:
            self._self_bound = self._self_bind()
        call = self._self_bound
        return CallableProxy(bound, lambda _: functools.partial(call, instance))

    @property
    def __signature__(self) -> inspect.Signature:
        """The object's signature. Without it, since Python 3.13, `inspect.signature` fails for a wrapped class."""
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
        """Pickle by name if the name refers to this proxy, otherwise as the wrapped object.

        cloudpickle and dill pickle objects of the started program by value: another process has another `__main__`.
        """
        pickler = type(sys._getframe(1).f_locals.get("self")).__module__.split(".")
        is_by_value = not _BY_VALUE.isdisjoint(pickler)
        if is_by_value and getattr(self.__wrapped__, "__module__", None) == "__main__":
            return self._self_recipe
        name = getattr(self.__wrapped__, "__qualname__", None) or getattr(self.__wrapped__, "__name__", None)
        module = sys.modules.get(getattr(self.__wrapped__, "__module__", None) or "")
        if name and module is not None and getattr(module, name, None) is self:
            return str(name)
        return self._self_recipe if is_by_value else (_itself, (self.__wrapped__,))


def binding(descriptor: Any) -> Callable[..., Any]:
    """Return a function that binds a descriptor to its first argument, and calls the bound object."""

    @functools.wraps(descriptor, updated=())
    def call(instance: Any, /, *args: Any, **kwargs: Any) -> Any:
        return descriptor.__get__(instance, type(instance))(*args, **kwargs)

    return call


def _itself(unpickled: Any) -> Any:
    return unpickled
