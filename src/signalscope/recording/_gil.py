"""Whether only one thread at a time runs Python code, which the aggregation buffers rely on.

They append to lists and take values out again in steps that nothing else may come between (see `_buffers`). On a
free-threaded build of Python that runs without the GIL there is no such promise, so the OpenTelemetry SDK, which has
locks, aggregates every measurement.
"""

from __future__ import annotations

import functools
import logging
import sys
import sysconfig

#: Why this process has no aggregation buffers.
REASON = (
    "this Python runs threads without the GIL, so the OpenTelemetry SDK aggregates the measurements in place of "
    "signalscope's aggregation buffers"
)
_logger = logging.getLogger("signalscope")


def is_gil_enabled() -> bool:
    """Return True if only one thread at a time runs Python code.

    A free-threaded build may run with the GIL: PYTHON_GIL=1, or an extension module that needs it. Python turns the
    GIL on while a program runs, but never off, so an early answer stays safe.
    """
    ask = getattr(sys, "_is_gil_enabled", None)  # since Python 3.13
    return bool(ask()) if ask is not None else not sysconfig.get_config_var("Py_GIL_DISABLED")


@functools.cache
def log_reason_once() -> None:
    """Log why there are no aggregation buffers, once in a process."""
    _logger.warning("signalscope: %s; values are the same, a call costs more", REASON)
