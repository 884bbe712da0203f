"""The price of CPU time."""

from __future__ import annotations

import logging
import math
import os
from functools import cache

_logger = logging.getLogger("signalscope")
CPU_SECOND_PRICE = "SIGNALSCOPE_CPU_SECOND_PRICE"
"""The environment variable that `cpu_second_price` reads."""


def cpu_second_price() -> float | None:
    """Return SIGNALSCOPE_CPU_SECOND_PRICE, in currency units per CPU-second; None if it is not set or invalid.

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
    """Parse the price; an invalid value is logged once, because the result is cached."""
    if not text:
        return None
    try:
        price = float(text)
    except ValueError:
        price = math.nan
    if math.isfinite(price) and price >= 0:
        return price
    _logger.error(
        "%s=%r is not a number of at least 0; no costs are recorded [SS380]", CPU_SECOND_PRICE, text
    )
    return None
