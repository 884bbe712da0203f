"""Wait for a condition with a deadline, and send requests to servers.

Only this module of the tests sleeps in order to wait; tests/test_waits.py checks that. A deadline ends a test that
would otherwise hang. It is long, since no test is about the speed of the machine.
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
#: Seconds that a short action may take on a busy machine.
DEADLINE = 60.0


def eventually(probe: Callable[[], T | None], seconds: float, what: str, every: float = 0.1) -> T:
    """Return the first truthy value of a probe.

    Args:
        probe: The function to call again and again.
        seconds: The deadline.
        what: The condition, for the message.
        every: Seconds between two calls.

    Raises:
        AssertionError: The probe returned no truthy value before the deadline.
    """
    end = time.monotonic() + seconds
    while True:
        value = probe()
        if value:
            return value
        assert time.monotonic() < end, f"{what}: not within {seconds:.0f} s"
        time.sleep(every)


async def eventually_async(
    probe: Callable[[], object], what: str, seconds: float = DEADLINE, every: float = 0.01
) -> Any:
    """Return the first truthy value of a probe, while the event loop runs.

    Args:
        probe: The function or coroutine function to call again and again.
        what: The condition, for the message.
        seconds: The deadline.
        every: Seconds between two calls.

    Raises:
        AssertionError: The probe returned no truthy value before the deadline.
    """
    end = time.monotonic() + seconds
    while True:
        answer = probe()
        value = await answer if inspect.isawaitable(answer) else answer
        if value:
            return value
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
