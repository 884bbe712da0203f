"""The contract: the table of all instruments of signalscope.

Decorators read the instruments from this table. Recording rules, alerts, dashboards and documents are generated from
the table or checked against it. To find the code that records a metric, read ``emitted_by`` in its row in `_table`.

Users add their own instruments with `extend`. They add values to a closed attribute (tiers, models) with `allow` or,
without code, with ``SIGNALSCOPE_ALLOW="user_tier=gold,platinum;model_type=local_vol"``.
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
