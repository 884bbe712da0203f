"""Errors of the instrumentation itself: counted, logged once for each place, never raised."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable

from signalscope.contract._model import Attribute

_logger = logging.getLogger("signalscope")
_logged: set[str] = set()


class _Counters:
    """The functions that count; `recording/__init__.py` sets them, since it has the instruments."""

    error: Callable[[str, float], None] | None = None
    overflow: Callable[[str, str], None] | None = None


def connect(error: Callable[[str, float], None], overflow: Callable[[str, str], None]) -> None:
    """Set the functions that count internal errors and overflowing attribute values."""
    _Counters.error = staticmethod(error)
    _Counters.overflow = staticmethod(overflow)


def internal_error(where: str, times: int = 1) -> None:
    """Count a failure of the instrumentation, and log it the first time it happens there.

    Args:
        where: The part that failed (`decorators.greeks`).
        times: How many times.

    Examples:
        >>> from signalscope import recording
        >>> from signalscope.testing import capture
        >>> with capture() as captured:
        ...     recording.internal_error("my_instrumentation")
        ...     captured.value("signalscope_internal_errors_total", where="my_instrumentation")
        1
    """
    try:
        if where not in _logged:
            _logged.add(where)
            _logger.warning(
                "signalscope: %s failed; the program continues, and further failures there are only counted in "
                "signalscope.internal.errors [SS300]",
                where,
                exc_info=sys.exc_info()[0] is not None,
            )
        if _Counters.error is not None:
            _Counters.error(where, times)
    except Exception:  # counting has failed, so this cannot be counted either
        _logger.debug("signalscope: counting an internal error failed", exc_info=True)


def overflow(instrument: str, attribute: Attribute, value: str) -> None:
    """Count an attribute value that was replaced by `other`, and log the first one of each attribute.

    The value is logged only if the contract lists the allowed values; otherwise it could be the id of a user.
    """
    if _Counters.overflow is None or instrument.startswith("signalscope."):
        return
    if f"{instrument} {attribute.name}" not in _logged:
        _logged.add(f"{instrument} {attribute.name}")
        if attribute.values is None:
            _logger.warning(
                "signalscope: %s of %s has more than %d values; further values are recorded as `other` and "
                "counted in signalscope.attribute.overflow [SS302]",
                attribute.name,
                instrument,
                attribute.cap,
            )
        else:
            _logger.warning(
                "signalscope: %s=%.60r of %s is not allowed and is recorded as `other`; allowed: %s. Add it with "
                "signalscope.contract.allow(%r, ...) or SIGNALSCOPE_ALLOW. Further values are only counted in "
                "signalscope.attribute.overflow [SS301]",
                attribute.name,
                value,
                instrument,
                ", ".join(attribute.values),
                attribute.name,
            )
    _Counters.overflow(instrument, attribute.name)
