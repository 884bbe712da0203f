"""Keeping attribute values within the contract."""

from __future__ import annotations

from collections.abc import Callable

from signalscope._contract_model import OTHER, Attribute, ContractError, Instrument

__all__ = ["Bounds"]


class Bounds:
    """The attribute values of one instrument that this process may use.

    Args:
        instrument: The contract's entry.
        on_overflow: Told the key of an attribute whose value became `other`.
    """

    def __init__(self, instrument: Instrument, on_overflow: Callable[[str], None]) -> None:
        self._instrument = instrument
        self._on_overflow = on_overflow
        self._seen: tuple[dict[str, None], ...] = tuple({} for _ in instrument.attributes)

    def within(self, values: tuple[object, ...]) -> tuple[str, ...]:
        """The values as they may be used; those that may not are `other`, and counted.

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
            self._on_overflow(attribute.name)
            return OTHER
        if text == OTHER or text in seen:
            return text
        if attribute.values is None:
            if len(seen) < attribute.cap:
                seen[text] = None
                return text
        elif text in attribute.values:
            seen[text] = None
            return text
        self._on_overflow(attribute.name)
        return OTHER


def _text(value: object) -> str | None:
    """An attribute value as text, booleans as Prometheus users write them; None for what cannot be exported."""
    if isinstance(value, bool):
        return "true" if value else "false"
    try:
        text = value if type(value) is str else str(value)
        text.encode()  # a lone surrogate would fail in the exporter, and take everything else along
    except Exception:  # see above, or the value's own __str__ failed
        return None
    return text
