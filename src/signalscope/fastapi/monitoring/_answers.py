"""Answers that are made once and given to everybody who asks within some seconds."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

__all__ = ["Answers"]

T = TypeVar("T")
#: Answers that are remembered; some of them are long.
_MOST = 64


class Answers(Generic[T]):
    """Remembers answers, and lets those who ask at the same time wait for one and the same.

    Args:
        seconds: Gives how long an answer is good for.
        clock: Seconds, monotonic.
    """

    def __init__(self, seconds: Callable[[], float], clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._known: dict[Hashable, tuple[float, T]] = {}
        self._made: dict[tuple[int, Hashable], asyncio.Task[T]] = {}

    async def get(self, key: Hashable, make: Callable[[], Awaitable[T]]) -> T:
        """The answer to a question.

        Args:
            key: The question.
            make: Makes the answer; what it raises, everybody who waits for it gets.
        """
        known = self._known.get(key)
        if known is not None and self._clock() - known[0] < self._seconds():
            return known[1]
        # A task belongs to its event loop, so those of another one make their own.
        of = (id(asyncio.get_running_loop()), key)
        task = self._made.get(of)
        if task is None or task.done():
            task = self._made[of] = asyncio.ensure_future(self._make(of, make))
        # Whoever goes away does not take the answer with them.
        return await asyncio.shield(task)

    async def _make(self, of: tuple[int, Hashable], make: Callable[[], Awaitable[T]]) -> T:
        try:
            answer = await make()
        finally:
            self._made.pop(of, None)
        now = self._clock()
        for key, (at, _) in [*self._known.items()]:
            if now - at >= self._seconds():
                del self._known[key]
        if len(self._known) >= _MOST:
            del self._known[min(self._known, key=lambda each: self._known[each][0])]
        self._known[of[1]] = (now, answer)
        return answer

    def clear(self) -> None:
        """Forget everything; for a forked child, and for tests."""
        self._known.clear()
        self._made.clear()
