"""The measurement of one HTTP request, for every framework and protocol."""

from __future__ import annotations

import os
from collections.abc import Mapping
from time import perf_counter

from opentelemetry import trace
from opentelemetry.trace import Span

from signalscope.contract import METHODS
from signalscope.recording import Recorder, get_instrument, group, internal_error
from signalscope.users._context import UNKNOWN, Caller

#: The endpoint of a request that matches no route.
UNMATCHED = "unmatched"
#: The status if the client closed the connection before the response; nginx logs the same number.
CLIENT_CLOSED = 499
SERVER_ERROR = 500
_DURATION = "signal_service.api.request.duration"
_REQUESTS = "signal_service.api.requests"
_CONCURRENT = "signal_service.concurrent_requests"
_METHODS = frozenset(METHODS)
#: The maximum number of recorders that one middleware keeps, one for each combination of attribute values.
_REMEMBERED = 2_000


class Recorders:
    """The recorders of one middleware.

    Args:
        tier_header: The name of a request header with the user's tier; by default that of
            SIGNALSCOPE_USER_TIER_HEADER.
    """

    def __init__(self, tier_header: str | None = None) -> None:
        header = tier_header or os.environ.get("SIGNALSCOPE_USER_TIER_HEADER", "")
        self.tier_header = header.strip().lower()
        self._known: dict[tuple[str, ...], Recorder] = {}

    def find(self, endpoint: str, method: str, status: str, tier: str, kind: str) -> Recorder:
        """Return the recorder of the duration and the number of requests with these attributes."""
        values = (endpoint, method, status, tier, kind)
        recorder = self._known.get(values)
        if recorder is None:
            counter = get_instrument(_REQUESTS).series(endpoint, method, status, tier)
            recorder = group(get_instrument(_DURATION).series(*values), ((counter, 1),))
            if len(self._known) < _REMEMBERED:
                self._known[values] = recorder
        return recorder


class Measurement:
    """The measurement of one request, from its start to the end of its response.

    Attributes:
        caller: The user; it gets the tier of each `user_context` inside the request.
        status: The status of the response; 0 before it has one.
        route: The route template and the kind of work, if the framework has set them.
    """

    __slots__ = ("_began", "_concurrent", "_method", "_recorders", "_span", "caller", "route", "status")

    def __init__(self, recorders: Recorders, method: str) -> None:
        self._recorders = recorders
        self._method = method if method in _METHODS else "_OTHER"
        self._concurrent: Recorder | None = None
        self._span: Span | None = None
        self.caller = Caller()
        self.status = 0
        self.route: tuple[str, str] | None = (UNMATCHED, UNMATCHED)
        try:
            self.enter(self.endpoint_group())
        except Exception:  # a defect of signalscope must not break the request
            internal_error("web.request")
        self._began = perf_counter()

    @property
    def is_running(self) -> bool:
        """True until the request is recorded."""
        return bool(self._began)

    def endpoint_group(self) -> str:
        """Return the endpoint group of the request, before it is routed."""
        return UNMATCHED

    def find_route(self) -> tuple[str, str] | None:
        """Return the route template and the kind of work; None for a request that is not recorded."""
        return self.route

    def header_tier(self, name: str) -> str:
        """Return the value of the request header with the tier; empty without one."""
        return ""

    def enter(self, endpoint_group: str) -> None:
        """Count the request as a concurrent one of an endpoint group, and no longer of the group before."""
        self._leave()
        self._concurrent = get_instrument(_CONCURRENT).series(endpoint_group)
        self._concurrent.record(1)

    def use_current_span(self) -> None:
        """Use the current span for the exemplar, if it is the first: it may end before the response does."""
        span = trace.get_current_span()
        if self._span is None and span.get_span_context().is_valid:
            self._span = span

    def end(self, status: int, *, broken: bool = False) -> None:
        """Record the request. A second call does nothing. Never raises.

        Args:
            status: The status to record if no response has started.
            broken: True records ``status`` even if a response has started, because it ended with an exception.
        """
        began, self._began = self._began, 0.0
        if not began:
            return
        elapsed = perf_counter() - began
        try:
            self._leave()
            self._record(elapsed, str(status if broken else self.status or status))
        except Exception:  # a defect of signalscope must not break the request
            internal_error("web.request")

    def abandon(self) -> None:
        """End the measurement without a record, because another middleware measures the request."""
        self._began = 0.0
        self._leave()

    def _leave(self) -> None:
        concurrent, self._concurrent = self._concurrent, None
        if concurrent is not None:
            concurrent.record(-1)

    def _record(self, elapsed: float, status: str) -> None:
        route = self.find_route()
        if route is None:
            return
        endpoint, kind = route
        tier, header = self.caller.tier, self._recorders.tier_header
        if tier == UNKNOWN and header:
            tier = self.header_tier(header).strip().lower() or UNKNOWN
        recorder = self._recorders.find(endpoint, self._method, status, tier, kind)
        if self._span is None:
            recorder.record(elapsed)
        else:
            recorder.record_under(elapsed, self._span)


def of_route(template: str, kind: str = "") -> tuple[str, str]:
    """Return the endpoint and the kind of work of a route: the template with a leading slash."""
    path = template if template.startswith("/") else f"/{template}"
    return path, kind or path


def measurement_in(carrier: Mapping[str, object]) -> Measurement | None:
    """Return the running measurement of a request.

    Args:
        carrier: The environment of a WSGI request, or the scope of an ASGI request.
    """
    measurement = carrier.get(MEASUREMENT)
    return measurement if isinstance(measurement, Measurement) and measurement.is_running else None


#: The key of a WSGI environment or an ASGI scope with the measurement.
MEASUREMENT = "signalscope.measurement"
