"""Whether a calculation's result can be used, and how many options it is about.

Scalars are compared with their bounds, which NaN and infinity fail as well. Arrays are judged by their least
and greatest element; only an array that fails is looked at element by element, and of a large one only a
sample, so that the cost stays a small part of the calculation's.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence, Sized
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
#: Other names that the parts of a result may have.
_ALIASES: Mapping[str, str] = {"volatility": "iv", "implied_volatility": "iv", "value": "price"}
_FINITE = "finite"
#: Values that are looked at one by one when an array has failed.
_SAMPLE = 1000

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
    if hasattr(result, "columns"):
        return len(result)
    shape = getattr(result, "shape", None)
    if shape is not None:
        return int(math.prod(shape)) if shape else 1
    if isinstance(result, Mapping):
        return size_of(next(iter(result.values()), None))
    if isinstance(result, tuple) and hasattr(result, "_fields"):
        return size_of(result[0]) if result else 1
    if isinstance(result, Sized) and not isinstance(result, str | bytes):
        return len(result)
    return 1


def examine(result: Any, calculation_type: str, check: bool | str = True) -> tuple[Tally, int]:
    """Look at a result.

    Args:
        result: The result.
        calculation_type: What was calculated.
        check: ``finite`` where values need only be finite numbers.

    Returns:
        How many values cannot be used, by reason, and how many values were looked at.
    """
    tally: Tally = {}
    looked = 0
    converged = getattr(result, "converged", True)
    for name, values in _parts(result, calculation_type):
        low, high = bounds_of(name, check)
        used = _converged_part(values, converged)
        suspects = _suspects(used, low, high)
        looked += len(suspects) or int(getattr(used, "size", 0))
        for value in suspects:
            reason = _reason(value, low, high)
            if reason is not None:
                tally[reason] = tally.get(reason, 0) + 1
    failed = _not_converged(converged)
    if failed:
        tally["not_converged"] = failed
        looked += failed
    return tally, looked


def _not_converged(converged: Any) -> int:
    """How many calculations did not converge, by a result's `converged`: a truth value, or an array of them."""
    if hasattr(converged, "sum") and hasattr(converged, "size"):
        return int(converged.size) - int(converged.sum())
    return 1 if converged is False else 0


def _converged_part(values: Any, converged: Any) -> Any:
    """The values of calculations that converged; what the others gave is not looked at a second time."""
    if converged is False:
        return ()
    if getattr(converged, "shape", None) == getattr(values, "shape", ...):
        return values[converged.astype(bool)]
    return values


def _parts(result: Any, calculation_type: str) -> Iterator[tuple[str, Any]]:
    """A result's parts, each with the Greek it is; a record of several Greeks has several."""
    fields: Mapping[Any, Any] | None = None
    if isinstance(result, Mapping):
        fields = result
    elif isinstance(result, tuple) and hasattr(result, "_fields"):
        fields = dict(zip(result._fields, result, strict=True))
    elif hasattr(result, "columns") and hasattr(result, "__getitem__"):
        fields = {name: result[name] for name in result.columns}
    if fields is None:
        yield calculation_type, _as_array(result)
        return
    for name, values in fields.items():
        greek = _ALIASES.get(str(name).lower(), str(name).lower())
        if greek in BOUNDS:
            yield greek, _as_array(values)


def _as_array(values: Any) -> Any:
    """The array of a column (pandas, polars); anything else as it is."""
    return values.to_numpy() if hasattr(values, "to_numpy") else values


def _suspects(values: Any, low: float, high: float) -> Sequence[Any]:
    """The values worth a look: none of an array whose extremes are within the bounds."""
    if hasattr(values, "min") and hasattr(values, "ravel"):
        if values.size == 0:
            return ()
        try:
            if low <= values.min() and values.max() <= high:
                return ()
        except TypeError:
            pass  # an array of objects, None among them
        flat = values.ravel()
        step = max(1, flat.size // _SAMPLE)
        sample: list[Any] = flat[::step].tolist()
        return sample
    if isinstance(values, Sequence) and not isinstance(values, str | bytes):
        return values[:: max(1, len(values) // _SAMPLE)]
    return (values,)


def _reason(value: Any, low: float, high: float) -> str | None:
    """Why a value cannot be used; None when it can, or is nothing that could be judged."""
    if value is None:
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
