"""Parts of a calculation's result: fields of records, and the Greeks that these fields are named after."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Iterable, Mapping
from typing import Any

#: The largest float.
MAX = sys.float_info.max
#: The smallest and the largest value of each Greek. Delta: |N(d1)| <= 1 (less with a dividend yield). Gamma and
#: vega: never negative for a long option. Prices and volatilities: never negative. Formulas: Black and Scholes
#: (1973).
LIMITS: Mapping[str, tuple[float, float]] = {
    "delta": (-1.0, 1.0),
    "gamma": (0.0, MAX),
    "vega": (0.0, MAX),
    "theta": (-MAX, MAX),
    "rho": (-MAX, MAX),
    "price": (0.0, MAX),
    "iv": (0.0, MAX),
}
#: Other names of Greeks, in the singular. A field with a name in `_OWN` has the values of the calculation itself.
_ALIASES: Mapping[str, str] = {"volatility": "iv", "implied_volatility": "iv", "implied_vol": "iv"}
_OWN = frozenset({"value", "result"})
#: The largest number of records that are examined in a list or mapping. A larger mapping has one option per entry.
MANY_RECORDS = 1_000


def greek_of(name: Any, greek: str | None) -> str | None:
    """Return the Greek that a field is named after, or None; for a name in `_OWN` return `greek`."""
    if not isinstance(name, str):
        return None
    lower = name.lower()
    for singular in (lower, lower.removesuffix("s")):
        if singular in LIMITS:
            return singular
        if singular in _ALIASES:
            return _ALIASES[singular]
        if singular in _OWN:
            return greek
    return None


def is_named(fields: Mapping[Any, Any]) -> bool:
    """Return True if the keys of a record are names, and not strikes."""
    return isinstance(next(iter(fields), None), str)


def is_table(part: Any) -> bool:
    """Return True for a data frame whose columns have names; a data frame by strikes and expiries is an array."""
    return hasattr(part, "to_numpy") and isinstance(next(iter(getattr(part, "columns", ())), None), str)


def fields_of(part: Any) -> Mapping[Any, Any] | None:
    """Return the fields of a record by name; None for a value that is not a record."""
    if isinstance(part, Mapping):
        return part
    if isinstance(part, float | int | str | bytes | list | type):
        return None
    if type(part).__module__ == "numpy":
        columns: Iterable[str] | None = getattr(getattr(part, "dtype", None), "names", None)
        return {name: part[name] for name in columns} if columns else None  # a structured array has names
    if isinstance(part, tuple):
        given = getattr(part, "_fields", None)
        return dict(zip(given, part, strict=False)) if given else None
    if is_table(part):
        return {name: part[name] for name in part.columns if greek_of(name, "") is not None}
    if dataclasses.is_dataclass(part):
        return {field.name: getattr(part, field.name, None) for field in dataclasses.fields(part)}
    if hasattr(type(part), "__float__"):
        return None
    names: Iterable[str] = getattr(part, "__dict__", None) or getattr(type(part), "__slots__", None) or ()
    return {name: getattr(part, name, None) for name in names if greek_of(name, "") is not None} or None


def array_of(part: Any) -> Any:
    """Return a result as a NumPy array, without a copy where possible; None if it is not an array."""
    if type(part).__module__ == "numpy":
        return part if getattr(part, "shape", None) else None
    convert = getattr(part, "to_numpy", None) or getattr(part, "__array__", None)
    if convert is None or getattr(part, "shape", None) == ():
        return None
    if hasattr(part, "compressed"):  # a masked array: only the elements that are not masked
        return part.compressed()
    try:
        array = convert()
    except Exception:  # an array on another device, or one that records operations for gradients
        return None
    return array if hasattr(getattr(array, "dtype", None), "kind") else None
