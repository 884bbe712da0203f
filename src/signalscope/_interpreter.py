"""The refusal of sub-interpreters: OpenTelemetry's SDK needs threads, which they do not have or do not wait for."""

from __future__ import annotations

import importlib
import logging
import sys

_logger = logging.getLogger("signalscope")
_LAUNCHER = "opentelemetry.instrumentation.auto_instrumentation"


def is_main() -> bool:
    """Return True in the main interpreter of the process."""
    for name in ("_interpreters", "_xxsubinterpreters"):
        try:
            interpreters = importlib.import_module(name)
        except ImportError:  # another version or implementation of Python
            continue
        return bool(interpreters.get_current() == interpreters.get_main())
    return True


def refuse() -> None:
    """Raise ImportError in a sub-interpreter, and log it for the launcher, which would log two tracebacks instead."""
    if is_main():
        return
    message = (
        "signalscope cannot be used in a sub-interpreter; its calls are not measured. Use threads or processes, or "
        "with mod_wsgi `WSGIApplicationGroup %{GLOBAL}` [SS334]"
    )
    launcher = logging.getLogger(_LAUNCHER)
    if _LAUNCHER in sys.modules and launcher.level <= logging.CRITICAL:
        launcher.setLevel(logging.CRITICAL + 1)
        _logger.error(message)
    raise ImportError(message)


refuse()
