"""FastAPI and Starlette: API metrics, and the routes `/metrics` and `/health`.

app.include_router(signalscope.fastapi.router)
signalscope.fastapi.instrument_app(app)     # not needed under opentelemetry-instrument
"""

from signalscope.fastapi._instrument import instrument_app, uninstrument_app
from signalscope.fastapi._middleware import ApiMetrics
from signalscope.fastapi._router import router

__all__ = ["ApiMetrics", "instrument_app", "router", "uninstrument_app"]
