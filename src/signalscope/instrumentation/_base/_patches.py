"""Patches: attributes that are replaced, and restored later to exactly the object before.

A function is also replaced and restored in other modules that imported it by name (`from x import delta`). Default
arguments, elements of lists and partials keep the function that they have.
"""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from types import ModuleType
from typing import Any

import wrapt

from signalscope.instrumentation._base._import_hooks import is_being_imported
from signalscope.recording._process_state import ProcessState

_NOTHING = object()
_Proxy: Any = getattr(wrapt, "BaseObjectProxy", wrapt.ObjectProxy)  # since wrapt 2
#: All current patches, by owner and name, so that two instrumentors do not patch the same attribute.
_all: dict[tuple[int, str], Patch] = {}


class _Patching(ProcessState):
    """Lock for replacing and restoring attributes."""


_patching = _Patching(reentrant=True)


def taking_self(original: Any) -> Any:
    """Return a callable that takes the method's object as its first argument.

    A function is returned unchanged. The wrapt proxy of another instrumentor is bound to the object.
    """
    if not isinstance(original, _Proxy):
        return original

    @functools.wraps(original)
    def call(owner: Any, *args: Any, **kwargs: Any) -> Any:
        return original.__get__(owner, type(owner))(*args, **kwargs)

    return call


class Patch:
    """One replaced attribute.

    Args:
        owner: The module or class.
        name: The attribute's name.
        make: Returns the replacement. Its arguments are the original, and a function that returns True if the patch
            has been undone: a wrapper of another library may still call the replacement then.
        over: True if it may replace the patch of another instrumentor.

    Attributes:
        original: The object before.
        replacement: The object now.
        is_undone: True if the patch has been undone.
        claims: The number of instrumentors that use the patch.
    """

    def __init__(
        self, owner: Any, name: str, make: Callable[[Any, Callable[[], bool]], Any], *, over: bool = False
    ) -> None:
        self.owner, self.name, self.over = owner, name, over
        self.original = vars(owner).get(name, _NOTHING)
        self.is_undone = False
        self.claims = 0
        original = inspect.getattr_static(owner, name) if self.original is _NOTHING else self.original
        self.replacement = make(original, lambda: self.is_undone)
        setattr(owner, name, self.replacement)

    def is_in_place(self) -> bool:
        """Return True if the replacement is still there, perhaps inside a wrapper of another library."""
        now = vars(self.owner).get(self.name, _NOTHING)
        while now is not self.replacement and isinstance(now, _Proxy):
            now = now.__wrapped__
        return now is self.replacement

    def undo(self) -> None:
        """Restore the original; if another library has wrapped the replacement, unwrap it there if possible."""
        self.is_undone = True
        now = vars(self.owner).get(self.name, _NOTHING)
        if now is self.replacement:
            if self.original is _NOTHING:
                delattr(self.owner, self.name)
            else:
                setattr(self.owner, self.name, self.original)
            return
        while isinstance(now, _Proxy):
            if now.__wrapped__ is self.replacement:
                now.__wrapped__ = self.original
                return
            now = now.__wrapped__


class Patches:
    """The patches of one instrumentor."""

    def __init__(self) -> None:
        self._mine: list[Patch] = []
        self._new: list[Patch] = []

    def add(
        self, owner: Any, name: str, make: Callable[[Any, Callable[[], bool]], Any], *, over: bool = False
    ) -> None:
        """Patch an attribute, unless it is patched already; see `Patch`. Call `spread` after the last patch.

        Args:
            owner: The module or class; None if this version of the library does not have it.
            name: The attribute; it may be missing.
            make: As for `Patch`.
            over: True to patch the attribute even if another instrumentor has patched it without `over`.
        """
        if owner is None or not hasattr(owner, name):
            return
        with _patching.lock:
            patch = _all.get((id(owner), name))
            if patch is None or not patch.is_in_place() or (over and not patch.over):
                patch = _all[id(owner), name] = Patch(owner, name, make, over=over)
                self._new.append(patch)
            if patch not in self._mine:
                patch.claims += 1
                self._mine.append(patch)

    def spread(self, module: ModuleType) -> None:
        """Replace the patched functions in all modules that imported them by name.

        Args:
            module: The patched module. While it is being imported, only modules of the same import can hold its
                functions.
        """
        new, self._new = self._new, []
        modules = _around(module) if is_being_imported(module) else sys.modules.values()
        _replace([(patch.original, patch.replacement) for patch in new if _is_of_module(patch)], modules)

    def undo(self) -> None:
        """Undo the patches, except patches that another instrumentor uses too."""
        with _patching.lock:
            ended = []
            for patch in reversed(self._mine):
                patch.claims -= 1
                if patch.claims == 0:
                    if _all.get((id(patch.owner), patch.name)) is patch:
                        del _all[id(patch.owner), patch.name]
                    patch.undo()
                    for outer in _all.values():  # a patch over this one
                        if outer.original is patch.replacement:
                            outer.original = patch.original
                    ended.append(patch)
            self._mine.clear()
        replaced = [(patch.replacement, patch.original) for patch in ended if _is_of_module(patch)]
        _replace(replaced, sys.modules.values())


def _is_of_module(patch: Patch) -> bool:
    return isinstance(patch.owner, ModuleType) and patch.original is not _NOTHING


def _around(module: ModuleType) -> Iterator[Any]:
    """Yield the modules that are being imported now, or whose import began after that of the module."""
    later = False
    for name, candidate in list(sys.modules.items()):
        later = later or name == module.__name__
        if later or is_being_imported(candidate):
            yield candidate


def _replace(objects: Sequence[tuple[Any, Any]], modules: Iterable[Any]) -> None:
    """Replace objects in the namespaces of modules.

    Args:
        objects: The objects, each with its replacement.
        modules: The modules to search.
    """
    replacements = {id(before): (before, after) for before, after in objects}
    for module in list(modules) if replacements else ():
        if not isinstance(module, ModuleType) or module.__name__.startswith("signalscope."):
            continue
        for name, value in list(vars(module).items()):
            pair = replacements.get(id(value))
            if pair is not None and pair[0] is value:
                setattr(module, name, pair[1])
