"""Import paths of the previous release: each still works for one release, with a warning.

A moved module is the same object under both names. The package calls `install` once, when it is imported.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import sys
import warnings
from collections.abc import Sequence
from types import ModuleType

#: Old module -> new module. Remove these in the release after 0.3.
MOVED: dict[str, str] = {
    "signalscope.distro": "signalscope.setup",
    "signalscope.console.serve": "signalscope.console.app",
    "signalscope.fastapi.health": "signalscope.health",
    "signalscope.fastapi.summaries": "signalscope.fastapi.monitoring",
    "signalscope.fastapi.values": "signalscope.derived.read",
    **{
        f"signalscope.{name}": "signalscope.derived"
        for name in (
            "insight", "insight.business", "insight.capacity", "insight.performance", "mixin.insight",
            "mixin.recordings", "mixin.rules", "mixin.series",
        )
    },
    "signalscope.insight.cost": "signalscope.users._costs",
    "signalscope.insight.vector": "signalscope.derived._vector",
    "signalscope.decorators.breaker": "signalscope.breakers",
    "signalscope.decorators.business": "signalscope.metrics",
    "signalscope.mixin.calendar": "signalscope.derived.table.calendar",
    **{
        f"signalscope.mixin.recordings.{name}": f"signalscope.derived.table.{name}"
        for name in (
            "anomaly", "api", "business", "cache", "dependencies", "forecast", "greeks", "kpis", "predictive",
            "queue", "resources", "scaling", "signals",
        )
    },
    "signalscope.mixin.slos": "signalscope.derived.table.slos",
    "signalscope.mixin.config": "signalscope.config",
    "signalscope.mixin.pacing": "signalscope.mixin.evaluation_intervals",
    "signalscope.mixin.alerts.capacity": "signalscope.mixin.alerts.resources",
    "signalscope.mixin.alerts.named": "signalscope.mixin.alerts",
    "signalscope.mixin.alerts.predictive": "signalscope.mixin.alerts.dependencies",
    "signalscope.mixin.alerts.unusual": "signalscope.mixin.alerts.anomaly",
    "signalscope.demo.binaries": "signalscope.binaries",
    "signalscope.demo.tasks": "signalscope.demo.service.workqueue",
    **{
        f"signalscope.demo.{name}": f"signalscope.demo.stack.{name}"
        for name in ("dependencies", "load", "ports", "run", "state")
    },
    **{
        f"signalscope.demo.{name}": f"signalscope.demo.service.{name}"
        for name in (
            "accuracy", "background", "caches", "calculations", "chains", "checks", "clients", "counts", "engine",
            "history", "instruments", "market", "redis_store", "routes", "runtime", "session", "signals",
            "subscriptions", "switches", "thresholds", "tiers", "workqueue",
        )
    },
}  # fmt: skip


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finder of the old names, the last one that the import system uses: existing modules come first."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        return importlib.machinery.ModuleSpec(fullname, self) if fullname in MOVED else None

    def exec_module(self, module: ModuleType) -> None:
        # warnings skips the frames of the import system, so the warning names the line of the import.
        warnings.warn(_text(module.__name__), DeprecationWarning, stacklevel=2)
        sys.modules[module.__name__] = importlib.import_module(MOVED[module.__name__])

    def get_code(self, fullname: str) -> object:
        """Return the code of the new module, for ``python -m old.name``."""
        # Warn in the name of __main__: by default Python shows a DeprecationWarning only there.
        warnings.warn_explicit(_text(fullname), DeprecationWarning, fullname, 1, module="__main__")
        spec = importlib.util.find_spec(MOVED[fullname])
        loader = spec.loader if spec is not None else None
        return loader.get_code(MOVED[fullname]) if isinstance(loader, importlib.abc.InspectLoader) else None


def _text(old: str) -> str:
    return f"{old} has moved to {MOVED[old]}; the next release removes the old name [SS800]"


def install() -> None:
    """Make the old names importable; a second call changes nothing."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.append(_Finder())
