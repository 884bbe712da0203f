"""Making plain numbers of what callers record, which may be anything that looks like one."""

from __future__ import annotations

import math
from typing import Any

#: Whole numbers up to here are kept as such: sums of them stay far within the 64 bits that OTLP has.
_EXACT = 2**53


def is_plain(value: Any) -> bool:
    """Whether a value is a float, or a whole number of a size that can be added up for ever."""
    kind = type(value)
    return kind is float or (kind is int and -_EXACT <= value <= _EXACT)


def plain(value: Any, *, signed: bool) -> float:
    """The value as a float, or as the whole number that it is.

    Decimals, fractions and NumPy's numbers become floats: sums of several types would raise or lose digits, and
    an exporter that meets one of them loses everything else along with it.

    Args:
        value: What was recorded.
        signed: Whether it may be negative.

    Raises:
        ValueError: It is not finite, or negative where that is wrong.
        Exception: It is no number; whatever its own methods raise.
    """
    if not math.isfinite(value):
        raise ValueError(f"{value} is not finite")
    number: float = value if is_plain(value) else float(value)
    if number < 0 and not signed:
        raise ValueError(f"{number} is negative")
    return number
