"""Import hooks: functions that are called when a module is imported, before the program gets the module.

The hooks are those of wrapt, with three additions. An exception of a hook does not stop the program's import. A hook
for a module that is being imported waits for the end of the import. Module names may be patterns.
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

_logger = logging.getLogger("signalscope")
Hook = Callable[[ModuleType], None]


def when_imported(name: str, hook: Hook) -> None:
    """Call a hook with a module: now if the module is imported already, else after its import.

    An exception of the hook is logged and counted, and does not reach the program.
    """
    module = sys.modules.get(name)
    if is_being_imported(module):
        # wrapt would call the hook now, with an incomplete module.
        _finder.waiting.append((name, hook))
        _finder.install()
        return
    wrapt.register_post_import_hook(_guarded(hook, name), name)


def when_imported_like(pattern: str, hook: Hook) -> None:
    """Call a hook with every module whose name matches a pattern (`*`, `?`, `[...]`), now or after its import."""
    for name in sorted(name for name in list(sys.modules) if fnmatch.fnmatchcase(name, pattern)):
        when_imported(name, hook)
    _finder.patterns.append((pattern, hook))
    _finder.install()


def is_pattern(name: str) -> bool:
    """Return True if a name has wildcards."""
    return any(wildcard in name for wildcard in "*?[")


def log_failure(name: str, error: Exception, where: str) -> None:
    """Log in one line that a library or module is not measured, with the traceback at level DEBUG, and count it."""
    internal_error(where, is_logged=True)
    _logger.error(
        "signalscope: instrumentation of %s failed; it is not measured: %s: %s [SS402]",
        name,
        type(error).__name__,
        " ".join(str(error).split()),
    )
    _logger.debug("signalscope: the traceback", exc_info=error)


def _guarded(hook: Hook, name: str) -> Hook:
    def guarded(module: ModuleType) -> None:
        try:
            hook(module)
        except Exception as error:  # must not fail the program's import
            log_failure(name, error, "instrumentation.hook")

    return guarded


def is_being_imported(module: Any) -> bool:
    """Return True while the import of a module is running; False for None."""
    return bool(getattr(getattr(module, "__spec__", None), "_initializing", False))


class _Finder:
    """Finder that finds no module: it only observes the names of the next imports.

    It must come before wrapt's finder, which ignores names that are not registered yet.

    Attributes:
        patterns: Hooks for module names that match a pattern.
        waiting: Hooks for modules that are being imported now.
    """

    def __init__(self) -> None:
        self.patterns: list[tuple[str, Hook]] = []
        self.waiting: list[tuple[str, Hook]] = []

    def install(self) -> None:
        """Insert the finder in the first place of `sys.meta_path`, once."""
        if self not in sys.meta_path:
            wrapt.register_post_import_hook(lambda _: None, "signalscope")  # so that wrapt's finder exists
            sys.meta_path.insert(0, self)

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """Call the waiting hooks of modules that are ready, and register the hooks of the next module."""
        for entry in list(self.waiting):
            name, hook = entry
            module = sys.modules.get(name)
            if module is not None and not is_being_imported(module) and entry in self.waiting:
                self.waiting.remove(entry)
                _guarded(hook, name)(module)
        for pattern, hook in self.patterns:
            if fullname not in sys.modules and fnmatch.fnmatchcase(fullname, pattern):
                wrapt.register_post_import_hook(_guarded(hook, fullname), fullname)
        return None


_finder = _Finder()
