"""Convert recorded values, which may be of any numeric type, to plain numbers."""

from __future__ import annotations

import math
from typing import Any

#: Integers up to this size stay integers: their sums stay far below the 64 bits of OTLP.
_EXACT = 2**53


def is_plain(value: Any) -> bool:
    """Return True for a float, and for an integer that is small enough for exact sums."""
    kind = type(value)
    return kind is float or (kind is int and -_EXACT <= value <= _EXACT)


def plain(value: Any, *, signed: bool) -> float:
    """Return a value as a float, or as an integer if it is one.

    Decimals, fractions and NumPy's numbers become floats. Otherwise a sum of several types could raise or lose
    digits, and an exporter would fail and lose all other series too.

    Args:
        value: The recorded value.
        signed: Whether it may be negative.

    Raises:
        ValueError: The value is not finite, or negative where `signed` is False.
        Exception: The value is not a number; the methods of its type decide what they raise.
    """
    if not math.isfinite(value):
        raise ValueError(f"{value} is not finite [SS307]")
    number: float = value if is_plain(value) else float(value)
    if number < 0 and not signed:
        raise ValueError(f"{number} is negative [SS307]")
    return number
