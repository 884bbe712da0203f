"""mibian: prices, Greeks and implied volatilities that constructors calculate."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from signalscope.instrumentation._base._greeks import GreeksInstrumentor, greeks_library
from signalscope.instrumentation._base._instrumentor import on_import

__all__ = ["MibianInstrumentor"]

_CLASSES = {"BS": "black_scholes", "GK": "garman_kohlhagen", "Me": "black_scholes_merton"}
#: The limits of mibian's search for a volatility, in percent: a result at a limit means that it found none.
_LEAST, _GREATEST = 0.00001, 500.0


class MibianInstrumentor(GreeksInstrumentor):
    """Instrumentor for the constructors of mibian's classes.

    Example:
        >>> MibianInstrumentor().instrument()
        >>> MibianInstrumentor().uninstrument()
    """

    library = greeks_library(
        name="mibian",
        supports=("mibian >= 0.1.3, < 0.2",),
        tested=("0.1.3", "0.1.3"),
        unit="A call of a constructor, for the call and the put of one strike. With a volatility it is a `chain` of "
        "one option, or a `price` if `performance` is set. With prices alone it is one `iv`, for any number of steps "
        "of the search.",
        not_measured=("Reading attributes, which calculates nothing.",),
        notes=(
            "The library searches volatilities between 0 and 500 %. A result at a limit of this range is "
            "`not_converged`.",
            "Theta is per calendar day. Rates and volatilities are in percent.",
        ),
    )

    @on_import("mibian")
    def _patch(self, module: ModuleType) -> None:
        for name, model in _CLASSES.items():
            cls = getattr(module, name, None)
            self.measure_calculation(cls, "__init__", _calculation_type, model, batch_size=1, values=_values)


def _calculation_type(volatility: Any, performance: Any) -> str:
    if volatility:
        return "price" if performance else "chain"
    return "iv"


class _Values(dict[str, Any]):
    """The results of a constructor by Greek."""

    converged = True


def _values(self: Any, volatility: Any) -> _Values:
    values = _Values()
    if volatility:
        for greek in ("price", "delta", "theta"):
            values[greek] = [getattr(self, f"{side}{greek.capitalize()}", None) for side in ("call", "put")]
        values |= {greek: getattr(self, greek, None) for greek in ("gamma", "vega")}
        return values if values["gamma"] is not None else _Values(price=values["price"])
    if getattr(self, "impliedVolatility", None) is not None:
        values["iv"] = self.impliedVolatility
        values.converged = _LEAST < self.impliedVolatility < _GREATEST * 0.9999
    return values
