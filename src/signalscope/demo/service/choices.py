"""The check of a value that the user chooses from a list."""

from __future__ import annotations

from collections.abc import Collection


class UnknownChoiceError(ValueError):
    """A value is not allowed; the message lists the allowed values."""


def check_choice(name: str, value: str, allowed: Collection[str]) -> str:
    """Return a value if it is allowed.

    Args:
        name: The name of the value, for the message.
        value: The value.
        allowed: The allowed values.

    Raises:
        UnknownChoiceError: The value is not allowed.

    Example:
        >>> check_choice("severity", "info", ("warning", "info"))
        'info'
    """
    if value not in allowed:
        raise UnknownChoiceError(f"unknown {name} {value!r}; allowed: {', '.join(allowed)}")
    return value
