"""The functions of vollib by module, each with its calculation type; py_vollib has them under other names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from signalscope.instrumentation._base._greeks import GREEKS

#: Subpackages; each is named as a model of the contract.
MODELS = ("black", "black_scholes", "black_scholes_merton")
_PRICES: Mapping[str, tuple[str, ...]] = {
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


def functions() -> Iterator[tuple[str, str, Mapping[str, str], bool]]:
    """Yield the modules below the package: name, model, calculation types by function, whether they are numerical."""
    for base in ("", "ref_python."):
        for model in MODELS:
            name = base + model
            yield name, model, dict.fromkeys(_PRICES[model], "price"), False
            yield f"{name}.greeks.analytical", model, GREEKS, False
            yield f"{name}.greeks.numerical", model, GREEKS, True
            yield f"{name}.implied_volatility", model, dict.fromkeys(_VOLATILITIES, "iv"), False
