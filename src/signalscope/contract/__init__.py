"""The contract: the one table of every instrument signalscope emits.

Decorators look instruments up here; recording rules, alerts, dashboards, docs and the Collector's tests
are generated from it or checked against it. To find a metric, start with its row in `_table`: ``emitted_by``
names the code that records it.

Users add instruments of their own with `extend`, and values to a closed set (their tiers, their models)
with `allow` or, without code, with ``SIGNALSCOPE_ALLOW="user_tier=gold,platinum;model_type=local_vol"``.
"""

from signalscope.contract._model import OTHER, Attribute, ContractError, Instrument, Kind
from signalscope.contract._registry import allow, extend, extensions, get, instruments
from signalscope.contract._table import (
    API_BUCKETS,
    BREAKER_STATES,
    CALCULATION_TYPES,
    CRITICALITIES,
    GREEKS_BUCKETS,
    INVALID_REASONS,
    METHODS,
    PRIORITIES,
    SIGNAL_BUCKETS,
)

__all__ = [
    "API_BUCKETS",
    "BREAKER_STATES",
    "CALCULATION_TYPES",
    "CRITICALITIES",
    "GREEKS_BUCKETS",
    "INVALID_REASONS",
    "METHODS",
    "OTHER",
    "PRIORITIES",
    "SIGNAL_BUCKETS",
    "Attribute",
    "ContractError",
    "Instrument",
    "Kind",
    "allow",
    "extend",
    "extensions",
    "get",
    "instruments",
]
