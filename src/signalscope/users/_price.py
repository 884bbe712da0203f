"""The price of computing."""

from __future__ import annotations

import logging
import math
import os
from functools import cache

_logger = logging.getLogger("signalscope")
CPU_SECOND_PRICE = "SIGNALSCOPE_CPU_SECOND_PRICE"
"""The environment variable that `cpu_second_price` reads."""


def cpu_second_price() -> float | None:
    """The price of a CPU-second, in currency units: SIGNALSCOPE_CPU_SECOND_PRICE; None without one.

    Examples:
        >>> import os
        >>> from signalscope.metrics import cpu_second_price
        >>> os.environ["SIGNALSCOPE_CPU_SECOND_PRICE"] = "0.00002"
        >>> cpu_second_price()
        2e-05
    """
    return _price(os.environ.get(CPU_SECOND_PRICE))


@cache
def _price(text: str | None) -> float | None:
    """The price of a CPU-second; a value that is not a price is logged once."""
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
