"""Production monitoring for options-signal services, from the function call to the pager.

Decorate important functions (`instrument_greeks`, `instrument_signal`, ...). Report state that only your code has
(`report_health`, `observe_cache`, ...). Then start the service with ``opentelemetry-instrument``, or call `configure`
once. docs/metrics.md lists the resulting metrics. `signalscope.contract` defines their names, labels and allowed
values.
"""

from signalscope import _interpreter, _moved  # noqa: F401  # the first import refuses sub-interpreters
from signalscope._version import __version__
from signalscope.contract import ContractError
from signalscope.decorators import (
    BreakerMonitor,
    arg,
    count_eviction,
    count_feature,
    count_queue_item,
    count_rate_limit_hit,
    count_signal,
    instrument_cache,
    instrument_dependency,
    instrument_greeks,
    instrument_query,
    instrument_queue,
    instrument_signal,
    instrument_task,
    measure_cost,
    observe_cache,
    observe_memory,
    observe_queue,
    observe_subscriptions,
    record_accuracy,
    record_cost,
    result,
)
from signalscope.health._report import report_dependency_health, report_health
from signalscope.instrumentation.queues import name_queue
from signalscope.setup._configure import configure, shutdown
from signalscope.users._context import current_tier, user_context

_moved.install()

__all__ = [
    "BreakerMonitor",
    "ContractError",
    "__version__",
    "arg",
    "configure",
    "count_eviction",
    "count_feature",
    "count_queue_item",
    "count_rate_limit_hit",
    "count_signal",
    "current_tier",
    "instrument_cache",
    "instrument_dependency",
    "instrument_greeks",
    "instrument_query",
    "instrument_queue",
    "instrument_signal",
    "instrument_task",
    "measure_cost",
    "name_queue",
    "observe_cache",
    "observe_memory",
    "observe_queue",
    "observe_subscriptions",
    "record_accuracy",
    "record_cost",
    "report_dependency_health",
    "report_health",
    "result",
    "shutdown",
    "user_context",
]
