"""py_vollib_vectorized: prices, implied volatilities and Greeks of a whole array of options a call."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

from signalscope.decorators import arg
from signalscope.decorators._batch import size_of
from signalscope.instrumentation._base._greeks import GREEKS, GreeksInstrumentor, greeks_library
from signalscope.instrumentation._base._instrumentor import on_import
from signalscope.instrumentation.vollib import PRICES

__all__ = ["PyVollibVectorizedInstrumentor"]

_PACKAGE = "py_vollib_vectorized"
#: The columns that `price_dataframe` writes.
_COLUMNS = ("Price", "IV", *GREEKS)
_MODEL = arg("model")


def _options(result: Any, flag: Any, K: Any) -> int:  # noqa: N803  # the parameter's name
    """Return the number of options: of the result, or of the arguments if the result is JSON or None."""
    if result is None or isinstance(result, str):
        return max(size_of(flag), size_of(K))
    return size_of(result)


def _written(result: Any, df: Any) -> Any:
    """Return the values of `price_dataframe`: its result, or the columns that it wrote in place."""
    return {name: df[name] for name in _COLUMNS if name in df} if result is None else result


class PyVollibVectorizedInstrumentor(GreeksInstrumentor):
    """Measures the functions of py_vollib_vectorized, and those that it puts into py_vollib."""

    library = greeks_library(
        name=_PACKAGE,
        supports=("py_vollib_vectorized >= 0.1, < 0.2",),
        tested=("0.1.1", "0.1.1"),
        unit="A call, with as many options as its arguments give when they are broadcast. `get_all_greeks` and "
        "`price_dataframe` are one `chain`.",
        not_measured=(
            "py_vollib's analytical Greeks: the library leaves them as they are, one option a call.",
        ),
        notes=(
            "All are `vectorized`: compiled code handles the whole batch. The first call of a function compiles it, "
            "and its time has that in it.",
            "Greeks are differences of prices: of them only NaN, None and infinite values are invalid.",
            "0.1.1 works with `py_vollib==1.0.1` and `py_lets_be_rational==1.0.1` only.",
        ),
    )

    common = {"vectorized": True, "batch_size": _options, "check": "finite"}  # noqa: RUF012  # not changed

    @on_import(_PACKAGE)
    def _patch(self, _: ModuleType) -> None:
        """Patch the functions of the package, which has by now patched py_vollib."""
        for greek in GREEKS:
            self._measure("greeks", greek, greek)
        self._measure("implied_volatility", "vectorized_implied_volatility", "iv")
        self._measure("implied_volatility", "vectorized_implied_volatility_black", "iv", "black")
        for model in PRICES:
            self._measure("models", f"vectorized_{model}", "price", model)
            # The partials that the package has put into py_vollib, where user code finds them.
            for module, calculations in (
                (f"py_vollib.{model}", {model: "price"}),
                (f"py_vollib.{model}.implied_volatility", {"implied_volatility": "iv"}),
                (f"py_vollib.{model}.greeks.numerical", GREEKS),
            ):
                for name, calculation_type in calculations.items():
                    self.measure_calculation(sys.modules.get(module), name, calculation_type, model)
        self._measure("api", "get_all_greeks", "chain")
        self._measure("api", "price_dataframe", "chain", batch_size=arg("df"), values=_written)

    def _measure(
        self, module: str, name: str, calculation_type: str, model: Any = _MODEL, **options: Any
    ) -> None:
        owner = sys.modules.get(f"{_PACKAGE}.{module}")
        self.measure_calculation(owner, name, calculation_type, model, **options)
