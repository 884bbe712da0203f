"""Waiting for a condition with a deadline, and asking servers.

This is the only module of the tests that sleeps in order to wait: tests/test_waits.py says so. A deadline is there to
end a test that would otherwise hang, so it is generous: no test is about how quick the machine is.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import time
import urllib.request
from collections.abc import Callable
from typing import Any, TypeVar

__all__ = ["DEADLINE", "eventually", "eventually_async", "get", "put"]

T = TypeVar("T")
#: Seconds: what takes a moment on a quiet machine may take this long on one that has other work to do.
DEADLINE = 60.0


def eventually(probe: Callable[[], T | None], seconds: float, what: str, every: float = 0.1) -> T:
    """Return the first truthy value of a probe.

    Args:
        probe: What is asked again and again.
        seconds: The deadline.
        what: What is waited for, for the message.
        every: Seconds between two questions.

    Raises:
        AssertionError: There was no truthy value before the deadline.
    """
    end = time.monotonic() + seconds
    while True:
        found = probe()
        if found:
            return found
        assert time.monotonic() < end, f"{what}: not within {seconds:.0f} s"
        time.sleep(every)


async def eventually_async(
    probe: Callable[[], object], what: str, seconds: float = DEADLINE, every: float = 0.01
) -> Any:
    """Return the first truthy value of a probe, while the event loop runs.

    Args:
        probe: What is asked again and again, a function or a coroutine function.
        what: What is waited for, for the message.
        seconds: The deadline.
        every: Seconds between two questions.

    Raises:
        AssertionError: There was no truthy value before the deadline.
    """
    end = time.monotonic() + seconds
    while True:
        answer = probe()
        found = await answer if inspect.isawaitable(answer) else answer
        if found:
            return found
        assert time.monotonic() < end, f"{what}: not within {seconds:.0f} s"
        await asyncio.sleep(every)


def get(url: str) -> Any:
    """Return the JSON at a URL."""
    with urllib.request.urlopen(url, timeout=5) as response:
        return json.load(response)


def put(url: str, body: object) -> None:
    """Put JSON to a URL."""
    request = urllib.request.Request(
        url, json.dumps(body).encode(), {"Content-Type": "application/json"}, method="PUT"
    )
    urllib.request.urlopen(request, timeout=10).close()
