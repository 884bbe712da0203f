"""Doing something when a module is imported, before anybody gets a name of it; never importing it ourselves.

The hooks are wrapt's. What is added: a hook that fails costs only itself, not the program's import; a module that is
being imported at this moment is waited for; module names may be patterns.
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
    """Call a hook with a module: at once when it has been imported, else as soon as it is.

    What the hook raises is logged and counted, and stops nothing.
    """
    module = sys.modules.get(name)
    if module is not None and _is_being_imported(module):
        # wrapt would call the hook with what there is of the module so far.
        _Waiting.begin(name, hook)
        return
    wrapt.register_post_import_hook(_guarded(hook, name), name)


def when_imported_like(pattern: str, hook: Hook) -> None:
    """Call a hook with every module whose name matches a pattern (`*`, `?`, `[...]`), now or when it is imported."""
    for name in sorted(name for name in list(sys.modules) if fnmatch.fnmatchcase(name, pattern)):
        when_imported(name, hook)
    _Patterns.add(pattern, hook)


def is_pattern(name: str) -> bool:
    """Whether a name has wildcards."""
    return any(each in name for each in "*?[")


def _guarded(hook: Hook, name: str) -> Hook:
    def guarded(module: ModuleType) -> None:
        try:
            hook(module)
        except Exception:  # it must not fail the program's import
            _logger.exception("signalscope: instrumenting the module %s failed; going on without it", name)
        else:
            return
        internal_error("instrumentation.hook")

    return guarded


def _is_being_imported(module: ModuleType) -> bool:
    return bool(getattr(getattr(module, "__spec__", None), "_initializing", False))


class _Finder:
    """Finds no module: it only sees which names are about to be imported.

    It has to come before wrapt's finder, which knows the names that were registered before it is asked.
    """

    @classmethod
    def install(cls) -> None:
        """Put it first, once."""
        if not any(isinstance(each, cls) for each in sys.meta_path):
            wrapt.register_post_import_hook(lambda _: None, "signalscope")  # so that wrapt's is there
            sys.meta_path.insert(0, cls())

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """Register the hooks of patterns for a module that is about to be imported."""
        _Waiting.look()
        _Patterns.see(fullname)
        return None


class _Patterns:
    """Hooks for names that match a pattern."""

    _hooks: list[tuple[str, Hook]] = []  # noqa: RUF012  # the one list of the process

    @classmethod
    def add(cls, pattern: str, hook: Hook) -> None:
        cls._hooks.append((pattern, hook))
        _Finder.install()

    @classmethod
    def see(cls, name: str) -> None:
        for pattern, hook in cls._hooks:
            if name not in sys.modules and fnmatch.fnmatchcase(name, pattern):
                wrapt.register_post_import_hook(_guarded(hook, name), name)


class _Waiting:
    """Hooks for modules that are being imported at this moment; looked at whenever something is imported."""

    _hooks: list[tuple[str, Hook]] = []  # noqa: RUF012  # the one list of the process

    @classmethod
    def begin(cls, name: str, hook: Hook) -> None:
        cls._hooks.append((name, hook))
        _Finder.install()

    @classmethod
    def look(cls) -> None:
        for entry in list(cls._hooks):
            name, hook = entry
            module = sys.modules.get(name)
            if module is not None and not _is_being_imported(module) and entry in cls._hooks:
                cls._hooks.remove(entry)
                _guarded(hook, name)(module)
