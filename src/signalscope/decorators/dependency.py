"""`@instrument_dependency`: calls to external services."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ParamSpec, TypeVar, overload

from signalscope.contract._model import OTHER
from signalscope.decorators._attributes import Attributes
from signalscope.decorators._probe import decorated, name_of, outcome_of
from signalscope.decorators._spans import SpanMode, Under, record
from signalscope.decorators._timed import Timed
from signalscope.decorators._values import Value
from signalscope.decorators._wrap import Arguments, Keywords
from signalscope.recording import family

__all__ = ["Dependency", "instrument_dependency"]

P = ParamSpec("P")
R = TypeVar("R")

_ERRORS = "signal_service.dependency.errors"
_SERVER_ERROR = 500
#: Services whose errors one decorated function lets begin at zero.
_REMEMBERED = 1000


@overload
def instrument_dependency(call: Callable[P, R], /) -> Callable[P, R]: ...
@overload
def instrument_dependency(
    *,
    service_name: Value[str] | None = None,
    operation: Value[str] | None = None,
    criticality: Value[str] = "high",
    span: SpanMode = "auto",
) -> Callable[[Callable[P, R]], Callable[P, R]]: ...
def instrument_dependency(
    call: Callable[..., Any] | None = None,
    /,
    *,
    service_name: Value[str] | None = None,
    operation: Value[str] | None = None,
    criticality: Value[str] = "high",
    span: SpanMode = "auto",
) -> Any:
    """Measure calls to an external service: their time, and the errors by type.

    A call that raises is an error; so is one that returns an HTTP response (of httpx, requests, aiohttp) with
    a status of 500 or more. The error's type is that status, or the exception's class; of an exception that
    carries a response (`raise_for_status`), the response's status. A cancelled call is no error.

    Args:
        call: The function, when used without arguments.
        service_name: The external service; by default the function's name.
        operation: What is asked of it; by default the function's name.
        criticality: How much depends on it: critical, mandatory or high. It is the errors' ``impact_level``.
        span: ``auto``: a child span when the current span is recording; ``always``; ``never``.

    Raises:
        ContractError: A constant that the contract does not allow, or a callable that names no parameter.
    """

    def probe(inner: Any) -> Dependency:
        options = {
            "service_name": name_of(inner) if service_name is None else service_name,
            "operation": name_of(inner) if operation is None else operation,
        }
        return Dependency(inner, options, criticality, span)

    return decorated(call, probe)


class Dependency(Timed):
    """What one decorated call to a service measures."""

    contains = "dependency"

    def __init__(self, call: Any, options: Mapping[str, Any], criticality: Any, span: SpanMode) -> None:
        super().__init__(
            call,
            "signal_service.external_service.duration",
            options,
            where="decorators.dependency",
            span=span,
        )
        self._born: set[tuple[str, str]] = set()
        self._impact = Attributes(
            _ERRORS, call, {"impact_level": criticality}, self.where, {"impact_level": "criticality"}
        )

    def outcome(self, result: Any) -> str:
        """An error for a response that says so."""
        status = _status_of(result)
        return "error" if status is not None and status >= _SERVER_ERROR else "success"

    def after(
        self, values: tuple[str, ...], args: Arguments, kwargs: Keywords, result: Any, under: Under
    ) -> None:
        """Count a response that says there was an error."""
        status = _status_of(result)
        (impact,) = self._impact.of(args, kwargs, result)
        self._be_born(values[0], impact)
        if status is not None and status >= _SERVER_ERROR:
            record(family(_ERRORS).series(values[0], str(status), impact), 1, under)

    def _be_born(self, service: str, impact: str) -> None:
        """Let a service's errors begin at zero, before there is one whose type could be named."""
        if (service, impact) not in self._born and len(self._born) < _REMEMBERED:
            self._born.add((service, impact))
            family(_ERRORS).series(service, OTHER, impact)

    def after_error(
        self, values: tuple[str, ...], args: Arguments, kwargs: Keywords, error: BaseException, under: Under
    ) -> None:
        """Count the error."""
        if outcome_of(error) == "cancelled":
            return
        status = _status_of(getattr(error, "response", None)) or _status_of(error)
        kind = type(error).__name__ if status is None else str(status)
        (impact,) = self._impact.of_failed(args, kwargs)
        record(family(_ERRORS).series(values[0], kind, impact), 1, under)


def _status_of(response: Any) -> int | None:
    """The HTTP status of a response, if it has one."""
    for name in ("status_code", "status"):
        status = getattr(response, name, None)
        if isinstance(status, int) and 100 <= status <= 599:
            return int(status)
    return None
