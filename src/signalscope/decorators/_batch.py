"""The number of options that a call has priced."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Mapping, Sequence, Sized
from typing import Any

from signalscope.contract._model import OTHER
from signalscope.decorators._parts import MANY_RECORDS, fields_of, greek_of, is_named, is_table

#: The contract's classes for a number of options, and the largest number of each class but the last.
_CLASSES = ("1", "2-10", "11-100", "101-1000", "1001+")
_LIMITS = (1, 10, 100, 1000)


#: The largest depth of groups of options in groups.
_DEPTH = 4
#: The number of parts of a list whose size is looked at, to find out if each is one option.
_SAMPLE = 20


def size_of(result: Any, depth: int = 0) -> int:
    """Return the number of options in a result, for each shape of results that are checked.

    An array has as many options as elements, a table as rows, a record as values of its first Greek. A sequence or a
    mapping of groups (records, arrays, tables, sequences) has the sum of its groups. Arrays of the same length in one
    tuple, or in one record, are values of the same options.

    Args:
        result: The result.
        depth: The number of groups around the result.
    """
    if result is None or isinstance(result, float | int | str | bytes) or depth > _DEPTH:
        return 1
    fields = fields_of(result)
    if fields is not None:
        return len(result) if is_table(result) else _size_of_record(fields, depth)
    shape = getattr(result, "shape", None)
    if isinstance(shape, tuple):
        return math.prod(shape)
    if isinstance(result, Sequence):
        return _size_of_sequence(result, depth)
    return len(result) if isinstance(result, Sized) else 1


def _size_of_sequence(parts: Sequence[Any], depth: int) -> int:
    if not parts or isinstance(parts[0], float | int | str | bytes):
        return len(parts)
    sample = parts[:: -(-len(parts) // _SAMPLE)]
    if all(size_of(part, depth + 1) == 1 for part in sample):
        return len(parts)
    sizes = [size_of(part, depth + 1) for part in parts]
    is_columns = isinstance(parts, tuple) and len(set(sizes)) == 1 and fields_of(parts[0]) is None
    return sizes[0] if is_columns else sum(sizes)


def _size_of_record(fields: Mapping[Any, Any], depth: int) -> int:
    greeks = [value for name, value in fields.items() if greek_of(name, "") is not None]
    if greeks:
        return size_of(greeks[0], depth + 1)
    if not is_named(fields) or len(fields) > MANY_RECORDS:  # by strike, or by another key
        return _size_of_sequence(list(fields.values()), depth)
    groups = [value for value in fields.values() if _has_records(value)]
    if groups:
        return sum(size_of(group, depth + 1) for group in groups)
    parts = [
        value for value in fields.values() if isinstance(value, Sized) and not isinstance(value, str | bytes)
    ]
    sizes = [size_of(part, depth + 1) for part in parts]
    return sizes[0] if len(set(sizes)) == 1 else sum(sizes) or 1


def _has_records(value: Any) -> bool:
    """Return True for a record, a table, or a sequence of records or tables."""
    if isinstance(value, Sequence) and not isinstance(value, str | bytes) and value:
        value = value[0]
    return bool(fields_of(value)) or is_table(value)


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
