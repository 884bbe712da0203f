"""The attribute values of one decorated callable: constants checked once, the others taken on each call."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

from signalscope import contract
from signalscope.contract._model import OTHER, Attribute, ContractError
from signalscope.decorators._values import Getter, compile_value, needs_result
from signalscope.recording import internal_error
from signalscope.recording._attribute_limits import as_text

__all__ = ["Attributes"]


class Attributes:
    """Values for some attributes of an instrument, in the order they are given.

    Args:
        instrument: The OpenTelemetry name of the instrument that has the attributes.
        call: The decorated callable.
        options: What the decorator was given, by attribute.
        where: Names the decorator in internal errors.
        called: What the decorator calls attributes that it does not call by their name.

    Attributes:
        constants: The values that are the same on every call, by attribute.
        all_constant: All values, when none depends on the call; else None.

    Raises:
        ContractError: A constant that the contract does not allow, or a callable that names no parameter.
    """

    def __init__(
        self,
        instrument: str,
        call: Any,
        options: Mapping[str, Any],
        where: str,
        called: Mapping[str, str] | None = None,
    ) -> None:
        known = {each.name: each for each in contract.get(instrument).attributes}
        self._where = where
        label = {name: name for name in options} | dict(called or {})
        getters = {name: compile_value(value, call, label[name]) for name, value in options.items()}
        self.constants = {name: as_text(options[name]) for name, get in getters.items() if get is None}
        self._values: tuple[tuple[Getter | None, str], ...] = tuple(
            (get, self.constants.get(name, OTHER)) for name, get in getters.items()
        )
        for name, value in self.constants.items():
            _check(known[name], value, label[name])
        self.all_constant = tuple(self.constants.values()) if len(self.constants) == len(options) else None
        self._of_result = frozenset(
            place for place, value in enumerate(options.values()) if needs_result(value)
        )

    def of(self, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any) -> tuple[str, ...]:
        """The values of a call that returned.

        None, which is no value, is `other`. A value that cannot be taken becomes `other` too, and is counted in
        `signalscope.internal.errors`: the measurement itself is not lost.
        """
        if self.all_constant is not None:
            return self.all_constant
        try:
            return tuple(
                [value if get is None else _taken(get(args, kwargs, result)) for get, value in self._values]
            )
        except Exception:  # the user's callable; found out below which one
            return tuple([self._safely(get, value, args, kwargs, result) for get, value in self._values])

    def of_failed(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[str, ...]:
        """The values of a call that has no result; those taken from the result are `other`."""
        if self.all_constant is not None:
            return self.all_constant
        return tuple(
            [
                OTHER if place in self._of_result else self._safely(get, value, args, kwargs, None)
                for place, (get, value) in enumerate(self._values)
            ]
        )

    def _safely(
        self, get: Getter | None, value: str, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any
    ) -> str:
        if get is None:
            return value
        try:
            return _taken(get(args, kwargs, result))
        except Exception:  # the user's callable
            internal_error(f"{self._where}.attributes")
            return OTHER


def _taken(value: Any) -> str:
    return OTHER if value is None else as_text(value)


def _check(attribute: Attribute, value: str, option: str) -> None:
    if attribute.values is None or value in (*attribute.values, OTHER):
        return
    near = difflib.get_close_matches(value, attribute.values, n=1)
    meant = f"; did you mean {near[0]!r}?" if near else "."
    raise ContractError(
        f"{option}={value!r} is not allowed; allowed: {', '.join(attribute.values)}, {OTHER}{meant} "
        f"A value of your own is allowed by signalscope.contract.allow({attribute.name!r}, {value!r})."
    )
