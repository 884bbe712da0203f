"""Whether a calculation's result can be used, and how many options it is about.

Scalars are compared with their bounds, which NaN and infinity fail as well. Arrays are judged by their least and
greatest element, and where these fail by their own operators, exactly. Of long lists a sample is looked at, so that
the cost stays a small part of the calculation's. Records (mappings, named tuples, dataclasses and other objects,
tables, structured arrays) are judged by the Greeks that their fields are named after; what has another name is not
judged, for it may be a strike.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence, Sized
from itertools import islice
from typing import Any

__all__ = ["BOUNDS", "Tally", "bounds_of", "examine", "size_of"]

_INF = math.inf
_MAX = 1.7976931348623157e308
#: Least and greatest value each Greek can have. Delta: |N(d1)| <= 1 (with a dividend yield, less). Gamma and
#: vega: never negative for a long option. Prices and volatilities: never negative.
BOUNDS: Mapping[str, tuple[float, float]] = {
    "delta": (-1.0, 1.0),
    "gamma": (0.0, _MAX),
    "vega": (0.0, _MAX),
    "theta": (-_MAX, _MAX),
    "rho": (-_MAX, _MAX),
    "price": (0.0, _MAX),
    "iv": (0.0, _MAX),
}
_ANY = (-_MAX, _MAX)
#: Other names of the parts of a result, in the singular; those of `_OWN` are what was calculated, whatever that is.
_ALIASES: Mapping[str, str] = {"volatility": "iv", "implied_volatility": "iv", "implied_vol": "iv"}
_OWN = frozenset({"value", "result"})
_FINITE = "finite"
#: Values of a list, and records of one, that are looked at.
_VALUES, _RECORDS = 10_000, 1_000
#: How many records may be within one another.
_DEPTH = 4

#: How many values cannot be used, by reason.
Tally = dict[str, int]


def bounds_of(calculation_type: str, check: bool | str = True) -> tuple[float, float]:
    """The bounds of a calculation's values.

    Args:
        calculation_type: What is calculated.
        check: ``finite`` where values need only be finite numbers.
    """
    return _ANY if check == _FINITE else BOUNDS.get(calculation_type, _ANY)


def size_of(result: Any) -> int:
    """The number of options a result is about: the length of its (first) array or sequence, else 1.

    Of a table (pandas, polars) that is the number of its rows.
    """
    fields = _fields_of(result)
    if fields is not None:
        return len(result) if _is_table(result) else _size_of_record(fields)
    shape = getattr(result, "shape", None)
    if isinstance(shape, tuple):
        return math.prod(shape)
    if isinstance(result, Sized) and not isinstance(result, str | bytes):
        return len(result)
    return 1


def _size_of_record(fields: Mapping[Any, Any]) -> int:
    named = [value for name, value in fields.items() if _greek_of(name, "") is not None]
    if named:
        return size_of(named[0])
    if fields and (not _is_named(fields) or len(fields) > _RECORDS):
        return len(fields)  # by strike, or by whatever else there is one of for each option
    if fields and all(_fields_of(value) is not None for value in fields.values()):
        return sum(map(size_of, fields.values()))
    return size_of(next(iter(fields.values()), None))


def examine(result: Any, calculation_type: str, check: bool | str = True) -> tuple[Tally, int]:
    """Look at a result.

    Args:
        result: The result.
        calculation_type: What was calculated.
        check: ``finite`` where values need only be finite numbers.

    Returns:
        How many values cannot be used, by reason, and how many values were looked at.
    """
    look = _Look(check)
    look.at(result, calculation_type, 0)
    return look.tally, look.looked


class _Look:
    """A look at one result, and what was seen."""

    def __init__(self, check: bool | str) -> None:
        self._check = check
        self.tally: Tally = {}
        self.looked = 0

    def at(self, part: Any, greek: str | None, depth: int) -> None:
        """Look at a part of the result, which is a value or values of a Greek; None: only of those it names."""
        if part is None or isinstance(part, float | int | str | bytes):
            self._at_value(part, greek)
        elif depth > _DEPTH:
            return
        elif (fields := _fields_of(part)) is not None:
            self._at_record(part, fields, greek, depth)
        elif (array := _array_of(part)) is not None:
            self._at_array(array, greek, depth)
        elif isinstance(part, Sequence):
            self._at_sequence(part, greek, depth)
        else:
            self._at_value(part, greek)

    def _at_value(self, value: Any, greek: str | None) -> None:
        if greek is not None:
            self.looked += 1
            self._count(_reason(value, *bounds_of(greek, self._check)), 1)

    def _at_array(self, array: Any, greek: str | None, depth: int) -> None:
        if array.dtype.kind == "O":  # None among numbers, or records
            self._at_sequence(array.ravel().tolist(), greek, depth)
            return
        if greek is None or not array.size or array.dtype.kind not in "fiub":
            return
        self.looked += int(array.size)
        low, high = bounds_of(greek, self._check)
        if low <= float(array.min()) and float(array.max()) <= high:  # not so when there is a NaN
            return
        # The greatest float is infinite in an array of smaller ones: there infinity itself is the bound.
        usable = (array > -_INF if low == -_MAX else array >= low) & (
            array < _INF if high == _MAX else array <= high
        )
        others = array[~usable]
        nan = int((others != others).sum())  # noqa: PLR0124  # only NaN is not equal to itself
        infinite = int((abs(others) == _INF).sum())
        self._count("nan", nan)
        self._count("infinite", infinite)
        self._count("out_of_range", int(others.size) - nan - infinite)

    def _at_sequence(self, values: Sequence[Any], greek: str | None, depth: int) -> None:
        most = _VALUES if values and isinstance(values[0], float | int | None) else _RECORDS
        low, high = bounds_of(greek, self._check) if greek is not None else (_INF, -_INF)
        for value in islice(values, 0, None, max(1, -(-len(values) // most))):
            if (
                type(value) is float and low <= value <= high
            ):  # nearly always; the rest of this is twenty times slower
                self.looked += 1
            else:
                self.at(value, greek, depth + 1)

    def _at_record(self, record: Any, fields: Mapping[Any, Any], greek: str | None, depth: int) -> None:
        converged = fields["converged"] if "converged" in fields else getattr(record, "converged", True)
        failed = _not_converged(converged)
        self.looked += failed
        self._count("not_converged", failed)
        if failed and isinstance(converged, bool):
            return  # what it gave is not looked at a second time
        named = [
            (each, value) for name, value in fields.items() if (each := _greek_of(name, greek)) is not None
        ]
        for each, value in named:
            self.at(_converged_part(value, converged) if failed else value, each, depth + 1)
        if not named:
            of_all = None if _is_named(fields) else greek
            for value in islice(fields.values(), 0, None, max(1, -(-len(fields) // _RECORDS))):
                self.at(value, of_all, depth + 1)

    def _count(self, reason: str | None, number: int) -> None:
        if reason is not None and number:
            self.tally[reason] = self.tally.get(reason, 0) + number


def _greek_of(name: Any, greek: str | None) -> str | None:
    """The Greek that a field's name says it is; None when it says none."""
    if not isinstance(name, str):
        return None
    lower = name.lower()
    for each in (lower, lower.removesuffix("s")):
        if each in BOUNDS:
            return each
        if each in _ALIASES:
            return _ALIASES[each]
        if each in _OWN:
            return greek
    return None


def _is_named(fields: Mapping[Any, Any]) -> bool:
    """Whether a record's keys are names, which say what a value is, rather than strikes."""
    return isinstance(next(iter(fields), None), str)


def _is_table(part: Any) -> bool:
    """Whether something is a data frame whose columns have names; one by strikes and expiries is an array."""
    return hasattr(part, "to_numpy") and isinstance(next(iter(getattr(part, "columns", ())), None), str)


def _fields_of(part: Any) -> Mapping[Any, Any] | None:
    """A record's fields by name; None for what is no record."""
    if isinstance(part, Mapping):
        return part
    if isinstance(part, float | int | str | bytes | list | type):
        return None
    if type(part).__module__ == "numpy":
        columns: Iterable[str] | None = getattr(getattr(part, "dtype", None), "names", None)
        return {name: part[name] for name in columns} if columns else None  # those of a structured array
    if isinstance(part, tuple):
        given = getattr(part, "_fields", None)
        return dict(zip(given, part, strict=False)) if given else None
    if _is_table(part):
        return {name: part[name] for name in part.columns if _greek_of(name, "") is not None}
    if dataclasses.is_dataclass(part):
        return {field.name: getattr(part, field.name, None) for field in dataclasses.fields(part)}
    if hasattr(type(part), "__float__"):
        return None
    names: Iterable[str] = getattr(part, "__dict__", None) or getattr(type(part), "__slots__", None) or ()
    found = {name: getattr(part, name, None) for name in names if _greek_of(name, "") is not None}
    return found or None


def _array_of(part: Any) -> Any:
    """The NumPy array that something is, or can be seen as; None for what is none."""
    if type(part).__module__ == "numpy":
        return part if getattr(part, "shape", None) else None
    convert = getattr(part, "to_numpy", None) or getattr(part, "__array__", None)
    if convert is None or getattr(part, "shape", None) == ():
        return None
    if hasattr(part, "compressed"):  # of a masked array only what is not masked
        return part.compressed()
    try:
        array = convert()
    except Exception:  # it is on another device, or records its operations
        return None
    return array if hasattr(getattr(array, "dtype", None), "kind") else None


def _not_converged(converged: Any) -> int:
    """How many calculations did not converge, by a truth value, or an array or sequence of them."""
    if isinstance(converged, bool):
        return 0 if converged else 1
    if type(converged).__module__ == "numpy":
        return int(converged.size) - int(converged.sum())
    if isinstance(converged, list | tuple):
        return sum(1 for each in converged if not each)
    return 0


def _converged_part(values: Any, converged: Any) -> Any:
    """The values of calculations that converged; what the others gave is not looked at a second time."""
    if isinstance(converged, list | tuple):
        if isinstance(values, list | tuple) and len(values) == len(converged):
            return [value for value, is_sound in zip(values, converged, strict=True) if is_sound]
        return values
    if getattr(converged, "shape", None) == ():  # one value of NumPy's
        return ()
    if getattr(converged, "shape", None) == getattr(values, "shape", ...):
        return values[converged.astype(bool)]
    return values


def _reason(value: Any, low: float, high: float) -> str | None:
    """Why a value cannot be used; None when it can, or is nothing that could be judged."""
    if value is None or type(value).__name__ in {"NAType", "NaTType"}:  # what pandas has for None
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
