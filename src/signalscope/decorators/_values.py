"""Attribute values given to decorators: constants, or taken from a call's arguments or its result.

A callable's parameter names say what it wants: parameters of the decorated function, or `result`. The names
are turned into positions when the function is decorated, so that a call costs no signature binding.
"""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import Any, TypeAlias, TypeVar

from signalscope.contract._model import ContractError

__all__ = ["Field", "Getter", "Value", "arg", "compile_value", "is_taken", "needs_result", "result"]

T = TypeVar("T")
#: A constant, or a callable whose parameter names are parameters of the decorated function, or `result`.
Value: TypeAlias = T | Callable[..., T]
#: Takes a value from the positional arguments, keyword arguments and result of a call.
Getter = Callable[[tuple[Any, ...], dict[str, Any], Any], Any]

_RESULT = "result"


class Field:
    """A path into an argument or the result; made with `arg` and `result`."""

    __slots__ = ("_attributes", "path", "root")

    def __init__(self, root: str, path: str) -> None:
        self.root = root
        self.path = path
        self._attributes = attrgetter(path) if path else None

    def follow(self, value: Any) -> Any:
        """What the path leads to from a value: attributes, and where there is none, items; from None to None.

        Raises:
            AttributeError, LookupError, TypeError: It leads nowhere.
        """
        if self._attributes is None:
            return value
        try:
            return self._attributes(value)
        except AttributeError:
            for part in self.path.split("."):
                if value is None:
                    return None
                value = value[part] if isinstance(value, Mapping) else getattr(value, part)
            return value


def arg(path: str) -> Any:
    """The value of a parameter, or of an attribute or an item of it.

    Args:
        path: A parameter's name, and attributes or keys separated by dots: ``strikes``, ``order.priority``.
    """
    root, _, rest = path.partition(".")
    return Field(root, rest)


def result(path: str = "") -> Any:
    """The call's result, or an attribute or an item of it.

    Args:
        path: Attributes or keys separated by dots: ``summary.confidence``.
    """
    return Field(_RESULT, path)


def compile_value(value: Any, call: Any, option: str) -> Getter | None:
    """A getter for a decorator's option; None when the option is a constant.

    Args:
        value: What was given for the option.
        call: The decorated callable.
        option: The option's name, for the message.

    Raises:
        ContractError: The value names a parameter that the callable does not have.
    """
    if isinstance(value, Field):
        get = _parameter(value.root, call, option)
        if not value.path:
            return get
        follow = value.follow
        return lambda args, kwargs, returned: follow(get(args, kwargs, returned))
    if not is_taken(value):
        return None
    try:
        parameters = inspect.signature(value).parameters
    except (TypeError, ValueError):
        raise ContractError(f"{option}: the parameters of {value!r} cannot be read; use a lambda") from None
    if any(each.kind is each.KEYWORD_ONLY for each in parameters.values()):
        raise ContractError(
            f"{option}: {value!r} has keyword-only parameters; its values are given by position"
        )
    wanted = list(parameters)
    getters = [_parameter(name, call, option) for name in wanted]
    if len(getters) == 1:
        (only,) = getters
        return lambda args, kwargs, returned: value(only(args, kwargs, returned))
    return lambda args, kwargs, returned: value(*[get(args, kwargs, returned) for get in getters])


def is_taken(value: Any) -> bool:
    """Whether an option is taken from each call, rather than a constant."""
    return isinstance(value, Field) or callable(value)


def needs_result(value: Any) -> bool:
    """Whether an option is taken from the call's result, so that a call that failed has none."""
    if isinstance(value, Field):
        return value.root == _RESULT
    if not callable(value):
        return False
    try:
        return _RESULT in inspect.signature(value).parameters
    except (TypeError, ValueError):  # `compile_value` refuses it
        return False


def _parameter(name: str, call: Any, option: str) -> Getter:
    """A getter for one parameter of the decorated callable, or for the result."""
    if name == _RESULT:
        return lambda _args, _kwargs, returned: returned
    try:
        parameters = inspect.signature(call).parameters
    except (TypeError, ValueError):
        raise ContractError(f"{option}: the parameters of {call!r} cannot be read; give a constant") from None
    found = parameters.get(name)
    if found is None:
        near = difflib.get_close_matches(name, [*parameters, _RESULT], n=1)
        hint = f"; did you mean {near[0]!r}?" if near else f"; it has: {', '.join(parameters) or 'none'}"
        raise ContractError(
            f"{option}: {getattr(call, '__qualname__', call)!s} has no parameter {name!r}{hint}"
        )
    position = list(parameters).index(name)
    if found.kind is inspect.Parameter.VAR_POSITIONAL:
        return lambda args, _kwargs, _returned: args[position:]
    if found.kind is inspect.Parameter.VAR_KEYWORD:
        named = {key for key, each in parameters.items() if each.kind is not each.POSITIONAL_ONLY}
        return lambda _args, kwargs, _returned: {k: v for k, v in kwargs.items() if k not in named}

    is_positional = found.kind is not inspect.Parameter.KEYWORD_ONLY
    is_named = found.kind is not inspect.Parameter.POSITIONAL_ONLY
    default = found.default

    def get(args: tuple[Any, ...], kwargs: dict[str, Any], _returned: Any) -> Any:
        if is_positional and len(args) > position:
            return args[position]
        value = kwargs.get(name, default) if is_named else default
        if value is inspect.Parameter.empty:
            raise LookupError(
                f"the call has no argument {name!r}"
            )  # its signature says otherwise than it does
        return value

    return get
