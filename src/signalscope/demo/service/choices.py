"""Values that users choose from a list, checked in one place."""

from __future__ import annotations

from collections.abc import Collection


class UnknownChoiceError(ValueError):
    """A value that is not among the allowed ones; the message names those."""


def check_choice(name: str, value: str, allowed: Collection[str]) -> str:
    """Return the value when it is allowed.

    Args:
        name: What the value is, for the message.
        value: The value.
        allowed: The values that are allowed.

    Raises:
        UnknownChoiceError: The value is not allowed.
    """
    if value not in allowed:
        raise UnknownChoiceError(f"unknown {name} {value!r}; allowed: {', '.join(allowed)}")
    return value
