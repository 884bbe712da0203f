"""blackscholes: prices and Greeks as methods of option and structure objects."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from types import ModuleType

from signalscope.decorators import instrument_greeks
from signalscope.instrumentation._base._greeks import GREEKS, greeks_library
from signalscope.instrumentation._base._instrumentor import Hook, LibraryInstrumentor

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


class BlackscholesInstrumentor(LibraryInstrumentor):
    """Measures the methods of the library's classes, also if a user's subclass inherits them."""

    library = greeks_library(
        name="blackscholes",
        title="blackscholes",
        supports=("blackscholes >= 0.1, < 1",),
        tested=("0.1.0", "0.2.2"),
        unit="A call of a method, about one option or one structure (a straddle is one). `get_core_greeks` and "
        "`get_all_greeks` are one `chain` of one option, whatever they call inside.",
        not_measured=("Constructors, which calculate nothing.", "`in_the_money` and `get_itm_proxies`."),
        notes=(
            "Greeks of higher order (vanna, charm, ...) have the calculation type `other`.",
            "Structures may be short, and binary options have Greeks of either sign: of them only NaN, None and "
            "infinite values are invalid.",
            "Theta is per year.",
        ),
    )

    def hooks(self) -> Mapping[str, Hook]:
        """Return the hook of the package, which is called when all of its classes are there."""
        return {"blackscholes": self._patch}

    def _patch(self, package: ModuleType) -> None:
        classes = {
            base
            for found in vars(package).values()
            if inspect.isclass(found)
            for base in found.__mro__
            if base.__module__.partition(".")[0] == package.__name__
        }
        for each in sorted(classes, key=lambda one: one.__qualname__):
            model = _model(each.__name__)
            bounded = any(base.__name__ in ("BlackScholesBase", "Black76Base") for base in each.__mro__)
            for name, calculated in _METHODS.items():
                if not callable(vars(each).get(name)) or getattr(
                    vars(each)[name], "__isabstractmethod__", False
                ):
                    continue
                measured = instrument_greeks(
                    calculation_type=calculated,
                    model_type=model,
                    batch_size=1,
                    check=True if bounded else "finite",
                    span=self.span,
                )
                self.measure(each, name, measured)


def _model(name: str) -> str:
    """Return the model of a class by its name."""
    if name.startswith("Black76"):
        return "black"
    return "black_scholes" if name.startswith("Binary") else "black_scholes_merton"
