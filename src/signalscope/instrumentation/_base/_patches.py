"""Attributes that are replaced, and given back: the very object that was there before.

A replaced function is also replaced where other modules hold it by name (`from x import delta`), and given back
there. What holds it otherwise (a default argument, an element of a list, a partial) keeps what it has.
"""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import ModuleType
from typing import Any

import wrapt

from signalscope.recording._process_state import ProcessState

__all__ = ["Patch", "Patches", "taking_self"]

_NOTHING = object()
_Proxy: Any = getattr(wrapt, "BaseObjectProxy", wrapt.ObjectProxy)  # since wrapt 2
#: Everything that is patched now, by owner and name, so that two instrumentors do not both patch one thing.
_all: dict[tuple[int, str], Patch] = {}


class _Patching(ProcessState):
    """Held while attributes are replaced or given back."""


_patching = _Patching(reentrant=True)


def taking_self(original: Any) -> Any:
    """What can be called with a method's object as its first argument.

    A function can; what another instrumentor has put in its place, wrapt's proxy, wants to be bound to the object.
    """
    if not isinstance(original, _Proxy):
        return original

    @functools.wraps(original)
    def call(of: Any, *args: Any, **kwargs: Any) -> Any:
        return original.__get__(of, type(of))(*args, **kwargs)

    return call


class Patch:
    """One replaced attribute.

    Args:
        owner: The module or class.
        name: The attribute's name.
        make: Makes the replacement from the original, and a function that tells on each call whether the patch
            has been undone (which some other wrapper around it may not know).

    Attributes:
        original: What was there.
        replacement: What is there now.
        undone: Whether it has been undone.
        over: Whether it was put over another instrumentor's.
    """

    def __init__(
        self, owner: Any, name: str, make: Callable[[Any, Callable[[], bool]], Any], *, over: bool = False
    ) -> None:
        self.owner, self.name, self.over = owner, name, over
        self.original = vars(owner).get(name, _NOTHING)
        self.undone = False
        self.claims = 0
        found = inspect.getattr_static(owner, name) if self.original is _NOTHING else self.original
        self.replacement = make(found, lambda: self.undone)
        setattr(owner, name, self.replacement)

    def in_place(self) -> bool:
        """Whether the replacement is still there, or within a wrapper; somebody may have put something else there."""
        now = vars(self.owner).get(self.name, _NOTHING)
        while now is not self.replacement and isinstance(now, _Proxy):
            now = now.__wrapped__
        return now is self.replacement

    def undo(self) -> None:
        """Give the original back; where somebody has wrapped the replacement, take it out of there if possible."""
        self.undone = True
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
    ) -> bool:
        """Patch an attribute, unless that has been done already; see `Patch`. Call `spread` when all are added.

        Args:
            owner: The module or class.
            name: The attribute.
            make: As for `Patch`.
            over: Whether to patch it also where another instrumentor has, unless that one has said the same.

        Returns:
            Whether there is such an attribute.
        """
        if not hasattr(owner, name):
            return False
        with _patching.lock:
            patch = _all.get((id(owner), name))
            if patch is None or not patch.in_place() or (over and not patch.over):
                patch = _all[id(owner), name] = Patch(owner, name, make, over=over)
                self._new.append(patch)
            if patch not in self._mine:
                patch.claims += 1
                self._mine.append(patch)
        return True

    def spread(self, module: ModuleType) -> None:
        """Replace what was patched also where other modules hold it by name.

        Args:
            module: The module that was patched. When it is just being imported, only modules that are part of the
                same import can hold anything of it.
        """
        new, self._new = self._new, []
        objects = {
            id(each.original): (each.original, each.replacement) for each in new if _is_of_module(each)
        }
        if objects:
            _replace(objects, _around(module) if _is_new(module) else sys.modules.values())

    def undo(self) -> None:
        """Undo them, but for those that another instrumentor wants as well."""
        with _patching.lock:
            ended = []
            for patch in reversed(self._mine):
                patch.claims -= 1
                if patch.claims == 0:
                    if _all.get((id(patch.owner), patch.name)) is patch:
                        del _all[id(patch.owner), patch.name]
                    patch.undo()
                    for other in _all.values():  # one that was put over it
                        if other.original is patch.replacement:
                            other.original = patch.original
                    ended.append(patch)
            self._mine.clear()
        objects = {
            id(each.replacement): (each.replacement, each.original) for each in ended if _is_of_module(each)
        }
        if objects:
            _replace(objects, sys.modules.values())


def _is_of_module(patch: Patch) -> bool:
    return isinstance(patch.owner, ModuleType) and patch.original is not _NOTHING


def _is_new(module: Any) -> bool:
    return bool(getattr(getattr(module, "__spec__", None), "_initializing", False))


def _around(module: ModuleType) -> Iterator[Any]:
    """Modules that are being imported now, or whose import began after that of the module."""
    later = False
    for name, each in list(sys.modules.items()):
        later = later or name == module.__name__
        if later or _is_new(each):
            yield each


def _replace(objects: Mapping[int, tuple[Any, Any]], modules: Iterable[Any]) -> None:
    """Replace objects wherever modules hold them by name.

    Args:
        objects: By the id of an object: itself, and what replaces it.
        modules: The modules to look at.
    """
    for module in list(modules):
        if not isinstance(module, ModuleType) or module.__name__.startswith("signalscope."):
            continue
        for name, value in list(vars(module).items()):
            found = objects.get(id(value))
            if found is not None and found[0] is value:
                setattr(module, name, found[1])
