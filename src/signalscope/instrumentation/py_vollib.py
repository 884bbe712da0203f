"""py_vollib: prices, implied volatilities and Greeks; each call is for one option."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from types import ModuleType

from signalscope.instrumentation._base._greeks import greeks_library
from signalscope.instrumentation._base._import_hooks import Hook
from signalscope.instrumentation.vollib import VollibInstrumentor

__all__ = ["PyVollibInstrumentor"]


class PyVollibInstrumentor(VollibInstrumentor):
    """Instrumentor for py_vollib's functions; since py_vollib 1.0.7 these are the functions of vollib.

    Example:
        >>> PyVollibInstrumentor().instrument()
        >>> PyVollibInstrumentor().uninstrument()
    """

    library = greeks_library(
        name="py_vollib",
        supports=("py_vollib >= 1.0.1, < 2",),
        tested=("1.0.1", "1.0.12"),
        unit="As for vollib. Since 1.0.7, py_vollib is another name of vollib: one of the two instrumentors measures "
        "a call.",
        not_measured=("`py_lets_be_rational` and `py_vollib.helpers` called directly.",),
        notes=("py_vollib is deprecated, and says so when it is imported.",),
    )

    package = "py_vollib"

    def hooks(self) -> Mapping[str, Hook]:
        """Return the hooks of every module with functions, and of the package, which may use vollib's modules."""
        return {**super().hooks(), self.package: self._patch_aliases}

    def _patch_aliases(self, package: ModuleType) -> None:
        """Patch vollib's modules that the package put into `sys.modules`: an import hook is not called for them."""
        for name, hook in super().hooks().items():
            module = sys.modules.get(name)
            if module is not None and not module.__name__.startswith(f"{package.__name__}."):
                hook(module)
