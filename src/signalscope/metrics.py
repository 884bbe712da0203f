"""Business calls: features, costs, signals, queue items, evictions, limits and accuracy, counted by hand.

None of them raises for a value at run time: an attribute value that the contract does not allow is recorded
as `other` and counted in `signalscope.attribute.overflow`.
"""

from __future__ import annotations

import logging
import math
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from signalscope.contract._model import OTHER
from signalscope.recording import family, internal_error
from signalscope.users import _costs as _user_costs
from signalscope.users._context import current_tier, current_user

__all__ = [
    "CPU_SECOND_PRICE",
    "count_eviction",
    "count_feature",
    "count_queue_item",
    "count_rate_limit_hit",
    "count_signal",
    "cpu_second_price",
    "measure_cost",
    "record_accuracy",
    "record_cost",
]

_logger = logging.getLogger("signalscope")
#: The variable of `cpu_second_price`.
CPU_SECOND_PRICE = "SIGNALSCOPE_CPU_SECOND_PRICE"


class _Spent(threading.local):
    """CPU time that this thread has spent in blocks inside the present one."""

    inside = 0.0


_spent = _Spent()


def count_feature(feature: str, *, premium: bool = False, tier: str | None = None) -> None:
    """Count one use of a product feature.

    Args:
        feature: The feature's name.
        premium: Whether it is a paid extra; then it is counted as premium use too.
        tier: The user's tier; by default that of the current `user_context`.
    """
    tier = current_tier() if tier is None else tier
    family("signal_service.feature_usage").series(feature, tier).record(1)
    if premium:
        family("signal_service.premium_feature_usage").series(feature, tier).record(1)


def record_cost(
    operation_type: str, cpu_seconds: float, *, complexity: str = OTHER, tier: str | None = None
) -> None:
    """Record what a piece of work cost: CPU-seconds times SIGNALSCOPE_CPU_SECOND_PRICE.

    Without a price nothing is recorded: a cost of zero would be an invention. The CPU time is charged to the user
    of the current `user_context` in any case: the costliest users are on /monitoring/business-dashboard.

    Args:
        operation_type: The kind of work.
        cpu_seconds: The CPU time it took, in seconds.
        complexity: simple, standard or complex.
        tier: Whom it was done for; by default the tier of the current `user_context`.
    """
    try:
        user = current_user()
        if user is not None:
            _user_costs.charge(user, cpu_seconds)
    except Exception:  # ours, and not the caller's business
        internal_error("record_cost")
    price = cpu_second_price()
    if price is not None:
        tier = current_tier() if tier is None else tier
        series = family("signal_service.calculation_cost").series(operation_type, tier, complexity)
        try:
            cost = float(cpu_seconds) * price
        except (TypeError, ValueError, OverflowError):  # no number
            internal_error("record_cost")
        else:
            series.record(cost)


@contextmanager
def measure_cost(operation_type: str, *, complexity: str = OTHER, tier: str | None = None) -> Iterator[None]:
    """Record the cost of the CPU time that this thread spends in the block.

    The block must not contain `await`: what the thread does for other tasks meanwhile would be charged too.
    An exception goes through; what was spent until then is recorded. What a `measure_cost` inside it records is
    not recorded a second time, so that all costs add up to the CPU time that was spent.

    Args:
        operation_type: As for `record_cost`.
        complexity: As for `record_cost`.
        tier: As for `record_cost`.
    """
    outside, _spent.inside = _spent.inside, 0.0
    begun = time.thread_time()
    try:
        yield
    finally:
        spent = time.thread_time() - begun
        record_cost(operation_type, max(0.0, spent - _spent.inside), complexity=complexity, tier=tier)
        _spent.inside = outside + spent


def cpu_second_price() -> float | None:
    """The price of a CPU-second, in currency units: SIGNALSCOPE_CPU_SECOND_PRICE; None without one."""
    return _price(os.environ.get(CPU_SECOND_PRICE))


@cache
def _price(text: str | None) -> float | None:
    """The price of a CPU-second; a mistake in it is logged once."""
    if not text:
        return None
    try:
        price = float(text)
    except ValueError:
        price = math.nan
    if math.isfinite(price) and price >= 0:
        return price
    _logger.error(
        "%s must be a number that is not negative, not %r; no costs are recorded", CPU_SECOND_PRICE, text
    )
    return None


def count_signal(signal_type: str, direction: str, number: int = 1) -> None:
    """Count signals that were emitted.

    Args:
        signal_type: Their kind.
        direction: buy, sell or hold.
        number: How many.
    """
    family("signal_service.signals.emitted").series(signal_type, direction).record(number)


def record_accuracy(signal_type: str, time_horizon: str, ratio: float) -> None:
    """Set the share of signals that proved right.

    Args:
        signal_type: Their kind.
        time_horizon: The time after which they were judged, such as ``15m``.
        ratio: From 0 to 1.
    """
    family("signal_service.signal.accuracy_ratio").series(signal_type, time_horizon).record(ratio)


def count_rate_limit_hit(endpoint: str, limit_type: str) -> None:
    """Count a request that was refused by a rate limit.

    Args:
        endpoint: The route template, never the path itself.
        limit_type: Which limit: per user, per address, ...
    """
    family("signal_service.rate_limit.hits").series(endpoint, limit_type).record(1)


def count_eviction(cache_type: str, reason: str, number: int = 1) -> None:
    """Count entries that left a cache.

    Args:
        cache_type: Which cache.
        reason: ``size`` (to make room), ``ttl`` (their time was up) or ``explicit`` (deleted, flushed).
        number: How many.
    """
    family("signal_service.cache.evictions").series(cache_type, reason).record(number)


def count_queue_item(queue_type: str, priority: str, event: str, number: int = 1) -> None:
    """Count items of a queue by what happened to them; `@instrument_queue` does it for decorated functions.

    Args:
        queue_type: Which queue.
        priority: critical, high, medium or low.
        event: enqueued, processed, failed, rejected or dropped.
        number: How many.
    """
    family("signal_service.queue.items").series(queue_type, priority, event).record(number)
