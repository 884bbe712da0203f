"""py_vollib_vectorized: prices, implied volatilities and Greeks of a whole array of options a call."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

from signalscope.decorators import arg, instrument_greeks
from signalscope.decorators._batch import size_of
from signalscope.instrumentation._base._greeks import GREEKS, greeks_library
from signalscope.instrumentation._base._instrumentor import Hook, LibraryInstrumentor
from signalscope.instrumentation._base._vollib import MODELS

__all__ = ["PyVollibVectorizedInstrumentor"]

_PACKAGE = "py_vollib_vectorized"
#: The columns that `price_dataframe` writes.
_COLUMNS = ("Price", "IV", *GREEKS)


class PyVollibVectorizedInstrumentor(LibraryInstrumentor):
    """Measures the functions of py_vollib_vectorized, and those that it puts into py_vollib."""

    library = greeks_library(
        name=_PACKAGE,
        title=_PACKAGE,
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

    def hooks(self) -> Mapping[str, Hook]:
        """Return the hook of the package, which is called after its own patching of py_vollib."""
        return {_PACKAGE: self._patch}

    def _patch(self, _: ModuleType) -> None:
        own = {
            name: sys.modules.get(f"{_PACKAGE}.{name}")
            for name in ("greeks", "implied_volatility", "models", "api")
        }
        for greek in GREEKS:
            self.measure(own["greeks"], greek, self._calculation(greek, arg("model")))
        for name, model in (
            ("vectorized_implied_volatility", arg("model")),
            ("vectorized_implied_volatility_black", "black"),
        ):
            self.measure(own["implied_volatility"], name, self._calculation("iv", model))
        for model in MODELS:
            self.measure(own["models"], f"vectorized_{model}", self._calculation("price", model))
            self._patch_partials(model)
        self.measure(own["api"], "get_all_greeks", self._calculation("chain", arg("model")))
        self.measure(own["api"], "price_dataframe", self._dataframe())

    def _patch_partials(self, model: str) -> None:
        """Patch the partials that the package has put into py_vollib, where user code finds them."""
        for module, names in (
            (f"py_vollib.{model}", {model: "price"}),
            (f"py_vollib.{model}.implied_volatility", {"implied_volatility": "iv"}),
            (f"py_vollib.{model}.greeks.numerical", GREEKS),
        ):
            for name, calculated in names.items():
                self.measure(sys.modules.get(module), name, self._calculation(calculated, model))

    def _calculation(self, calculated: str, model: Any) -> Callable[[Any], Any]:
        return instrument_greeks(
            calculation_type=calculated,
            model_type=model,
            vectorized=True,
            batch_size=_options,
            check="finite",
            span=self.span,
        )

    def _dataframe(self) -> Callable[[Any], Any]:
        return instrument_greeks(
            calculation_type="chain",
            model_type=arg("model"),
            vectorized=True,
            batch_size=arg("df"),
            values=_written,
            check="finite",
            span=self.span,
        )


def _options(result: Any, flag: Any, K: Any) -> int:  # noqa: N803  # the parameter's name
    """Return the number of options: of the result, or of the arguments if the result is JSON or None."""
    if result is None or isinstance(result, str):
        return max(size_of(flag), size_of(K))
    return size_of(result)


def _written(result: Any, df: Any) -> Any:
    """Return the values of `price_dataframe`: its result, or the columns that it wrote in place."""
    return {name: df[name] for name in _COLUMNS if name in df} if result is None else result
