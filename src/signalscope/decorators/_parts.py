"""Parts of a calculation's result: the fields of records, and the Greeks that they are named after."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Iterable, Mapping
from typing import Any

#: The greatest float.
MAX = sys.float_info.max
#: Least and greatest value each Greek can have. Delta: |N(d1)| <= 1 (with a dividend yield, less). Gamma and
#: vega: never negative for a long option. Prices and volatilities: never negative.
LIMITS: Mapping[str, tuple[float, float]] = {
    "delta": (-1.0, 1.0),
    "gamma": (0.0, MAX),
    "vega": (0.0, MAX),
    "theta": (-MAX, MAX),
    "rho": (-MAX, MAX),
    "price": (0.0, MAX),
    "iv": (0.0, MAX),
}
#: Other names of Greeks, in the singular. A field with a name of `_OWN` has the values of the calculation itself.
_ALIASES: Mapping[str, str] = {"volatility": "iv", "implied_volatility": "iv", "implied_vol": "iv"}
_OWN = frozenset({"value", "result"})
#: Records of one list or mapping that are examined; a mapping of more fields is one option for each.
MANY_RECORDS = 1_000


def greek_of(name: Any, greek: str | None) -> str | None:
    """The Greek that a field is named after, if any; `greek` for a name of `_OWN`."""
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
    """Return True if a record's keys are names of its values, and not strikes."""
    return isinstance(next(iter(fields), None), str)


def is_table(part: Any) -> bool:
    """Return True for a data frame whose columns have names; one by strikes and expiries is an array."""
    return hasattr(part, "to_numpy") and isinstance(next(iter(getattr(part, "columns", ())), None), str)


def fields_of(part: Any) -> Mapping[Any, Any] | None:
    """A record's fields by name; None for what is not a record."""
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
    if is_table(part):
        return {name: part[name] for name in part.columns if greek_of(name, "") is not None}
    if dataclasses.is_dataclass(part):
        return {field.name: getattr(part, field.name, None) for field in dataclasses.fields(part)}
    if hasattr(type(part), "__float__"):
        return None
    names: Iterable[str] = getattr(part, "__dict__", None) or getattr(type(part), "__slots__", None) or ()
    return {name: getattr(part, name, None) for name in names if greek_of(name, "") is not None} or None


def array_of(part: Any) -> Any:
    """The NumPy array that something is or has a view of, if any."""
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
