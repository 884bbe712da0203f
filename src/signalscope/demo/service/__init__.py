"""The reference signal service: an example of a service that uses signalscope."""

from __future__ import annotations

import warnings
from typing import Any


def __getattr__(name: str) -> Any:
    if name != "app":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from signalscope.demo.service.application import app  # noqa: PLC0415  # the application starts here

    text = "signalscope.demo.service:app has moved to signalscope.demo.service.application:app [SS800]"
    warnings.warn(text, DeprecationWarning, stacklevel=2)
    return app
