"""vollib: prices, implied volatilities and Greeks of one option a call."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import ClassVar

from signalscope.instrumentation._base._greeks import GREEKS, GreeksInstrumentor, greeks_library
from signalscope.instrumentation._base._import_hooks import Hook

__all__ = ["VollibInstrumentor"]

#: Functions that return prices, by subpackage; each subpackage is named as a model of the contract.
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
    """Measures vollib's functions; py_vollib 1.0.7 and newer are the same functions under other names."""

    library = greeks_library(
        name="vollib",
        supports=("vollib >= 1.0.7, < 2",),
        tested=("1.0.7", "1.0.11"),
        unit="A call from outside the library, about one option. What it calls inside is a part of it: a numerical "
        "delta, which takes two prices, is one calculation.",
        not_measured=(
            "`vollib.lets_be_rational` and `vollib.helpers` called directly.",
            "The time that importing takes.",
        ),
        notes=(
            "Greeks of `greeks.numerical` are differences of prices, whose rounding may leave the bounds: of them "
            "only NaN, None and infinite values are invalid.",
            "Theta is per calendar day.",
        ),
    )

    package: ClassVar[str] = "vollib"

    def hooks(self) -> Mapping[str, Hook]:
        """Return the hooks of every module with functions."""
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
    """Yield the modules below the package: name, model, calculation types by function, check of the results."""
    for base in ("", "ref_python."):
        for model, prices in PRICES.items():
            name = base + model
            yield name, model, dict.fromkeys(prices, "price"), True
            yield f"{name}.greeks.analytical", model, GREEKS, True
            yield f"{name}.greeks.numerical", model, GREEKS, "finite"
            yield f"{name}.implied_volatility", model, dict.fromkeys(_VOLATILITIES, "iv"), True
