"""Check the result of a calculation for values that cannot be used.

* A scalar is compared with its limits. NaN and infinity are outside of all limits.
* For an array, the minimum and the maximum are compared, and all elements only if one of these is outside.
* For a long list, some of the values are examined, so the check takes much less time than the calculation.
* For a record, the fields that are named after a Greek are examined; another field may be a strike. Records are
  mappings, named tuples, dataclasses and other objects, tables and structured arrays.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

from signalscope.decorators._parts import LIMITS, MANY_RECORDS, MAX, array_of, fields_of, greek_of, is_named

_INF = math.inf
_ANY = (-MAX, MAX)
_FINITE = "finite"
#: The largest number of values of a list that are examined; for a list of records it is `MANY_RECORDS`.
_VALUES = 10_000
#: The largest depth of nested records that are examined.
_DEPTH = 4

#: The number of values that cannot be used, by reason.
Tally = dict[str, int]


def limits_of(calculation_type: str, check: bool | str = True) -> tuple[float, float]:
    """Return the smallest and the largest valid value of a calculation.

    Args:
        calculation_type: The calculated Greek, ``price`` or ``iv``.
        check: ``finite`` if every finite number is valid.
    """
    return _ANY if check == _FINITE else LIMITS.get(calculation_type, _ANY)


def examine(result: Any, calculation_type: str, check: bool | str = True) -> tuple[Tally, int]:
    """Examine a result.

    Args:
        result: The result.
        calculation_type: The calculated Greek, ``price`` or ``iv``.
        check: ``finite`` if every finite number is valid.

    Returns:
        The number of values that cannot be used, by reason, and the number of values that were examined.
    """
    examination = _Examination(check)
    examination.examine(result, calculation_type, 0)
    return examination.tally, examination.examined


class _Examination:
    """The examination of one result.

    Attributes:
        tally: The number of values that cannot be used, by reason.
        examined: The number of values that were examined.
    """

    def __init__(self, check: bool | str) -> None:
        self._check = check
        self.tally: Tally = {}
        self.examined = 0

    def examine(self, part: Any, greek: str | None, depth: int) -> None:
        """Examine a part of the result.

        Args:
            part: One value or several values.
            greek: The Greek of the values; None to examine only fields that are named after a Greek.
            depth: The number of records and sequences around the part.
        """
        if part is None or isinstance(part, float | int | str | bytes):
            self._examine_value(part, greek)
        elif depth > _DEPTH:
            return
        elif (fields := fields_of(part)) is not None:
            self._examine_record(part, fields, greek, depth)
        elif (array := array_of(part)) is not None:
            self._examine_array(array, greek, depth)
        elif isinstance(part, Sequence):
            self._examine_sequence(part, greek, depth)
        else:
            self._examine_value(part, greek)

    def _examine_value(self, value: Any, greek: str | None) -> None:
        if greek is not None:
            self.examined += 1
            self._count(_reason(value, *limits_of(greek, self._check)), 1)

    def _examine_array(self, array: Any, greek: str | None, depth: int) -> None:
        if array.dtype.kind == "O":  # None among numbers, or records
            self._examine_sequence(array.ravel().tolist(), greek, depth)
            return
        if greek is None or not array.size or array.dtype.kind not in "fiub":
            return
        self.examined += int(array.size)
        low, high = limits_of(greek, self._check)
        if low <= float(array.min()) and float(array.max()) <= high:  # False if there is a NaN
            return
        # In an array of 32-bit floats, the largest 64-bit float is infinite. So infinity is the limit there.
        usable = (array > -_INF if low == -MAX else array >= low) & (
            array < _INF if high == MAX else array <= high
        )
        unusable = array[~usable]
        nan = int((unusable != unusable).sum())  # noqa: PLR0124  # only NaN is not equal to itself
        infinite = int((abs(unusable) == _INF).sum())
        self._count("nan", nan)
        self._count("infinite", infinite)
        self._count("out_of_range", int(unusable.size) - nan - infinite)

    def _examine_sequence(self, values: Sequence[Any], greek: str | None, depth: int) -> None:
        most = _VALUES if values and isinstance(values[0], float | int | None) else MANY_RECORDS
        low, high = limits_of(greek, self._check) if greek is not None else (_INF, -_INF)
        for value in islice(values, 0, None, max(1, -(-len(values) // most))):
            # The usual case; `examine` is twenty times slower.
            if type(value) is float and low <= value <= high:
                self.examined += 1
            else:
                self.examine(value, greek, depth + 1)

    def _examine_record(self, record: Any, fields: Mapping[Any, Any], greek: str | None, depth: int) -> None:
        converged = fields["converged"] if "converged" in fields else getattr(record, "converged", True)
        failed = _not_converged(converged)
        self.examined += failed
        self._count("not_converged", failed)
        if failed and isinstance(converged, bool):
            return  # do not count its values a second time
        named = [(own, value) for name, value in fields.items() if (own := greek_of(name, greek)) is not None]
        for own, value in named:
            self.examine(_converged_part(value, converged) if failed else value, own, depth + 1)
        if not named:
            of_all = None if is_named(fields) else greek
            for value in islice(fields.values(), 0, None, max(1, -(-len(fields) // MANY_RECORDS))):
                self.examine(value, of_all, depth + 1)

    def _count(self, reason: str | None, number: int) -> None:
        if reason is not None and number:
            self.tally[reason] = self.tally.get(reason, 0) + number


def _not_converged(converged: Any) -> int:
    """Count the calculations that did not converge, from a boolean or an array or sequence of booleans."""
    if isinstance(converged, bool):
        return 0 if converged else 1
    if type(converged).__module__ == "numpy":
        return int(converged.size) - int(converged.sum())
    if isinstance(converged, list | tuple):
        return sum(1 for is_sound in converged if not is_sound)
    return 0


def _converged_part(values: Any, converged: Any) -> Any:
    """Return the values of calculations that converged, so that the other values are not counted a second time."""
    if isinstance(converged, list | tuple):
        if isinstance(values, list | tuple) and len(values) == len(converged):
            return [value for value, is_sound in zip(values, converged, strict=True) if is_sound]
        return values
    if getattr(converged, "shape", None) == ():  # a NumPy scalar
        return ()
    if getattr(converged, "shape", None) == getattr(values, "shape", ...):
        return values[converged.astype(bool)]
    return values


def _reason(value: Any, low: float, high: float) -> str | None:
    """Return the reason why a value cannot be used; None if it can be used, or is not a number."""
    if value is None or type(value).__name__ in {"NAType", "NaTType"}:  # missing values of pandas
        return "none"
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    if low <= number <= high:
        return None
    if math.isnan(number):
        return "nan"
    return "infinite" if math.isinf(number) else "out_of_range"
