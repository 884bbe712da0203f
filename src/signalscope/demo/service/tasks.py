"""Ending asyncio tasks."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

_PATIENCE_SECONDS = 1.0


async def cancel_all(tasks: Iterable[asyncio.Task[None]]) -> None:
    """Cancel tasks and wait for their ends.

    A task that finishes something in the very moment in which it is cancelled may go on (in Python 3.11
    `asyncio.wait_for` does, and libraries do), so one that has not ended is cancelled again.
    """
    pending = set(tasks)
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=_PATIENCE_SECONDS)
