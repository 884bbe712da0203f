"""Answers that are computed once for all requests of some seconds."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

from signalscope.recording._process_state import ProcessState

T = TypeVar("T")
#: Answers that are kept at most; some of them are long.
_MAX_ANSWERS = 64


class Answers(ProcessState, Generic[T]):
    """A cache of answers; concurrent requests for the same answer wait for one computation.

    Args:
        seconds: Returns how long an answer is valid.
        clock: Seconds, monotonic.
    """

    def __init__(self, seconds: Callable[[], float], clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._seconds = seconds
        self._clock = clock
        self._known: dict[Hashable, tuple[float, T]] = {}
        self._tasks: dict[tuple[int, Hashable], asyncio.Task[T]] = {}

    async def get(self, key: Hashable, make: Callable[[], Awaitable[T]]) -> T:
        """Return the answer for a key.

        Args:
            key: The key.
            make: Computes the answer; what it raises is raised to all that wait for it.
        """
        known = self._known.get(key)
        if known is not None and self._clock() - known[0] < self._seconds():
            return known[1]
        # A task belongs to its event loop: each loop computes its own.
        task_key = (id(asyncio.get_running_loop()), key)
        task = self._tasks.get(task_key)
        if task is None or task.done():
            task = self._tasks[task_key] = asyncio.ensure_future(self._make(task_key, make))
        # A request that is cancelled must not cancel the answer of the others.
        return await asyncio.shield(task)

    async def _make(self, task_key: tuple[int, Hashable], make: Callable[[], Awaitable[T]]) -> T:
        try:
            answer = await make()
        finally:
            self._tasks.pop(task_key, None)
        now = self._clock()
        for key, (at, _) in [*self._known.items()]:
            if now - at >= self._seconds():
                del self._known[key]
        if len(self._known) >= _MAX_ANSWERS:
            del self._known[min(self._known, key=lambda key: self._known[key][0])]
        self._known[task_key[1]] = (now, answer)
        return answer

    def clear(self) -> None:
        """Drop all answers."""
        self._known.clear()
        self._tasks.clear()

    after_fork = clear
