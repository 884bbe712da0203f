"""FastAPI and Starlette: API metrics, `/metrics`, `/health` and `/monitoring`.

app.include_router(signalscope.fastapi.router)
signalscope.fastapi.instrument_app(app)     # API metrics and the routes; the metrics are the launcher's too

The other names are imported at their first use: the middleware needs Starlette only, the routes need FastAPI.
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
            f"{__name__}.{name} needs {error.name}: pip install 'signalscope[fastapi]'", name=error.name
        ) from None
    value = globals()[name] = getattr(module, name)
    return value
