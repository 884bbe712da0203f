"""blackscholes: prices and Greeks as methods of option and structure objects."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from types import ModuleType

from signalscope.instrumentation._base._greeks import GREEKS, GreeksInstrumentor, greeks_library
from signalscope.instrumentation._base._instrumentor import on_import

__all__ = ["BlackscholesInstrumentor"]

_HIGHER = (
    "spot_delta", "dual_delta", "dual_gamma", "epsilon", "lambda_greek", "vanna", "charm", "vomma", "veta", "phi",
    "speed", "zomma", "color", "ultima", "alpha",
)  # fmt: skip
_METHODS: Mapping[str, str] = {
    **GREEKS,
    "price": "price",
    "forward": "price",
    "get_core_greeks": "chain",
    "get_all_greeks": "chain",
    **dict.fromkeys(_HIGHER, "other"),
}


class BlackscholesInstrumentor(GreeksInstrumentor):
    """Instrumentor for the methods of the library's classes, also if a user's subclass inherits them.

    Example:
        >>> BlackscholesInstrumentor().instrument()
        >>> BlackscholesInstrumentor().uninstrument()
    """

    library = greeks_library(
        name="blackscholes",
        supports=("blackscholes >= 0.1, < 1",),
        tested=("0.1.0", "0.2.2"),
        unit="A call of a method, for one option or one structure (such as a straddle). A call of `get_core_greeks` "
        "or `get_all_greeks` is one `chain` of one option, with all calls inside.",
        not_measured=("Constructors, which calculate nothing.", "`in_the_money` and `get_itm_proxies`."),
        notes=(
            "Greeks of higher order (vanna, charm, ...) have the calculation type `other`.",
            "Structures may be short, and binary options have Greeks of both signs: for them only NaN, None and "
            "infinite values are invalid.",
            "Theta is per year.",
        ),
    )

    @on_import("blackscholes")
    def _patch(self, package: ModuleType) -> None:
        """Patch the package's classes: all of them exist when the import of the package ends."""
        classes = {
            base
            for value in vars(package).values()
            if inspect.isclass(value)
            for base in value.__mro__
            if base.__module__.partition(".")[0] == package.__name__
        }
        for cls in sorted(classes, key=lambda cls: cls.__qualname__):
            is_bounded = any(base.__name__ in ("BlackScholesBase", "Black76Base") for base in cls.__mro__)
            check = True if is_bounded else "finite"
            model = _model(cls.__name__)
            for name, calculation_type in _METHODS.items():
                method = vars(cls).get(name)
                if callable(method) and not getattr(method, "__isabstractmethod__", False):
                    self.measure_calculation(cls, name, calculation_type, model, batch_size=1, check=check)


def _model(name: str) -> str:
    """Return the model of a class by its name."""
    if name.startswith("Black76"):
        return "black"
    return "black_scholes" if name.startswith("Binary") else "black_scholes_merton"
