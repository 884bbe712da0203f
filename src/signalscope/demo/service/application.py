"""The reference signal service: ``uvicorn signalscope.demo.service.application:app``.

This module does not set up telemetry: `opentelemetry-instrument` or `signalscope.configure` does. Like any
service, the code only uses the decorators and functions of signalscope.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial

from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

import signalscope.fastapi
from fastapi import FastAPI, Request, Response
from signalscope import user_context
from signalscope.demo.faults import UnknownFaultError
from signalscope.demo.service import routes
from signalscope.demo.service.calculations import CalculationError
from signalscope.demo.service.choices import UnknownChoiceError
from signalscope.demo.service.market import UnknownSymbolError
from signalscope.demo.service.runtime import Runtime
from signalscope.demo.service.tiers import parse_tier
from signalscope.demo.service.workqueue import QueueFullError

_STATUS: dict[type[Exception], int] = {
    UnknownSymbolError: 404,
    UnknownFaultError: 404,
    UnknownChoiceError: 422,
    QueueFullError: 503,
    CalculationError: 503,
}


@asynccontextmanager
async def _lifespan(application: FastAPI) -> AsyncIterator[None]:
    async with Runtime() as runtime:
        application.state.runtime = runtime
        yield


async def _explain(_: Request, error: Exception, *, status: int) -> JSONResponse:
    return JSONResponse({"detail": str(error)}, status)


async def _explain_request(_: Request, error: Exception) -> JSONResponse:
    """Return FastAPI's answer without the values: JSON has no NaN or infinity."""
    assert isinstance(error, RequestValidationError)
    details = [{name: detail[name] for name in ("type", "loc", "msg")} for detail in error.errors()]
    return JSONResponse({"detail": details}, 422)


app = FastAPI(title="signalscope reference signal service", lifespan=_lifespan)
app.add_exception_handler(RequestValidationError, _explain_request)
for _kind, _status in _STATUS.items():
    app.add_exception_handler(_kind, partial(_explain, status=_status))
app.include_router(routes.api)
app.include_router(routes.demo)
app.include_router(signalscope.fastapi.router)


@app.middleware("http")
async def _with_user(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    """Set the user of a request from the X-User-Id and X-User-Tier headers, and count the request."""
    try:
        tier = parse_tier(request.headers.get("x-user-tier"))
    except UnknownChoiceError as error:
        response: Response = await _explain(request, error, status=422)
    else:
        request.state.tier = tier
        with user_context(tier=tier.name, user=request.headers.get("x-user-id")):
            response = await call_next(request)
    template = getattr(request.scope.get("route"), "path", "unmatched")
    runtime: Runtime = request.app.state.runtime
    runtime.counts.add("requests", request.method, template, str(response.status_code))
    return response
