"""FastAPI and Starlette: API metrics, `/metrics`, `/health` and `/monitoring`.

app.include_router(signalscope.fastapi.router)
signalscope.fastapi.instrument_app(app)     # API metrics and the routes; the metrics are the launcher's too
"""

from signalscope.fastapi import health
from signalscope.fastapi._instrument import instrument_app, uninstrument_app
from signalscope.fastapi._middleware import ApiMetrics
from signalscope.fastapi._router import router

__all__ = ["ApiMetrics", "health", "instrument_app", "router", "uninstrument_app"]
