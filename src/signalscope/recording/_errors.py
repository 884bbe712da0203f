"""Errors of the instrumentation itself: counted, logged once for each place, never raised."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from signalscope.contract._model import Attribute

_logger = logging.getLogger("signalscope")
_logged: set[str] = set()
T = TypeVar("T")
U = TypeVar("U")


class _Counters:
    """The functions that count; `recording/__init__.py` sets them, since it has the instruments."""

    error: Callable[[str, float], None] | None = None
    overflow: Callable[[str, str], None] | None = None


def connect(error: Callable[[str, float], None], overflow: Callable[[str, str], None]) -> None:
    """Set the functions that count internal errors and overflowing attribute values."""
    _Counters.error = staticmethod(error)
    _Counters.overflow = staticmethod(overflow)


def internal_error(where: str, times: int = 1, *, is_logged: bool = False) -> None:
    """Count a failure of the instrumentation, and log it the first time it happens there.

    Args:
        where: The part that failed (`decorators.greeks`).
        times: How many times.
        is_logged: True if the caller has logged the failure.

    Examples:
        >>> from signalscope import recording
        >>> from signalscope.testing import capture
        >>> with capture() as captured:
        ...     recording.internal_error("my_instrumentation")
        ...     captured.value("signalscope_internal_errors_total", where="my_instrumentation")
        1
    """
    try:
        if not is_logged and where not in _logged:
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


def read_each(read: Callable[[T], U], sources: Iterable[T], where: str) -> Iterator[U]:
    """Yield what a function returns for each source; one that fails is left out, and counted as an internal error.

    Args:
        read: Reads one source.
        sources: The sources of one metric: breakers, caches, queues or pools.
        where: The part that reads them.
    """
    for source in list(sources):
        try:
            value = read(source)
        except Exception:  # code of the user or of a library; the other sources are still reported
            internal_error(where)
        else:
            yield value


def overflow(instrument: str, attribute: Attribute, value: str | Exception) -> None:
    """Count an attribute value that was replaced by `other`, and log the first one of each attribute and reason.

    The value is logged only if the contract lists the allowed values; otherwise it could be the id of a user.

    Args:
        instrument: The name of the instrument.
        attribute: The attribute.
        value: The value as text, or the error of its conversion to text.
    """
    if _Counters.overflow is None or instrument.startswith("signalscope."):
        return
    first = f"{instrument} {attribute.name} {isinstance(value, Exception)}"
    if first not in _logged:
        _logged.add(first)
        if isinstance(value, Exception):
            is_unicode = isinstance(value, UnicodeError)
            _logger.warning(
                "signalscope: a value of %s of %s %s and is recorded as `other`; further ones are only counted in "
                "signalscope.attribute.overflow [SS308]",
                attribute.name,
                instrument,
                "is not valid Unicode" if is_unicode else f"cannot be read as text ({type(value).__name__})",
            )
        elif attribute.values is None:
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
