"""Limit attribute values to the values that the contract allows."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from enum import Enum

from signalscope import contract
from signalscope.contract._model import OTHER, Attribute, ContractError, Instrument

_BOOLEANS = {"True": "true", "False": "false"}  # NumPy's too


class AttributeLimits:
    """The attribute values that one instrument may have in this process.

    Args:
        instrument: The contract's entry.
        on_overflow: Called when a value was replaced by `other`. It gets the attribute, and the value as text or the
            error of its conversion to text.
    """

    def __init__(
        self, instrument: Instrument, on_overflow: Callable[[Attribute, str | Exception], None]
    ) -> None:
        self._instrument = instrument
        self._on_overflow = on_overflow
        self._seen: tuple[dict[str, None], ...] = tuple({} for _ in instrument.attributes)

    def exchange(self, seen: tuple[dict[str, None], ...] | None = None) -> tuple[dict[str, None], ...]:
        """Replace the values seen so far, and return them.

        Args:
            seen: For each attribute the values to start with; None starts without values.
        """
        before, self._seen = self._seen, seen or tuple({} for _ in self._instrument.attributes)
        return before

    def apply(self, values: tuple[object, ...]) -> tuple[str, ...]:
        """Return the values with `other` in place of each value that is not allowed; such a value is counted.

        Raises:
            ContractError: There are more or fewer values than attributes.
        """
        if len(values) != len(self._instrument.attributes):
            raise ContractError(
                f"{self._instrument.name} has the attributes "
                f"({', '.join(self._instrument.attribute_names)}), but {len(values)} values are given [SS303]"
            )
        return tuple(
            self._one(attribute, seen, value)
            for attribute, seen, value in zip(self._instrument.attributes, self._seen, values, strict=True)
        )

    def _one(self, attribute: Attribute, seen: dict[str, None], value: object) -> str:
        try:
            text = as_text(value)
            text.encode()  # with a lone surrogate the exporter would fail, and lose all other series too
        except Exception as error:  # see above, or the value's own __str__ failed
            self._on_overflow(attribute, error)
            return OTHER
        if text == OTHER or text in seen:
            return text
        if attribute.values is None:
            if len(seen) < attribute.cap:
                seen[text] = None
                return text
        elif text in attribute.values or text in self._values_by_now(attribute):
            seen[text] = None
            return text
        self._on_overflow(attribute, text)
        return OTHER

    def _values_by_now(self, attribute: Attribute) -> tuple[str, ...]:
        """Return the allowed values, including those that `contract.allow` has added since."""
        with contextlib.suppress(ContractError):  # an instrument that is not in the contract
            for current in contract.get(self._instrument.name).attributes:
                if current.name == attribute.name:
                    return current.values or ()
        return ()


def as_text(value: object) -> str:
    """Return an attribute value as text: the value of an enum member, `true` and `false` for booleans."""
    if type(value) is str:
        return value
    text = str(value.value if isinstance(value, Enum) else value)
    return _BOOLEANS.get(text, text)
