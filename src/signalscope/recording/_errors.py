"""Failures of the instrumentation itself: counted, logged once for each place, never raised."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable

__all__ = ["connect", "internal_error", "overflow"]

_logger = logging.getLogger("signalscope")
_logged: set[str] = set()


class _Counters:
    """Where the counts go; set by the package, which knows the families."""

    error: Callable[[str, float], None] | None = None
    overflow: Callable[[str, str], None] | None = None


def connect(error: Callable[[str, float], None], overflow: Callable[[str, str], None]) -> None:
    """Say what counts internal errors and overflowing attribute values."""
    _Counters.error = staticmethod(error)
    _Counters.overflow = staticmethod(overflow)


def internal_error(where: str, times: int = 1) -> None:
    """Count a failure of the instrumentation, and log it the first time it happens there.

    Args:
        where: The part that failed (`decorators.greeks`).
        times: How many times.
    """
    try:
        if where not in _logged:
            _logged.add(where)
            _logger.warning(
                "signalscope: %s failed; the program goes on, further failures there are only counted in "
                "signalscope.internal.errors",
                where,
                exc_info=sys.exc_info()[0] is not None,
            )
        if _Counters.error is not None:
            _Counters.error(where, times)
    except Exception:  # there is nobody left to tell
        _logger.debug("signalscope: counting an internal error failed", exc_info=True)


def overflow(instrument: str, attribute: str) -> None:
    """Count an attribute value that became `other`."""
    if _Counters.overflow is not None and not instrument.startswith("signalscope."):
        _Counters.overflow(instrument, attribute)
