"""Present values: rows of other modules over the last 30 seconds."""

from __future__ import annotations

from signalscope.derived._recent import Recent
from signalscope.derived._rows import asked
from signalscope.derived.table import api, greeks, signals

#: The longest window of a value that an answer calls present, in seconds.
NOW_SECONDS = 30.0
_KEYS = (
    "API_REQUESTS", "ERROR_RATE", "API_SLOW", "API_MEAN", "API_P50", "API_P95", "API_P99",
    "GREEKS_OPTIONS", "VECTORIZED_SHARE", "GREEKS_P90", "VECTORIZED_SPEEDUP", "GREEKS_INVALID_RATIO",
    "SIGNALS", "SIGNAL_MEAN", "SIGNAL_P95",
)  # fmt: skip
_ROWS = {
    key: row
    for module in (api, greeks, signals)
    for group in module.GROUPS
    for key, row in group.rows.items()
}

GROUPS = ()
ASKED = {
    f"{key}_NOW": asked(
        unit=_ROWS[key].unit,
        meaning=f"Over the last 30 s. {_ROWS[key].meaning}",
        expr=Recent(key, NOW_SECONDS),
    )
    for key in _KEYS
}
