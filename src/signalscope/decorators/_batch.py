"""The number of options that a call has priced."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Mapping, Sized
from typing import Any

from signalscope.contract._model import OTHER
from signalscope.decorators._parts import MANY_RECORDS, fields_of, greek_of, is_named, is_table

#: The contract's classes for a number of options, and the largest number of each class but the last.
_CLASSES = ("1", "2-10", "11-100", "101-1000", "1001+")
_LIMITS = (1, 10, 100, 1000)


def size_of(result: Any) -> int:
    """Return the number of options in a result: the length of its (first) array or sequence, otherwise 1.

    For a table (pandas, polars) it is the number of rows.
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
        return len(fields)  # a mapping by strike, or by another key, with an entry for each option
    if fields and all(fields_of(value) is not None for value in fields.values()):
        return sum(map(size_of, fields.values()))
    return size_of(next(iter(fields.values()), None))


def size_given(given: Any) -> int:
    """Return the number of options for a value of `batch_size`: a whole number, or an object with a length.

    Raises:
        ValueError: The value is None, negative, or not a whole number.
    """
    is_number = isinstance(given, float) or (hasattr(given, "__index__") and not hasattr(given, "__len__"))
    if given is None or (is_number and (given < 0 or given % 1)):
        raise ValueError(f"{given} is not a number of options; return a whole number or a sequence [SS317]")
    return int(given) if is_number else size_of(given)


def is_size(given: object) -> bool:
    """Return True for a whole number of at least 1, which may be a constant `batch_size`."""
    return isinstance(given, int) and not isinstance(given, bool) and given >= 1


def batch_class(size: int | None) -> str:
    """Return the contract's class for a number of options.

    Args:
        size: The number of options; 0 has the class of 1, None (unknown) has the class ``other``.
    """
    return OTHER if size is None else _CLASSES[bisect_left(_LIMITS, size)]
