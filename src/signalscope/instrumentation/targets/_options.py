"""Options of an entry: each value in the targets file becomes an argument of the decorator."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from signalscope.contract._model import OTHER, Attribute
from signalscope.decorators import arg, result
from signalscope.instrumentation.targets._target import emitted_by, nearest

#: The allowed values of options that are not attributes of an instrument.
_CHOICES: Mapping[str, tuple[Any, ...]] = {
    "span": ("auto", "always", "never"),
    "step": ("process", "put"),
    "check": (True, False, "finite"),
}


class WrongKeyError(Exception):
    """A key of an entry, or its value, is wrong.

    Args:
        key: The key.
        message: The error, its way out, and its code in brackets.
    """

    def __init__(self, key: str, message: str) -> None:
        super().__init__(message)
        self.key = key


def option(kind: str, key: str, value: Any) -> Any:
    """Return the value of an option for the decorator.

    Args:
        kind: The kind of the entry.
        key: The name of the option.
        value: The value in the file.

    Raises:
        WrongKeyError: The value is not allowed.
    """
    if key == "miss_on":
        return tuple(_exceptions(value))
    if key == "hit":
        return _hit(value)
    if isinstance(value, dict):
        return _field(key, value)
    if key in _CHOICES:
        if value not in _CHOICES[key]:
            hint = nearest(str(value), map(str, _CHOICES[key]))
            raise WrongKeyError(key, f"{value!r} is not allowed{hint} [SS415]")
        return value
    _check_constant(kind, key, value)
    return value


def _field(key: str, value: Mapping[str, Any]) -> Any:
    """Return the reader of an argument, of a field of an argument, or of a field of the result."""
    if len(value) == 1:
        ((source, path),) = value.items()
        if isinstance(path, str):
            if source == "arg" and path:
                return arg(path)
            if source == "result":
                return result(path)
    raise WrongKeyError(
        key, 'write a constant, { arg = "order.priority" } for an argument, or { result = "source" } for a field '
        'of the result ({ result = "" } is the result itself) [SS416]',
    )  # fmt: skip


def _hit(value: Any) -> Callable[[Any], bool]:
    if isinstance(value, dict) and value.keys() == {"result"} and isinstance(value["result"], str):
        follow = result(value["result"]).follow
        return lambda returned: bool(follow(returned))
    raise WrongKeyError("hit", 'write { result = "found" }, a field that is true for a hit [SS416]')


def _exceptions(value: Any) -> Iterator[type[Exception]]:
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list) or not names:
        raise WrongKeyError("miss_on", 'write names of exceptions: ["KeyError", "LookupError"] [SS416]')
    known = {n: e for n, e in vars(builtins).items() if isinstance(e, type) and issubclass(e, Exception)}
    for name in names:
        if name not in known:
            hint = nearest(str(name), known)
            raise WrongKeyError("miss_on", f"{name!r} is not a built-in exception{hint} [SS415]")
        yield known[name]


def _check_constant(kind: str, key: str, value: Any) -> None:
    """Raise an error for a constant that the contract does not allow."""
    attribute, wrong = _attributes(kind).get(key), ""
    if key == "batch_size":
        if type(value) is not int or value < 0:
            wrong = 'is not a number of options; write a number or { arg = "strikes" }'
    elif attribute is not None and attribute.values == ("true", "false"):
        wrong = "" if isinstance(value, bool) else "is not true or false"
    elif attribute is not None and not isinstance(value, str):
        wrong = "is not a string; put it in quotes"
    elif attribute is not None and attribute.values and value not in (*attribute.values, OTHER):
        hint = nearest(value, (*attribute.values, OTHER))
        wrong = f"is not allowed{hint}; SIGNALSCOPE_ALLOW={attribute.name}={value} allows it"
    if wrong:
        raise WrongKeyError(key, f"{value!r} {wrong} [SS415]")


def _attributes(kind: str) -> dict[str, Attribute]:
    """Return the attributes of the instruments that the decorator of a kind records."""
    attributes = {
        attribute.name: attribute for instrument in emitted_by(kind) for attribute in instrument.attributes
    }
    if "impact_level" in attributes:
        attributes["criticality"] = attributes["impact_level"]
    return attributes
