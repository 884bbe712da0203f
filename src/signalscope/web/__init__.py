"""API metrics and the routes `/metrics`, `/health` and `/monitoring` for WSGI and ASGI applications.

Example::

    application = signalscope.web.WsgiRoutes(application)

The routes need FastAPI, so they are imported at their first use.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from signalscope.web._asgi import AsgiMetrics
from signalscope.web._wsgi import WsgiMetrics

if TYPE_CHECKING:
    from signalscope.web._own_routes import AsgiRoutes, WsgiRoutes

__all__ = ["AsgiMetrics", "AsgiRoutes", "WsgiMetrics", "WsgiRoutes"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        return getattr(importlib.import_module(f"{__name__}._own_routes"), name)
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"{__name__}.{name} needs {error.name}: pip install 'signalscope[fastapi]' [SS500]",
            name=error.name,
        ) from None
