"""The attribute values of a decorated callable: constants are checked once, other values are read on each call."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from operator import itemgetter
from typing import Any

from signalscope import contract
from signalscope.contract._model import OTHER, Attribute, ContractError
from signalscope.decorators._call import Call
from signalscope.decorators._values import Getter, compile_value, needs_result
from signalscope.recording import Series, get_instrument, internal_error
from signalscope.recording._attribute_limits import as_text

#: The attribute values of one call. `Attributes` decides the order; `value_of` and `series_of` read values by name.
Values = tuple[str, ...]


class Attributes:
    """The values of some attributes of an instrument.

    Args:
        instrument: The OpenTelemetry name of the instrument with the attributes.
        function: The decorated callable.
        options: The decorator's options, by attribute.
        where: The name of the decorator in internal errors.
        labels: The names of options that differ from the name of their attribute, by attribute.

    Attributes:
        constants: The values that are the same on every call, by attribute.
        all_constant: All values, if they are all constants; otherwise None.

    Raises:
        ContractError: The contract does not allow a constant, or a callable's parameter does not exist.
    """

    def __init__(
        self,
        instrument: str,
        function: Any,
        options: Mapping[str, Any],
        where: str,
        labels: Mapping[str, str] | None = None,
    ) -> None:
        attributes = {attribute.name: attribute for attribute in contract.get(instrument).attributes}
        self._names = tuple(options)
        self._where = f"{where}.attributes"
        self.constants: dict[str, str] = {}
        returned: list[tuple[str, Getter | None]] = []
        raised: list[tuple[str, Getter | None]] = []
        for name, value in options.items():
            label = (labels or {}).get(name, name)
            get = compile_value(value, function, label)
            text = OTHER
            if get is None:
                text = self.constants[name] = as_text(value)
                _check(attributes[name], text, label)
            returned.append((text, get))
            raised.append((text, None if needs_result(value) else get))
        self._returned, self._raised = tuple(returned), tuple(raised)
        self.all_constant: Values | None = (
            tuple(self.constants.values()) if len(self.constants) == len(options) else None
        )

    def read(self, call: Call) -> Values:
        """Return the attribute values of a call. Each callable of the user is called once.

        None is replaced by `other`. So are values from the result, if the call has raised. If a callable fails, the
        value is `other` too, and the failure is counted in `signalscope.internal.errors`. The measurement is not
        lost.
        """
        if self.all_constant is not None:
            return self.all_constant
        texts = []
        for constant, get in self._returned if call.error is None else self._raised:
            text = constant
            if get is not None:
                try:
                    value = get(call)
                    text = value if type(value) is str else OTHER if value is None else as_text(value)
                except Exception:  # the user's callable
                    internal_error(self._where)
            texts.append(text)
        return tuple(texts)

    def value_of(self, name: str) -> Callable[[Values], str]:
        """Return a function that takes the value of one attribute out of a call's values."""
        return itemgetter(self._names.index(name))

    def series_of(self, instrument: str, *more: str) -> Callable[..., Series]:
        """Return a function that finds the series of an instrument for a call's values.

        Args:
            instrument: The OpenTelemetry name. Values of attributes that the instrument does not have are ignored.
            more: More attributes. The function gets their values after the call's values, in this order.

        Raises:
            ValueError: The instrument has an attribute without a value.
        """
        names = (*self._names, *more)
        places = [names.index(name) for name in contract.get(instrument).attribute_names]
        bound = get_instrument(instrument)
        known, series = bound.known, bound.series
        takes_all, ignores_more = (places == list(range(len(taken))) for taken in (names, self._names))
        pick = itemgetter(*places)  # a tuple, since a decorator's instrument has two or more attributes

        def find(values: Values, *more: Any) -> Series:
            key = (*values, *more) if takes_all else values if ignores_more else pick(values + more)
            try:
                return known[key]  # `series` does the same, but calling it costs 60 ns
            except (KeyError, TypeError):
                return series(*key)

        return find


def _check(attribute: Attribute, value: str, option: str) -> None:
    if attribute.values is None or value in (*attribute.values, OTHER):
        return
    near = difflib.get_close_matches(value, attribute.values, n=1)
    meant = f"; did you mean {near[0]!r}?" if near else "."
    raise ContractError(
        f"{option}={value!r} is not allowed; allowed: {', '.join(attribute.values)}, {OTHER}{meant} "
        f"To allow a new value, call signalscope.contract.allow({attribute.name!r}, {value!r}) first. [SS310]"
    )
