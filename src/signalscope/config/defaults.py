"""Windows in plain Python: the SDK needs them even if pydantic is not installed.

The models of the configuration use these values. `signalscope.config.load` needs pydantic; this module has no
requirements.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = [
    "BURN_RATES", "BURN_RATE_WINDOWS", "HOUR_SECONDS", "RATE_SECONDS", "SLO_PERIOD_DAYS", "SLO_WINDOWS", "BurnRate",
    "seconds",
]  # fmt: skip

#: Window of rates, ratios and means in seconds: ``[5m]``. It is not a key of the configuration, because names of
#: recorded series contain it (``job:signal_service_api_requests:rate5m``). Dashboards and rules of users read these
#: names; another window under the same name would change their numbers without a warning.
RATE_SECONDS = 300
#: Window of business metrics and increases in seconds: ``[1h]``. Fixed, because the label ``window="1h"`` of active
#: users and labels such as ``sloth_window="1h"`` contain it.
HOUR_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class BurnRate:
    """A burn rate of the error budget at which an alert fires, and its two windows.

    Attributes:
        rate: The burn rate. A burn rate of 1 spends the whole error budget in the period.
        long: The window that shows that enough of the budget is spent, such as ``1h``.
        short: The window that shows that the budget is still being spent. It ends the alert soon
            after the cause ends.
        fast: True for the fast alert, which pages; False for the slow alert.
    """

    rate: float
    long: str
    short: str
    fast: bool


#: At most a tenth of the budget is spent when one of these alerts fires (Google, The Site Reliability Workbook,
#: chapter 5, "Multiwindow, Multi-Burn-Rate Alerts"). Rules, alerts and dashboards all use this table.
BURN_RATE_WINDOWS = (
    BurnRate(14.4, "1h", "5m", fast=True),
    BurnRate(6.0, "6h", "30m", fast=True),
    BurnRate(3.0, "1d", "2h", fast=False),
    BurnRate(1.0, "3d", "6h", fast=False),
)
BURN_RATES = {window.long: window.rate for window in BURN_RATE_WINDOWS}
"""The burn rates of the alerts of an objective, by their long window."""


def seconds(window: str) -> int:
    """Return the length of a window such as ``5m``, ``6h`` or ``3d`` in seconds.

    Example:
        >>> seconds("6h")
        21600
    """
    return int(window[:-1]) * {"s": 1, "m": 60, "h": 3_600, "d": 86_400}[window[-1]]


#: The period of all SLOs in days. Fixed, because the name ``slo:sli_error:ratio_rate30d`` contains it.
SLO_PERIOD_DAYS = 30
#: The windows over which the error ratio of an SLO is recorded, as sloth names them, shortest first.
SLO_WINDOWS = tuple(
    sorted(
        {f"{SLO_PERIOD_DAYS}d"}.union(*((window.long, window.short) for window in BURN_RATE_WINDOWS)),
        key=seconds,
    )
)
