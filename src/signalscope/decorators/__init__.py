"""Decorators for the calculations, signals, caches, queues and calls of a signal service.

The functions of `signalscope.metrics` can be imported from this package too.
"""

from signalscope.breakers._monitor import BreakerMonitor
from signalscope.decorators._values import arg, result
from signalscope.decorators.cache import instrument_cache
from signalscope.decorators.dependency import instrument_dependency
from signalscope.decorators.greeks import instrument_greeks
from signalscope.decorators.queue import instrument_queue
from signalscope.decorators.signal import instrument_signal
from signalscope.decorators.task import instrument_query, instrument_task
from signalscope.metrics import (
    count_eviction,
    count_feature,
    count_queue_item,
    count_rate_limit_hit,
    count_signal,
    measure_cost,
    observe_cache,
    observe_memory,
    observe_queue,
    observe_subscriptions,
    record_accuracy,
    record_cost,
)

__all__ = [
    "BreakerMonitor",
    "arg",
    "count_eviction",
    "count_feature",
    "count_queue_item",
    "count_rate_limit_hit",
    "count_signal",
    "instrument_cache",
    "instrument_dependency",
    "instrument_greeks",
    "instrument_query",
    "instrument_queue",
    "instrument_signal",
    "instrument_task",
    "measure_cost",
    "observe_cache",
    "observe_memory",
    "observe_queue",
    "observe_subscriptions",
    "record_accuracy",
    "record_cost",
    "result",
]
