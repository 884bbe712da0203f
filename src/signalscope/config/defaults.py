"""Windows in plain Python: the SDK needs them where pydantic is not installed.

The models of the configuration take these values from here. `signalscope.config.load` needs pydantic; this module
needs nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = [
    "BURN_RATES", "BURN_RATE_WINDOWS", "HOUR_SECONDS", "RATE_SECONDS", "SLO_PERIOD_DAYS", "SLO_WINDOWS", "BurnRate",
    "seconds",
]  # fmt: skip

#: How far rates, ratios and means look back: ``[5m]``. It is not a key of the configuration, because the names of
#: recorded series say it (``job:signal_service_api_requests:rate5m``): dashboards and rules of users read these
#: names, and another window under the same name would give them other numbers without a word.
RATE_SECONDS = 300
#: How far values of the business and increases look back: ``[1h]``. Fixed, since the label ``window="1h"`` of
#: active users and names such as ``sloth_window="1h"`` say it.
HOUR_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class BurnRate:
    """A rate at which spending of the error budget fires an alert.

    Attributes:
        rate: How many times the rate that would spend the whole budget in the period.
        long: The window that shows that enough of the budget is spent.
        short: The window that shows that it still goes on; it ends the alert soon after the cause has ended.
        fast: Whether it belongs to the fast alert, which pages, or to the slow one.
    """

    rate: float
    long: str
    short: str
    fast: bool


#: A tenth of the budget or less is spent when one of these fires (Google, The Site Reliability Workbook, chapter 5,
#: "Multiwindow, Multi-Burn-Rate Alerts"). The only table of these windows: rules, alerts and dashboards follow it.
BURN_RATE_WINDOWS = (
    BurnRate(14.4, "1h", "5m", fast=True),
    BurnRate(6.0, "6h", "30m", fast=True),
    BurnRate(3.0, "1d", "2h", fast=False),
    BurnRate(1.0, "3d", "6h", fast=False),
)
BURN_RATES = {window.long: window.rate for window in BURN_RATE_WINDOWS}
"""The burn rates of the alerts of an objective, by their long window."""


def seconds(window: str) -> int:
    """Return the length of a window such as ``5m``, ``6h`` or ``3d`` in seconds."""
    return int(window[:-1]) * {"s": 1, "m": 60, "h": 3_600, "d": 86_400}[window[-1]]


#: The period of all objectives. Fixed, because the name ``slo:sli_error:ratio_rate30d`` says it.
SLO_PERIOD_DAYS = 30
#: The windows that an SLO's error ratio is recorded over, as sloth names them, shortest first.
SLO_WINDOWS = tuple(
    sorted(
        {f"{SLO_PERIOD_DAYS}d"}.union(*((window.long, window.short) for window in BURN_RATE_WINDOWS)),
        key=seconds,
    )
)
