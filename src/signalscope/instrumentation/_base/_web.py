"""The common parts of the instrumentors of web frameworks."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

from signalscope.instrumentation._base._instrumentor import Library
from signalscope.recording import internal_error
from signalscope.recording._state import live
from signalscope.web._measurement import measurement_in

__all__ = ["API_METRICS", "is_measurable", "set_route", "web_library"]

API_METRICS = (
    "signal_service.api.request.duration",
    "signal_service.api.requests",
    "signal_service.concurrent_requests",
)
#: The description of a web framework.
web_library = functools.partial(
    Library,
    kind="api",
    measures=API_METRICS,
    spans="The official instrumentor's span of each request.",
    unit="A request, until the last byte of its response.",
)


def is_measurable(carrier: Mapping[str, Any]) -> bool:
    """Return True if a request has to be measured: nothing around the framework measures it already.

    Args:
        carrier: The environment of a WSGI request, or the scope of an ASGI request.
    """
    return (live.on or live.is_enabled()) and measurement_in(carrier) is None


def set_route(carrier: Mapping[str, Any], find: Any) -> None:
    """Give the measurement of a request its route, and the span for the exemplar; never raises.

    Args:
        carrier: The environment of a WSGI request, or the scope of an ASGI request.
        find: Returns the route template and the kind of work; None if no route matches.
    """
    try:
        measurement = measurement_in(carrier)
        if measurement is not None:
            measurement.use_current_span()
            measurement.route = find() or measurement.route
    except Exception:  # a defect of signalscope must not break the request
        internal_error("web.route")
