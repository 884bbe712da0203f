"""vollib: prices, implied volatilities and Greeks of one option a call."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from types import ModuleType

from signalscope.decorators import instrument_greeks
from signalscope.instrumentation._base._greeks import greeks_library
from signalscope.instrumentation._base._instrumentor import Hook, LibraryInstrumentor
from signalscope.instrumentation._base._vollib import functions

__all__ = ["VollibInstrumentor"]


class VollibInstrumentor(LibraryInstrumentor):
    """Measures vollib's functions; py_vollib 1.0.7 and newer are the same functions under other names."""

    library = greeks_library(
        name="vollib",
        title="vollib",
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

    def hooks(self) -> Mapping[str, Hook]:
        """Return the hooks of every module with functions."""
        return {
            f"vollib.{name}": functools.partial(self._patch, model, calculations, numerical)
            for name, model, calculations, numerical in functions()
        }

    def _patch(
        self, model: str, calculations: Mapping[str, str], numerical: bool, module: ModuleType
    ) -> None:
        for name, calculated in calculations.items():
            measured = instrument_greeks(
                calculation_type=calculated,
                model_type=model,
                check="finite" if numerical else True,
                span=self.span,
            )
            self.measure(module, name, measured)
