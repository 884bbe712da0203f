"""The base of the instrumentors of Greeks libraries."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any, ClassVar

from signalscope.decorators import instrument_greeks
from signalscope.instrumentation._base._instrumentor import Library, LibraryInstrumentor

#: The calculation type for each name of a function or method.
GREEKS: Mapping[str, str] = {name: name for name in ("delta", "gamma", "theta", "vega", "rho")}
#: The description of a Greeks library.
greeks_library = functools.partial(
    Library,
    kind="greeks",
    measures=(
        "signal_service.greeks.calculation",
        "signal_service.greeks.options",
        "signal_service.greeks.invalid_results",
        "signal_service.greeks.checked_results",
        "signal_service.greeks.batch_options",
    ),
    spans="A child span for each calculation if the current span is recording; it has the function's name.",
)


class GreeksInstrumentor(LibraryInstrumentor):
    """Base of the instrumentors of Greeks libraries.

    Attributes:
        common: Arguments of `instrument_greeks` for all calculations of the library.
    """

    common: ClassVar[Mapping[str, Any]] = {}

    def measure_calculation(
        self, owner: Any, name: str, calculation_type: Any, model_type: Any, **options: Any
    ) -> None:
        """Measure a function of a module, or a method of a class, with `instrument_greeks`.

        Args:
            owner: The module or class; None if this version of the library does not have it.
            name: The function or method; it may be missing.
            calculation_type: As for `instrument_greeks`.
            model_type: As for `instrument_greeks`.
            options: Further arguments of `instrument_greeks`.
        """
        decorator = instrument_greeks(
            calculation_type=calculation_type,
            model_type=model_type,
            span=self.span,
            **{**self.common, **options},
        )
        self.measure(owner, name, decorator)
