"""Functions that record without a decorator: events when they happen, and current values at each collection.

`count_…` counts, `record_…` and `measure_cost` record a value, and `observe_…` reads a value at each collection.
None of them raises because of a value. An attribute value that the contract does not allow is recorded as `other`
and counted in `signalscope.attribute.overflow`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import TypeAlias

from signalscope.contract import PRIORITIES
from signalscope.contract._model import OTHER
from signalscope.recording import get_instrument, internal_error, observe
from signalscope.users import _costs as _user_costs
from signalscope.users._context import current_tier, current_user
from signalscope.users._price import CPU_SECOND_PRICE, cpu_second_price

__all__ = [
    "CPU_SECOND_PRICE",
    "count_eviction",
    "count_feature",
    "count_queue_item",
    "count_rate_limit_hit",
    "count_signal",
    "cpu_second_price",
    "measure_cost",
    "observe_cache",
    "observe_memory",
    "observe_queue",
    "observe_subscriptions",
    "record_accuracy",
    "record_cost",
]

#: A number, or a function that returns it. The function is called when metrics are collected, in any thread.
Number: TypeAlias = float | Callable[[], float | None]
#: A function that ends the reporting of values.
Unregister: TypeAlias = Callable[[], None]


class _Spent(threading.local):
    """The CPU seconds of this thread in `measure_cost` blocks inside the current block."""

    inside = 0.0


_spent = _Spent()


def count_feature(feature: str, *, premium: bool = False, tier: str | None = None) -> None:
    """Count one use of a product feature.

    Args:
        feature: The feature's name.
        premium: True for a paid feature; the use is then counted as premium use too.
        tier: The user's tier; by default the tier of the current `user_context`.

    Examples:
        >>> from signalscope import count_feature
        >>> from signalscope.testing import capture
        >>> with capture() as captured:
        ...     count_feature("option_calculator", premium=True, tier="professional")
        ...     captured.value("signal_service_feature_usage_total", feature="option_calculator")
        1
    """
    tier = current_tier() if tier is None else tier
    get_instrument("signal_service.feature_usage").series(feature, tier).record(1)
    if premium:
        get_instrument("signal_service.premium_feature_usage").series(feature, tier).record(1)


def record_cost(
    operation_type: str, cpu_seconds: float, *, complexity: str = OTHER, tier: str | None = None
) -> None:
    """Record the cost of a piece of work: CPU-seconds times SIGNALSCOPE_CPU_SECOND_PRICE.

    Without a price the cost is not recorded, since a cost of zero would be wrong. The CPU time is added to the user
    of the current `user_context`, with or without a price. The page /monitoring/business-dashboard shows the users
    with the highest costs.

    Args:
        operation_type: The kind of work.
        cpu_seconds: The CPU time of the work, in seconds.
        complexity: simple, standard or complex.
        tier: The tier of the user; by default the tier of the current `user_context`.

    Examples:
        >>> import os
        >>> os.environ["SIGNALSCOPE_CPU_SECOND_PRICE"] = "0.5"
        >>> from signalscope import record_cost
        >>> from signalscope.testing import capture
        >>> with capture() as captured:
        ...     record_cost("backtest", cpu_seconds=3.0, complexity="complex", tier="basic")
        ...     captured.value("signal_service_calculation_cost_total", operation_type="backtest")
        1.5
    """
    try:
        user = current_user()
        if user is not None:
            _user_costs.charge(user, cpu_seconds)
    except Exception:  # an error of the measurement must not reach the caller
        internal_error("record_cost")
    price = cpu_second_price()
    if price is not None:
        tier = current_tier() if tier is None else tier
        series = get_instrument("signal_service.calculation_cost").series(operation_type, tier, complexity)
        try:
            cost = float(cpu_seconds) * price
        except (TypeError, ValueError, OverflowError):  # not a number
            internal_error("record_cost")
        else:
            series.record(cost)


@contextmanager
def measure_cost(operation_type: str, *, complexity: str = OTHER, tier: str | None = None) -> Iterator[None]:
    """Record the cost of the CPU time that this thread spends in the block.

    The block must not contain `await`: the cost would include other tasks of the thread. If the block raises, the
    CPU time until then is recorded. The cost of a `measure_cost` inside the block is recorded only there, so the sum
    of all costs is the CPU time that was spent.

    Args:
        operation_type: As for `record_cost`.
        complexity: As for `record_cost`.
        tier: As for `record_cost`.

    Examples:
        >>> import os
        >>> os.environ["SIGNALSCOPE_CPU_SECOND_PRICE"] = "0.5"
        >>> from signalscope import measure_cost
        >>> from signalscope.testing import capture
        >>> with capture() as captured:
        ...     with measure_cost("backtest", tier="basic"):
        ...         total = sum(range(1_000_000))
        ...     captured.value("signal_service_calculation_cost_total", operation_type="backtest") > 0
        True
    """
    outside, _spent.inside = _spent.inside, 0.0
    begun = time.thread_time()
    try:
        yield
    finally:
        spent = time.thread_time() - begun
        record_cost(operation_type, max(0.0, spent - _spent.inside), complexity=complexity, tier=tier)
        _spent.inside = outside + spent


def count_signal(signal_type: str, direction: str, number: int = 1) -> None:
    """Count emitted signals.

    Args:
        signal_type: The kind of signal.
        direction: buy, sell or hold.
        number: The number of signals.

    Examples:
        >>> from signalscope import count_signal
        >>> from signalscope.testing import capture
        >>> with capture() as captured:
        ...     count_signal("momentum", "buy", 3)
        ...     captured.value("signal_service_signals_emitted_total", direction="buy")
        3
    """
    get_instrument("signal_service.signals.emitted").series(signal_type, direction).record(number)


def record_accuracy(signal_type: str, time_horizon: str, ratio: float) -> None:
    """Set the ratio of signals that were correct.

    Args:
        signal_type: The kind of signal.
        time_horizon: The time between a signal and the check of its result, such as ``15m``.
        ratio: Correct signals divided by all signals, from 0 to 1.

    Examples:
        >>> from signalscope import record_accuracy
        >>> from signalscope.testing import capture
        >>> with capture() as captured:
        ...     record_accuracy("momentum", "15m", 0.62)
        ...     captured.value("signal_service_signal_accuracy_ratio", time_horizon="15m")
        0.62
    """
    get_instrument("signal_service.signal.accuracy_ratio").series(signal_type, time_horizon).record(ratio)


def count_rate_limit_hit(endpoint: str, limit_type: str) -> None:
    """Count a request that a rate limit has rejected.

    Args:
        endpoint: The route template, such as ``/users/{id}``, never the path of a request.
        limit_type: The kind of limit, such as ``user`` or ``address``.

    Examples:
        >>> from signalscope import count_rate_limit_hit
        >>> from signalscope.testing import capture
        >>> with capture() as captured:
        ...     count_rate_limit_hit("/greeks/{strike}", "per_user")
        ...     captured.value("signal_service_rate_limit_hits_total", limit_type="per_user")
        1
    """
    get_instrument("signal_service.rate_limit.hits").series(endpoint, limit_type).record(1)


def count_eviction(cache_type: str, reason: str, number: int = 1) -> None:
    """Count entries that left a cache.

    Args:
        cache_type: The name of the cache.
        reason: ``size`` (removed for new entries), ``ttl`` (expired) or ``explicit`` (deleted or flushed).
        number: The number of entries.

    Examples:
        >>> from signalscope import count_eviction
        >>> from signalscope.testing import capture
        >>> with capture() as captured:
        ...     count_eviction("greeks", "ttl", 12)
        ...     captured.value("signal_service_cache_evictions_total", reason="ttl")
        12
    """
    get_instrument("signal_service.cache.evictions").series(cache_type, reason).record(number)


def count_queue_item(queue_type: str, priority: str, event: str, number: int = 1) -> None:
    """Count items of a queue by event; `@instrument_queue` counts them for decorated functions.

    Args:
        queue_type: The name of the queue.
        priority: critical, high, medium or low.
        event: enqueued, processed, failed, rejected or dropped.
        number: The number of items.

    Examples:
        >>> from signalscope import count_queue_item
        >>> from signalscope.testing import capture
        >>> with capture() as captured:
        ...     count_queue_item("orders", "critical", "rejected")
        ...     captured.value("signal_service_queue_items_total", event="rejected")
        1
    """
    get_instrument("signal_service.queue.items").series(queue_type, priority, event).record(number)


def observe_cache(
    cache_type: str,
    *,
    entries: Number | None = None,
    capacity: Number | None = None,
    size_bytes: Number | None = None,
) -> Unregister:
    """Report the size of a cache at each collection.

    Args:
        cache_type: The name of the cache.
        entries: The current number of entries.
        capacity: The largest number of entries.
        size_bytes: The size of all values, in bytes.

    Returns:
        A function that ends the reporting.

    Examples:
        >>> from signalscope import observe_cache
        >>> from signalscope.testing import capture
        >>> cache = {"AAPL": 0.52, "MSFT": 0.48}
        >>> with capture() as captured:
        ...     end = observe_cache("quotes", entries=lambda: len(cache), capacity=1_000)
        ...     captured.value("signal_service_cache_entries", cache_type="quotes")
        2
        >>> end()
    """
    given = {"entries": entries, "capacity": capacity, "size": size_bytes}
    return _all(
        observe(f"signal_service.cache.{name}", partial(_points, value, (cache_type,)))
        for name, value in given.items()
        if value is not None
    )


def observe_queue(
    queue_type: str, *, sizes: Callable[[], Mapping[str, float]], capacity: Number | None = None
) -> Unregister:
    """Report the size of a queue at each collection.

    Args:
        queue_type: The name of the queue.
        sizes: Returns the number of waiting items by priority; a missing priority has zero items.
        capacity: The largest number of items; None for a queue without a limit.

    Returns:
        A function that ends the reporting.

    Examples:
        >>> from signalscope import observe_queue
        >>> from signalscope.testing import capture
        >>> with capture() as captured:
        ...     end = observe_queue("orders", sizes=lambda: {"critical": 2, "low": 40}, capacity=500)
        ...     captured.value("signal_service_queue_size", queue_type="orders", priority="low")
        40
        >>> end()
    """

    def waiting() -> Iterable[tuple[float, tuple[str, str]]]:
        waiting_items = {**dict.fromkeys(PRIORITIES, 0.0), **sizes()}
        return [(number, (queue_type, priority)) for priority, number in waiting_items.items()]

    observed = [observe("signal_service.queue.size", waiting)]
    if capacity is not None:
        observed.append(observe("signal_service.queue.capacity", partial(_points, capacity, (queue_type,))))
    return _all(observed)


def observe_memory(operation_type: str, used: Number) -> Unregister:
    """Report the memory of a kind of work at each collection.

    Args:
        operation_type: The kind of work. ``process``, the memory of the whole process, is always reported.
        used: The memory, in bytes.

    Returns:
        A function that ends the reporting.

    Examples:
        >>> from signalscope import observe_memory
        >>> from signalscope.testing import capture
        >>> surface = bytearray(1_000)
        >>> with capture() as captured:
        ...     end = observe_memory("volatility_surface", lambda: len(surface))
        ...     captured.value("signal_service_memory_usage_bytes", operation_type="volatility_surface")
        1000
        >>> end()
    """
    return observe("signal_service.memory.usage", partial(_points, used, (operation_type,)))


def observe_subscriptions(counted: Callable[[], Iterable[tuple[float, tuple[str, str, str]]]]) -> Unregister:
    """Report the active subscriptions at each collection.

    Args:
        counted: Returns pairs: a number of subscriptions, and their user tier, signal type and delivery method.

    Returns:
        A function that ends the reporting.

    Examples:
        >>> from signalscope import observe_subscriptions
        >>> from signalscope.testing import capture
        >>> with capture() as captured:
        ...     end = observe_subscriptions(lambda: [(120, ("basic", "momentum", "websocket"))])
        ...     captured.value("signal_service_active_subscriptions", user_tier="basic")
        120
        >>> end()
    """
    return observe("signal_service.active_subscriptions", counted)


def _points(value: Number, values: tuple[str, ...]) -> Iterable[tuple[float, tuple[str, ...]]]:
    number = value() if callable(value) else value
    return () if number is None else ((number, values),)


def _all(unregister: Iterable[Unregister]) -> Unregister:
    functions = tuple(unregister)

    def end() -> None:
        for function in functions:
            function()

    return end
