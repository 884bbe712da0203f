"""API metrics and the routes `/metrics`, `/health` and `/monitoring` for FastAPI and Starlette applications.

Example::

    signalscope.fastapi.instrument_app(app)  # API metrics and routes

    app.include_router(signalscope.fastapi.router)  # the routes only: the launcher adds the API metrics

Names other than `health` are imported at their first use: the middleware needs only Starlette, but the routes need
FastAPI.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from signalscope import health

if TYPE_CHECKING:
    from signalscope.fastapi._instrument import instrument_app, uninstrument_app
    from signalscope.fastapi._middleware import ApiMetrics
    from signalscope.fastapi._router import router

__all__ = ["ApiMetrics", "health", "instrument_app", "router", "uninstrument_app"]

_HOMES = {
    "ApiMetrics": "signalscope.fastapi._middleware",
    "instrument_app": "signalscope.fastapi._instrument",
    "router": "signalscope.fastapi._router",
    "uninstrument_app": "signalscope.fastapi._instrument",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        module = importlib.import_module(_HOMES[name])
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"{__name__}.{name} needs {error.name}: pip install 'signalscope[fastapi]' [SS500]",
            name=error.name,
        ) from None
    value = globals()[name] = getattr(module, name)
    return value
