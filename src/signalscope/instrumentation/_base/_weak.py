"""A table of objects that the program owns: by identity, and no longer than they live."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from contextlib import suppress
from typing import Generic, TypeVar

T = TypeVar("T")


class WeakTable(Generic[T]):
    """Values by object; the objects are not kept alive.

    The hash and the equality of an object are the user's code and are not used. Setting, getting and iterating are
    safe in any thread. An object without weak references is not stored.
    """

    def __init__(self) -> None:
        self._entries: dict[int, tuple[weakref.ref[object], T]] = {}

    def set(self, thing: object, value: T) -> None:
        """Store the value of an object."""
        key, entries = id(thing), self._entries

        def remove(dead: weakref.ref[object]) -> None:
            entry = entries.get(key)
            if entry is not None and entry[0] is dead:  # else another object has the id now
                entries.pop(key, None)

        with suppress(TypeError):  # an object without weak references
            entries[key] = (weakref.ref(thing, remove), value)

    def get(self, thing: object) -> T | None:
        """Return the value of an object; None if there is none."""
        entry = self._entries.get(id(thing))
        return entry[1] if entry is not None and entry[0]() is thing else None

    def clear(self) -> None:
        """Remove all values."""
        self._entries.clear()

    def values(self) -> Iterator[T]:
        """Yield the values of the objects that are alive."""
        for reference, value in list(self._entries.values()):
            if reference() is not None:
                yield value

    def items(self) -> Iterator[tuple[object, T]]:
        """Yield the objects that are alive, each with its value."""
        for reference, value in list(self._entries.values()):
            thing = reference()
            if thing is not None:
                yield thing, value

    def __len__(self) -> int:
        return len(self._entries)
