"""The reference signal service: what a team's service can look like."""

from __future__ import annotations

import warnings
from typing import Any


def __getattr__(name: str) -> Any:
    if name != "app":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from signalscope.demo.service.application import app  # noqa: PLC0415  # the application starts here

    text = "signalscope.demo.service:app has moved to signalscope.demo.service.application:app"
    warnings.warn(text, DeprecationWarning, stacklevel=2)
    return app
