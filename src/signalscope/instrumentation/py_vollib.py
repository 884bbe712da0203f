"""py_vollib: prices, implied volatilities and Greeks of one option a call."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from types import ModuleType

from signalscope.instrumentation._base._greeks import greeks_library
from signalscope.instrumentation._base._import_hooks import Hook
from signalscope.instrumentation.vollib import VollibInstrumentor

__all__ = ["PyVollibInstrumentor"]


class PyVollibInstrumentor(VollibInstrumentor):
    """Measures py_vollib's functions: its own up to 1.0.1, those of vollib under its name since 1.0.7."""

    library = greeks_library(
        name="py_vollib",
        supports=("py_vollib >= 1.0.1, < 2",),
        tested=("1.0.1", "1.0.12"),
        unit="As for vollib. Where py_vollib is another name of vollib, a call is measured once, by either "
        "instrumentor.",
        not_measured=("`py_lets_be_rational` and `py_vollib.helpers` called directly.",),
        notes=("py_vollib itself warns that it is deprecated.",),
    )

    package = "py_vollib"

    def hooks(self) -> Mapping[str, Hook]:
        """Return the hooks of every module with functions, and of the package, which may replace them by vollib's."""
        return {**super().hooks(), self.package: self._patch_aliases}

    def _patch_aliases(self, package: ModuleType) -> None:
        """Patch vollib's modules that the package has put into `sys.modules`: no import by this name will come."""
        for name, hook in super().hooks().items():
            module = sys.modules.get(name)
            if module is not None and not module.__name__.startswith(f"{package.__name__}."):
                hook(module)
