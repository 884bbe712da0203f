"""Limit attribute values to those that the contract allows."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from enum import Enum

from signalscope import contract
from signalscope.contract._model import OTHER, Attribute, ContractError, Instrument

_BOOLEANS = {"True": "true", "False": "false"}  # NumPy's too


class AttributeLimits:
    """The attribute values of one instrument that this process may use.

    Args:
        instrument: The contract's entry.
        on_overflow: Called with the attribute whose value became `other`, and the value.
    """

    def __init__(self, instrument: Instrument, on_overflow: Callable[[Attribute, str], None]) -> None:
        self._instrument = instrument
        self._on_overflow = on_overflow
        self._seen: tuple[dict[str, None], ...] = tuple({} for _ in instrument.attributes)

    def exchange(self, seen: tuple[dict[str, None], ...] | None = None) -> tuple[dict[str, None], ...]:
        """Replace the values seen so far, by default with none; returns the former ones."""
        before, self._seen = self._seen, seen or tuple({} for _ in self._instrument.attributes)
        return before

    def apply(self, values: tuple[object, ...]) -> tuple[str, ...]:
        """The values that may be used; each other one becomes `other`, and is counted.

        Raises:
            ContractError: There are more or fewer values than attributes.
        """
        if len(values) != len(self._instrument.attributes):
            raise ContractError(
                f"{self._instrument.name} has the attributes "
                f"({', '.join(self._instrument.attribute_names)}), but {len(values)} values are given"
            )
        return tuple(
            self._one(attribute, seen, value)
            for attribute, seen, value in zip(self._instrument.attributes, self._seen, values, strict=True)
        )

    def _one(self, attribute: Attribute, seen: dict[str, None], value: object) -> str:
        text = _text(value)
        if text is None:
            self._on_overflow(attribute, "")
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
        """The allowed values, with those that `contract.allow` has added since."""
        with contextlib.suppress(ContractError):  # an instrument that is not in the contract
            for known in contract.get(self._instrument.name).attributes:
                if known.name == attribute.name:
                    return known.values or ()
        return ()


def as_text(value: object) -> str:
    """An attribute value as text: of an enumeration's member its value, booleans as Prometheus users write them."""
    if type(value) is str:
        return value
    text = str(value.value if isinstance(value, Enum) else value)
    return _BOOLEANS.get(text, text)


def _text(value: object) -> str | None:
    """An attribute value as text; None for what cannot be exported."""
    try:
        text = as_text(value)
        text.encode()  # a lone surrogate would fail in the exporter, and take everything else along
    except Exception:  # see above, or the value's own __str__ failed
        return None
    return text
