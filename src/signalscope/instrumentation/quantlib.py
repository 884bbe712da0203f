"""QuantLib: prices and Greeks of instruments, with the model of their pricing engine."""

from __future__ import annotations

import functools
import inspect
import weakref
from collections.abc import Mapping
from types import ModuleType
from typing import Any

from signalscope.contract._model import OTHER
from signalscope.instrumentation._base._greeks import GREEKS, GreeksInstrumentor, greeks_library
from signalscope.instrumentation._base._instrumentor import Method, on_import
from signalscope.instrumentation._base._suppression import only_if_undone

__all__ = ["QuantLibInstrumentor"]

_METHODS: Mapping[str, str] = {**GREEKS, "NPV": "price", "thetaPerDay": "theta", "impliedVolatility": "iv"}
_CALCULATORS = {"BlackCalculator": "black", "BachelierCalculator": "bachelier"}
_FUNCTIONS: Mapping[str, tuple[str, str]] = {
    "blackFormula": ("price", "black"),
    "blackFormulaImpliedStdDev": ("iv", "black"),
    "blackFormulaImpliedStdDevLiRS": ("iv", "black"),
    "bachelierBlackFormula": ("price", "bachelier"),
    "bachelierBlackFormulaImpliedVol": ("iv", "bachelier"),
}
#: Models by the beginning of an engine's name, then by parts of the name. The first match counts. Numerical methods
#: come first, since they determine the cost of a calculation.
_BEGINNINGS = {"MC": "monte_carlo", "Binomial": "binomial", "Fd": "finite_difference", "Tree": "lattice"}
_PARTS: Mapping[str, tuple[str, ...]] = {
    "bates": ("Bates",),
    "short_rate": ("HullWhite", "Jamshidian", "G2", "Gaussian1d"),
    "heston": ("Heston",),
    "sabr": ("Sabr",),
    "bachelier": ("Bachelier",),
    "discounting": ("Discounting",),
    OTHER: ("CEV", "GJRGARCH", "VarianceGamma", "Cds", "Perpetual", "BjerksundStenslandSpread"),
    "american_approximation": ("BaroneAdesiWhaley", "BjerksundStensland", "JuQuadratic", "QdPlus", "QdFp"),
    "black_scholes_merton": ("Analytic", "DividendEuropean", "Integral"),
    "black": ("Black",),
}


class QuantLibInstrumentor(GreeksInstrumentor):
    """Instrumentor for `NPV` and the Greeks of instruments, Black and Bachelier formulas and calculators.

    Example:
        >>> QuantLibInstrumentor().instrument()
        >>> QuantLibInstrumentor().uninstrument()
    """

    library = greeks_library(
        name="quantlib",
        title="QuantLib",
        supports=("QuantLib >= 1.28, < 2",),
        tested=("1.28", "1.44"),
        unit="A call of `NPV`, of a Greek (`delta`, `gamma`, `theta`, `thetaPerDay`, `vega`, `rho`), or of "
        "`impliedVolatility`, for one instrument.",
        not_measured=(
            "Other results of an instrument: clean prices of bonds, fair rates of swaps, other sensitivities.",
            "Curves, calibration and term structures.",
        ),
        notes=(
            "After a change of the market, the first call calculates the price and all Greeks. The next calls only "
            "read these results, and are short.",
            "`model_type` is the model of the engine given to `setPricingEngine`. A numerical method (monte_carlo, "
            "binomial, lattice, finite_difference) comes before the model. An instrument that got its engine in "
            "another way has `other`.",
            "Prices may be negative (swaps, short positions) and Greeks may have both signs (exotic options): only "
            "NaN and infinite values are invalid. A Greek that the engine does not provide is an `error`.",
        ),
    )

    common = {"batch_size": 1, "check": "finite"}  # noqa: RUF012  # not changed

    def create(self) -> None:
        """Create the table of instruments and the models of their engines."""
        self._models: weakref.WeakKeyDictionary[Any, str] = weakref.WeakKeyDictionary()

    @on_import("QuantLib.QuantLib")
    def _patch(self, module: ModuleType) -> None:
        """Patch the module that defines all classes; the package only imports their names."""
        instrument = getattr(module, "Instrument", None)
        if instrument is None:
            return
        self.intercept(instrument, "setPricingEngine", self._note_engine, unless=only_if_undone)
        models = self._models

        def model_of(self: Any) -> str:
            return models.get(self, OTHER)

        for cls in list(vars(module).values()):
            if inspect.isclass(cls) and issubclass(cls, instrument):
                for name, calculation_type in _METHODS.items():
                    if name in vars(cls):
                        self.measure_calculation(cls, name, calculation_type, model_of)
        for name, model in _CALCULATORS.items():
            for method, calculation_type in {**GREEKS, "value": "price"}.items():
                self.measure_calculation(getattr(module, name, None), method, calculation_type, model)
        for name, (calculation_type, model) in _FUNCTIONS.items():
            self.measure_calculation(module, name, calculation_type, model)

    def _note_engine(self, original: Method, instrument: Any, /, *args: Any, **kwargs: Any) -> Any:
        result = original(instrument, *args, **kwargs)
        engine = next(iter((*args, *kwargs.values())), None)
        self._models[instrument] = _model(type(engine).__name__)
        return result


@functools.cache
def _model(engine: str) -> str:
    """Return the model of an engine by the name of its class."""
    for beginning, model in _BEGINNINGS.items():
        if engine.startswith(beginning):
            return model
    return next((model for model, parts in _PARTS.items() if any(part in engine for part in parts)), OTHER)
