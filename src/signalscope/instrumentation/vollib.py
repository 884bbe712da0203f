"""vollib: prices, implied volatilities and Greeks; each call is for one option."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import ClassVar

from signalscope.instrumentation._base._greeks import GREEKS, GreeksInstrumentor, greeks_library
from signalscope.instrumentation._base._import_hooks import Hook

__all__ = ["VollibInstrumentor"]

#: Functions that return prices, by subpackage; the name of a subpackage is a model of the contract.
PRICES: Mapping[str, tuple[str, ...]] = {
    "black": ("black", "undiscounted_black", "normalised_black", "black_call", "black_put"),
    "black_scholes": ("black_scholes",),
    "black_scholes_merton": ("black_scholes_merton", "bsm_call", "bsm_put"),
}
_VOLATILITIES = (
    "implied_volatility",
    "implied_volatility_of_discounted_option_price",
    "implied_volatility_of_undiscounted_option_price",
    "implied_volatility_of_undiscounted_option_price_limited_iterations",
    "normalised_implied_volatility",
    "normalised_implied_volatility_limited_iterations",
)


class VollibInstrumentor(GreeksInstrumentor):
    """Instrumentor for vollib's functions; py_vollib 1.0.7 and newer has the same functions under other names.

    Example:
        >>> VollibInstrumentor().instrument()
        >>> VollibInstrumentor().uninstrument()
    """

    library = greeks_library(
        name="vollib",
        supports=("vollib >= 1.0.7, < 2",),
        tested=("1.0.7", "1.0.11"),
        unit="A call from outside the library, for one option. Calls inside the library are parts of this call: a "
        "numerical delta calculates two prices, and is one calculation.",
        not_measured=(
            "`vollib.lets_be_rational` and `vollib.helpers` called directly.",
            "The time of the import.",
        ),
        notes=(
            "Greeks of `greeks.numerical` are differences of prices, and rounding may move them out of their range: "
            "only NaN, None and infinite values are invalid.",
            "Theta is per calendar day.",
        ),
    )

    package: ClassVar[str] = "vollib"

    def hooks(self) -> Mapping[str, Hook]:
        """Return a hook for every module that has functions."""
        return {
            f"{self.package}.{name}": functools.partial(self._patch, model, calculations, check)
            for name, model, calculations, check in _functions()
        }

    def _patch(
        self, model: str, calculations: Mapping[str, str], check: bool | str, module: ModuleType
    ) -> None:
        for name, calculation_type in calculations.items():
            self.measure_calculation(module, name, calculation_type, model, check=check)


def _functions() -> Iterator[tuple[str, str, Mapping[str, str], bool | str]]:
    """Yield name, model, calculation types by function, and check of the results, for each module of the package."""
    for base in ("", "ref_python."):
        for model, prices in PRICES.items():
            name = base + model
            yield name, model, dict.fromkeys(prices, "price"), True
            yield f"{name}.greeks.analytical", model, GREEKS, True
            yield f"{name}.greeks.numerical", model, GREEKS, "finite"
            yield f"{name}.implied_volatility", model, dict.fromkeys(_VOLATILITIES, "iv"), True
