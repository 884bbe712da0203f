"""A table of the program's objects by identity, which does not keep them alive."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from contextlib import suppress
from typing import Generic, TypeVar

T = TypeVar("T")


class WeakTable(Generic[T]):
    """Values by object; the objects are not kept alive.

    The hash and the equality of an object are not used, since they are the user's code. All methods are safe in any
    thread. An object that does not support weak references is not stored.
    """

    def __init__(self) -> None:
        self._entries: dict[int, tuple[weakref.ref[object], T]] = {}

    def set(self, thing: object, value: T) -> None:
        """Store the value of an object."""
        key, entries = id(thing), self._entries

        def remove(dead: weakref.ref[object]) -> None:
            entry = entries.get(key)
            if entry is not None and entry[0] is dead:  # otherwise another object has this id now
                entries.pop(key, None)

        with suppress(TypeError):  # the object does not support weak references
            entries[key] = (weakref.ref(thing, remove), value)

    def get(self, thing: object) -> T | None:
        """Return the value of an object; None if it is not in the table."""
        entry = self._entries.get(id(thing))
        return entry[1] if entry is not None and entry[0]() is thing else None

    def clear(self) -> None:
        """Remove all values."""
        self._entries.clear()

    def values(self) -> Iterator[T]:
        """Return the values of the living objects."""
        return (value for _, value in self.items())

    def items(self) -> Iterator[tuple[object, T]]:
        """Yield the living objects, each with its value."""
        for reference, value in list(self._entries.values()):
            thing = reference()
            if thing is not None:
                yield thing, value

    def __len__(self) -> int:
        return len(self._entries)
