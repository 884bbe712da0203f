"""The number of options that a call is about."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Mapping, Sized
from typing import Any

from signalscope.contract._model import OTHER
from signalscope.decorators._parts import MANY_RECORDS, fields_of, greek_of, is_named, is_table

#: The contract's classes of a number of options, and the greatest number of each but the last.
_CLASSES = ("1", "2-10", "11-100", "101-1000", "1001+")
_LIMITS = (1, 10, 100, 1000)


def size_of(result: Any) -> int:
    """The number of options a result is about: the length of its (first) array or sequence, else 1.

    Of a table (pandas, polars) that is the number of its rows.
    """
    fields = fields_of(result)
    if fields is not None:
        return len(result) if is_table(result) else _size_of_record(fields)
    shape = getattr(result, "shape", None)
    if isinstance(shape, tuple):
        return math.prod(shape)
    if isinstance(result, Sized) and not isinstance(result, str | bytes):
        return len(result)
    return 1


def _size_of_record(fields: Mapping[Any, Any]) -> int:
    named = [value for name, value in fields.items() if greek_of(name, "") is not None]
    if named:
        return size_of(named[0])
    if fields and (not is_named(fields) or len(fields) > MANY_RECORDS):
        return len(fields)  # by strike, or by whatever else there is one of for each option
    if fields and all(fields_of(value) is not None for value in fields.values()):
        return sum(map(size_of, fields.values()))
    return size_of(next(iter(fields.values()), None))


def size_given(given: Any) -> int:
    """Return the number of options that a callable gave: a whole number, or what has a length.

    Raises:
        ValueError: A part of an option, a negative number, or None.
    """
    if given is None:
        raise ValueError("no number of options")
    if isinstance(given, float) and not given.is_integer():
        raise ValueError(f"{given} options")
    if isinstance(given, float) or (hasattr(given, "__index__") and not hasattr(given, "__len__")):
        if given < 0:
            raise ValueError(f"{given} options")
        return int(given)
    return size_of(given)


def is_size(given: object) -> bool:
    """Return True for a constant number of options: a whole number of at least 1."""
    return isinstance(given, int) and not isinstance(given, bool) and given >= 1


def batch_class(size: int | None) -> str:
    """The contract's class of a number of options.

    Args:
        size: How many options; 0 counts as one; None, an unknown number, is ``other``.
    """
    return OTHER if size is None else _CLASSES[bisect_left(_LIMITS, size)]
