"""Values that are asked for at each collection: caches, queues, memory and subscriptions."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias

from signalscope.contract import PRIORITIES
from signalscope.recording import observe

__all__ = ["observe_cache", "observe_memory", "observe_queue", "observe_subscriptions"]

#: A number, or a function that gives it when metrics are collected, in whatever thread does that.
Number: TypeAlias = float | Callable[[], float | None]
Unregister = Callable[[], None]


def observe_cache(
    cache_type: str,
    *,
    entries: Number | None = None,
    capacity: Number | None = None,
    size_bytes: Number | None = None,
) -> Unregister:
    """Report a cache's size.

    Args:
        cache_type: Which cache.
        entries: Entries it holds.
        capacity: Entries it can hold.
        size_bytes: Bytes its values take.

    Returns:
        A function that ends the reporting.
    """
    given = {"entries": entries, "capacity": capacity, "size": size_bytes}
    return _all(
        observe(f"signal_service.cache.{name}", functools.partial(_points, value, (cache_type,)))
        for name, value in given.items()
        if value is not None
    )


def observe_queue(
    queue_type: str, *, sizes: Callable[[], Mapping[str, float]], capacity: Number | None = None
) -> Unregister:
    """Report a queue's size.

    Args:
        queue_type: Which queue.
        sizes: Gives the number of waiting items by priority; priorities that it leaves out have none waiting.
        capacity: Items the queue can hold; leave it out for an unbounded queue.

    Returns:
        A function that ends the reporting.
    """

    def waiting() -> Iterable[tuple[float, tuple[str, str]]]:
        found = {**dict.fromkeys(PRIORITIES, 0.0), **sizes()}
        return [(number, (queue_type, priority)) for priority, number in found.items()]

    observed = [observe("signal_service.queue.size", waiting)]
    if capacity is not None:
        observed.append(observe("signal_service.queue.capacity", lambda: _points(capacity, (queue_type,))))
    return _all(observed)


def observe_memory(operation_type: str, used: Number) -> Unregister:
    """Report the memory that a kind of work uses.

    Args:
        operation_type: The kind of work; ``process``, the memory of the whole process, is reported anyway.
        used: Bytes.

    Returns:
        A function that ends the reporting.
    """
    return observe("signal_service.memory.usage", lambda: _points(used, (operation_type,)))


def observe_subscriptions(counted: Callable[[], Iterable[tuple[float, tuple[str, str, str]]]]) -> Unregister:
    """Report the active subscriptions.

    Args:
        counted: Gives pairs of a number and its user tier, signal type and delivery method.

    Returns:
        A function that ends the reporting.
    """
    return observe("signal_service.active_subscriptions", counted)


def _points(value: Number, values: tuple[str, ...]) -> Iterable[tuple[float, tuple[str, ...]]]:
    number = value() if callable(value) else value
    return () if number is None else ((number, values),)


def _all(unregister: Iterable[Unregister]) -> Unregister:
    observed = tuple(unregister)

    def end() -> None:
        for each in observed:
            each()

    return end
