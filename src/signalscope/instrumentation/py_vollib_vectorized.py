"""py_vollib_vectorized: prices, implied volatilities and Greeks; each call is for an array of options."""

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
    """Return the size of the result, or of the arguments if the result is JSON or None."""
    if result is None or isinstance(result, str):
        return max(size_of(flag), size_of(K))
    return size_of(result)


def _written(result: Any, df: Any) -> Any:
    """Return the result of `price_dataframe`, or the columns that it wrote in place."""
    return {name: df[name] for name in _COLUMNS if name in df} if result is None else result


class PyVollibVectorizedInstrumentor(GreeksInstrumentor):
    """Instrumentor for the functions of py_vollib_vectorized, also those that the package adds to py_vollib.

    Example:
        >>> PyVollibVectorizedInstrumentor().instrument()
        >>> PyVollibVectorizedInstrumentor().uninstrument()
    """

    library = greeks_library(
        name=_PACKAGE,
        supports=("py_vollib_vectorized >= 0.1, < 0.2",),
        tested=("0.1.1", "0.1.1"),
        unit="A call; its number of options is the size of its broadcast arguments. A call of `get_all_greeks` or "
        "`price_dataframe` is one `chain`.",
        not_measured=("py_vollib's analytical Greeks: the library does not change them.",),
        notes=(
            "All calls are `vectorized`: compiled code handles the whole batch. The first call of a function "
            "includes the time to compile it.",
            "Greeks are differences of prices: only NaN, None and infinite values are invalid.",
            "0.1.1 works only with `py_vollib==1.0.1` and `py_lets_be_rational==1.0.1`.",
        ),
    )

    common = {"vectorized": True, "batch_size": _options, "check": "finite"}  # noqa: RUF012  # not changed

    @on_import(_PACKAGE)
    def _patch(self, _: ModuleType) -> None:
        """Patch the functions of the package, after it has patched py_vollib."""
        for greek in GREEKS:
            self._measure("greeks", greek, greek)
        self._measure("implied_volatility", "vectorized_implied_volatility", "iv")
        self._measure("implied_volatility", "vectorized_implied_volatility_black", "iv", "black")
        for model in PRICES:
            self._measure("models", f"vectorized_{model}", "price", model)
            # The partials that the package puts into py_vollib: user code imports them from there.
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
