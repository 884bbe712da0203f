"""Import paths of the release before: each still works for one release, and warns.

A moved module is the same object under both names. `install` is called once, when the package is imported.
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

__all__ = ["MOVED", "install"]

#: Old module -> new module. To be emptied in the release after 0.3.
MOVED: dict[str, str] = {
    "signalscope.distro": "signalscope.setup",
    "signalscope.fastapi.health": "signalscope.health",
    "signalscope.fastapi.values": "signalscope.derived.read",
    "signalscope.insight.cost": "signalscope.users._heavy_hitters",
    "signalscope.insight.vector": "signalscope.derived._vector",
    "signalscope.decorators.breaker": "signalscope.breakers",
    "signalscope.decorators.business": "signalscope.metrics",
    "signalscope.mixin.config": "signalscope.config",
    "signalscope.mixin.pacing": "signalscope.mixin.evaluation_intervals",
    "signalscope.demo.binaries": "signalscope.binaries",
    **{
        f"signalscope.demo.{name}": f"signalscope.demo.stack.{name}"
        for name in ("dependencies", "faults", "load", "ports", "run", "state")
    },
    **{
        f"signalscope.demo.{name}": f"signalscope.demo.service.{name}"
        for name in (
            "accuracy", "background", "caches", "calculations", "chains", "checks", "clients", "counts", "engine",
            "history", "instruments", "market", "redis_store", "routes", "runtime", "session", "signals",
            "subscriptions", "switches", "tasks", "thresholds", "tiers", "workqueue",
        )
    },
}  # fmt: skip


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds the old names; the import system asks it only when there is no module of that name."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        return importlib.machinery.ModuleSpec(fullname, self) if fullname in MOVED else None

    def exec_module(self, module: ModuleType) -> None:
        old = module.__name__
        new = MOVED[old]
        warnings.warn(
            f"{old} has moved to {new}; the old name goes in the next release",
            DeprecationWarning,
            stacklevel=2,  # warnings skips the frames of the import system
        )
        sys.modules[old] = importlib.import_module(new)

    def get_code(self, fullname: str) -> object:
        """Let ``python -m old.name`` run the module's new place."""
        spec = importlib.util.find_spec(MOVED[fullname])
        loader = spec.loader if spec is not None else None
        return loader.get_code(MOVED[fullname]) if isinstance(loader, importlib.abc.InspectLoader) else None


def install() -> None:
    """Make the old names importable; repeating it changes nothing."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.append(_Finder())
