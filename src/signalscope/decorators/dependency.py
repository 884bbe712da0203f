"""`@instrument_dependency`: calls to external services."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from signalscope.contract._model import OTHER
from signalscope.decorators._attributes import Attributes, Values
from signalscope.decorators._call import Call, Probe
from signalscope.decorators._probe import Timed, decorator, name_of, outcome_of
from signalscope.decorators._spans import SpanMode
from signalscope.decorators._values import Value
from signalscope.recording import internal_error
from signalscope.runtime._excuses import LATE_LOOP, is_timeout, was_late

__all__ = ["Dependency", "instrument_dependency"]


_ERRORS = "signal_service.dependency.errors"
_SERVER_ERROR = 500
#: The largest number of pairs of service and impact level whose errors a decorated function initialises at zero.
_REMEMBERED = 1000


@decorator
def instrument_dependency(
    *,
    service_name: Value[str] | None = None,
    operation: Value[str] | None = None,
    criticality: Value[str] = "high",
    span: SpanMode = "auto",
) -> Callable[[Any], Probe]:
    """Measure calls to an external service: their duration in seconds, and the errors by type.

    A call is an error if it raises, or if it returns an HTTP response (of httpx, requests, aiohttp) with a status of
    500 or more. The error type is the HTTP status. Without a status it is the exception's class; an exception of
    `raise_for_status` has the status of its response. A cancelled call is not an error.

    If a call returned or timed out while the event loop of this process was late, its outcome is ``late_loop``. Its
    time says little of the service, so it is not an error. The loop was late if one delay was 0.1 s or more, and a
    quarter of the time of the call. Delays of half a second and more add up. Shorter ones count if they were half of
    the time. A call that blocks the loop itself has no such excuse.

    Args:
        call: The function, if the decorator is used without arguments.
        service_name: The external service; by default the function's name.
        operation: The purpose of the call; by default the function's name.
        criticality: The importance of the service: critical, mandatory or high. It is the ``impact_level`` of errors.
        span: ``auto``: a child span if the current span is recording; ``always``; ``never``.

    Raises:
        ContractError: The contract does not allow a constant, or a callable's parameter does not exist.

    Examples:
        >>> from signalscope import instrument_dependency
        >>> from signalscope.testing import capture
        >>> @instrument_dependency(service_name="ticker_service", operation="quote", criticality="critical")
        ... def get_quote(symbol):
        ...     raise TimeoutError
        >>> with capture() as captured:
        ...     try:
        ...         get_quote("AAPL")
        ...     except TimeoutError:
        ...         pass
        ...     captured.value("signal_service_dependency_errors_total", service_name="ticker_service")
        1
    """

    def probe(inner: Any) -> Dependency:
        options = {
            "service_name": name_of(inner) if service_name is None else service_name,
            "operation": name_of(inner) if operation is None else operation,
        }
        return Dependency(inner, options, criticality, span)

    return probe


class Dependency(Timed):
    """The probe of one decorated call to a service."""

    contains = "dependency"

    def __init__(self, function: Any, options: Mapping[str, Any], criticality: Any, span: SpanMode) -> None:
        super().__init__(
            function,
            "signal_service.external_service.duration",
            options,
            where="decorators.dependency",
            span=span,
        )
        self._service = self.attributes.value_of("service_name")
        self._errors = self.attributes.series_of(_ERRORS, "error_type", "impact_level")
        self._initialised: set[tuple[str, str]] = set()
        self._impact = Attributes(
            _ERRORS, function, {"impact_level": criticality}, self.where, {"impact_level": "criticality"}
        )

    def finish(self, call: Call) -> None:
        """Record a call that returned; a response with status 500 or more is an error."""
        status = self._status(call.result)
        is_error = status is not None and status >= _SERVER_ERROR
        values = self.measure(
            call, "error" if is_error else LATE_LOOP if was_late(call.elapsed) else "success"
        )
        (impact,) = self._impact.read(call)
        self._initialise(values, impact)
        if is_error:
            call.record(self._errors(values, str(status), impact), 1)

    def fail(self, call: Call) -> None:
        """Record a call that raised; a cancelled one, or a timeout while the event loop was late, is not an error."""
        outcome = outcome_of(call.error)
        if outcome == "error" and is_timeout(call.error) and was_late(call.elapsed):
            outcome = LATE_LOOP
        values = self.measure(call, outcome)
        if outcome == "error":
            status = self._status(getattr(call.error, "response", None)) or self._status(call.error)
            kind = type(call.error).__name__ if status is None else str(status)
            (impact,) = self._impact.read(call)
            call.record(self._errors(values, kind, impact), 1)

    def _initialise(self, values: Values, impact: str) -> None:
        """Initialise a service's errors at zero, before the type of the first one is known."""
        key = self._service(values), impact
        if key not in self._initialised and len(self._initialised) < _REMEMBERED:
            self._initialised.add(key)
            self._errors(values, OTHER, impact)

    def _status(self, response: Any) -> int | None:
        """Return the HTTP status of a response; None if the object is not a response."""
        try:
            for name in ("status_code", "status"):
                status = getattr(response, name, None)
                if isinstance(status, int) and 100 <= status <= 599:
                    return int(status)
        except Exception:  # a property of the user's class; its error must not lose the measurement
            internal_error(f"{self.where}.status")
        return None
