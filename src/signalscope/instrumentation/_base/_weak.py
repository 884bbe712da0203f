"""What is known about objects that somebody else owns: by identity, and no longer than they live."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from typing import Generic, TypeVar

__all__ = ["WeakTable"]

T = TypeVar("T")


class WeakTable(Generic[T]):
    """A table by object: without asking for its hash or equality, which are the user's code, and without keeping it.

    Setting, getting and iterating are safe in any thread. An object that cannot be referred to weakly is not taken.
    """

    def __init__(self) -> None:
        self._entries: dict[int, tuple[weakref.ref[object], T]] = {}

    def set(self, thing: object, value: T) -> bool:
        """Note something about an object; returns whether that is possible."""
        key, entries = id(thing), self._entries

        def gone(dead: weakref.ref[object]) -> None:
            found = entries.get(key)
            if found is not None and found[0] is dead:  # else the id is another object's by now
                entries.pop(key, None)

        try:
            entries[key] = (weakref.ref(thing, gone), value)
        except TypeError:
            return False
        return True

    def get(self, thing: object) -> T | None:
        """What was noted about an object."""
        found = self._entries.get(id(thing))
        return found[1] if found is not None and found[0]() is thing else None

    def discard(self, thing: object) -> None:
        """Forget what was noted about an object."""
        self._entries.pop(id(thing), None)

    def clear(self) -> None:
        """Forget everything."""
        self._entries.clear()

    def values(self) -> Iterator[T]:
        """What is noted about the objects that are alive."""
        for reference, value in list(self._entries.values()):
            if reference() is not None:
                yield value

    def items(self) -> Iterator[tuple[object, T]]:
        """The objects that are alive, and what is noted about them."""
        for reference, value in list(self._entries.values()):
            thing = reference()
            if thing is not None:
                yield thing, value

    def __len__(self) -> int:
        return len(self._entries)
