"""Import hooks: functions that are called when the program imports a module, before it gets a name of it.

The hooks are wrapt's, with three additions. A hook that fails does not fail the program's import. A module that is
being imported at this moment is waited for. Module names may be patterns.
"""

from __future__ import annotations

import fnmatch
import logging
import sys
from collections.abc import Callable
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

import wrapt

from signalscope.recording import internal_error

__all__ = ["is_pattern", "when_imported", "when_imported_like"]

_logger = logging.getLogger("signalscope")
Hook = Callable[[ModuleType], None]


def when_imported(name: str, hook: Hook) -> None:
    """Call a hook with a module: now if it is imported already, else as soon as it is.

    An exception of the hook is logged and counted, and does not reach the program.
    """
    module = sys.modules.get(name)
    if module is not None and _is_being_imported(module):
        # wrapt would call the hook now, with a part of the module.
        _Waiting.add(name, hook)
        return
    wrapt.register_post_import_hook(_guarded(hook, name), name)


def when_imported_like(pattern: str, hook: Hook) -> None:
    """Call a hook with every module whose name matches a pattern (`*`, `?`, `[...]`), now or when it is imported."""
    for name in sorted(name for name in list(sys.modules) if fnmatch.fnmatchcase(name, pattern)):
        when_imported(name, hook)
    _Patterns.add(pattern, hook)


def is_pattern(name: str) -> bool:
    """Return True if a name has wildcards."""
    return any(wildcard in name for wildcard in "*?[")


def _guarded(hook: Hook, name: str) -> Hook:
    def guarded(module: ModuleType) -> None:
        try:
            hook(module)
        except Exception:  # must not fail the program's import
            _logger.exception("signalscope: instrumenting the module %s failed; going on without it", name)
        else:
            return
        internal_error("instrumentation.hook")

    return guarded


def _is_being_imported(module: ModuleType) -> bool:
    return bool(getattr(getattr(module, "__spec__", None), "_initializing", False))


class _Finder:
    """Finds no module: it only learns which names are about to be imported.

    It must come before wrapt's finder, which looks only at names that are registered already.
    """

    @classmethod
    def install(cls) -> None:
        """Insert it as the first finder, once."""
        if not any(isinstance(finder, cls) for finder in sys.meta_path):
            wrapt.register_post_import_hook(lambda _: None, "signalscope")  # so that wrapt's finder exists
            sys.meta_path.insert(0, cls())

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """Register the hooks of patterns for a module that is about to be imported."""
        _Waiting.call_ready()
        _Patterns.register(fullname)
        return None


class _Patterns:
    """Hooks for module names that match a pattern."""

    _hooks: list[tuple[str, Hook]] = []  # noqa: RUF012  # the one list of the process

    @classmethod
    def add(cls, pattern: str, hook: Hook) -> None:
        cls._hooks.append((pattern, hook))
        _Finder.install()

    @classmethod
    def register(cls, name: str) -> None:
        for pattern, hook in cls._hooks:
            if name not in sys.modules and fnmatch.fnmatchcase(name, pattern):
                wrapt.register_post_import_hook(_guarded(hook, name), name)


class _Waiting:
    """Hooks for modules that are being imported at this moment; each import looks whether they are ready."""

    _hooks: list[tuple[str, Hook]] = []  # noqa: RUF012  # the one list of the process

    @classmethod
    def add(cls, name: str, hook: Hook) -> None:
        cls._hooks.append((name, hook))
        _Finder.install()

    @classmethod
    def call_ready(cls) -> None:
        for entry in list(cls._hooks):
            name, hook = entry
            module = sys.modules.get(name)
            if module is not None and not _is_being_imported(module) and entry in cls._hooks:
                cls._hooks.remove(entry)
                _guarded(hook, name)(module)
