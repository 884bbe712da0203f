"""External services by host, and the calls to them: the same for every HTTP client.

``SIGNALSCOPE_SERVICES="ticker_service(critical)=ticker.internal:8001,10.0.0.*;config_service=config.internal/v2"``
maps hosts (patterns are allowed), perhaps with a port and the beginning of a path, to names. The criticality is in
brackets, and ``high`` without them. Without an entry a host whose first label ends in ``service`` is that service
(``http://ticker-service.trading.svc:8080`` is `ticker_service`). Calls to any other host are not recorded, since the
number of hosts has no limit.
"""

from __future__ import annotations

import fnmatch
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from time import perf_counter
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from signalscope.contract import CRITICALITIES
from signalscope.contract._model import OTHER
from signalscope.decorators._call import conclude
from signalscope.decorators._nesting import inside
from signalscope.decorators.dependency import Dependency
from signalscope.instrumentation._base._settings import pairs
from signalscope.instrumentation._base._suppression import is_instrumentation_suppressed
from signalscope.recording import internal_error
from signalscope.recording._state import live

__all__ = ["DEPENDENCY_METRICS", "Call", "Service", "begin_call", "recorded", "service_at"]

DEPENDENCY_METRICS = ("signal_service.external_service.duration", "signal_service.dependency.errors")
_logger = logging.getLogger("signalscope")
_VARIABLE = "SIGNALSCOPE_SERVICES"
_EXAMPLE = "ticker_service(critical)=ticker.internal:8001,10.0.0.*;config_service=config.internal/v2"
_NAME = re.compile(r"(?P<name>[^()\s]+)\s*(?:\((?P<criticality>[^()]*)\))?\Z")
_ADDRESS = re.compile(r"(?P<host>\[[^\]]*\]|[^:/]+)(?::(?P<port>\d+))?(?P<path>/.*)?\Z")
#: Services and methods with a recorder of their own; the contract allows fewer services.
_MOST_PROBES = 1_000
_PORTS = {"http": 80, "https": 443}
#: Set while a call is recorded: a redirect that a client follows by calling itself is a part of it.
_calling: ContextVar[bool] = ContextVar("signalscope_http_call", default=False)


class Service(NamedTuple):
    """An external service.

    Attributes:
        name: The `service_name`.
        criticality: How much depends on it.
    """

    name: str
    criticality: str


class _Address(NamedTuple):
    host: str
    port: int | None
    path: str
    service: Service


class _Setting:
    addresses: list[_Address] | None = None
    probes: dict[tuple[Service, str], Dependency] = {}  # noqa: RUF012  # the one table of the process


def service_at(url: str) -> Service | None:
    """Return the service of a URL; None if it is not known."""
    if _Setting.addresses is None:
        _Setting.addresses = list(_read())
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").lower(), parts.port or _PORTS.get(parts.scheme)
    except ValueError:  # not a URL
        return None
    for each in _Setting.addresses:
        if (
            (each.host == host or fnmatch.fnmatchcase(host, each.host))
            and each.port in (None, port)
            and parts.path.startswith(each.path)
        ):
            return each.service
    label = re.sub(r"\W", "_", host.partition(".")[0])
    return Service(label, "high") if label.endswith("_service") else None


def _read() -> Iterator[_Address]:
    for left, right in pairs(_VARIABLE, _EXAMPLE):
        named = _NAME.match(left)
        criticality = (named["criticality"] or "high").strip() if named else ""
        if named is None or criticality not in CRITICALITIES:
            _logger.error(
                "%s: %r is ignored: write for example %s; in brackets one of %s",
                _VARIABLE, left, _EXAMPLE, ", ".join(CRITICALITIES),
            )  # fmt: skip
            continue
        for text in filter(None, (each.strip() for each in right.split(","))):
            found = _ADDRESS.match(text.partition("://")[2] or text)
            if found is None:
                _logger.error(
                    "%s: the address %r is ignored: write for example %s", _VARIABLE, text, _EXAMPLE
                )
                continue
            port = int(found["port"]) if found["port"] else None
            host = found["host"].strip("[]").lower()
            yield _Address(host, port, found["path"] or "", Service(named["name"], criticality))


class Call:
    """One call to a service, from its beginning.

    Args:
        service: The service.
        operation: The HTTP method.
    """

    __slots__ = ("_begun", "_probe", "_token")

    def __init__(self, service: Service, operation: str) -> None:
        key = (service, operation)
        probe = _Setting.probes.get(key)
        if probe is None:
            if len(_Setting.probes) >= _MOST_PROBES:  # hosts may come from anywhere
                service, key = (
                    Service(OTHER, service.criticality),
                    (Service(OTHER, service.criticality), operation),
                )
            options = {"service_name": service.name, "operation": operation}
            probe = _Setting.probes.setdefault(
                key, Dependency(service_at, options, service.criticality, "never")
            )
        self._probe = probe
        self._token = _calling.set(True)
        self._begun = perf_counter()

    def answered(self, response: Any) -> None:
        """Record the call with its response; never raises."""
        self._end(response, None)

    def failed(self, error: BaseException) -> None:
        """Record the call without a response; never raises."""
        self._end(None, error)

    def _end(self, response: Any, error: BaseException | None) -> None:
        elapsed = perf_counter() - self._begun
        try:
            _calling.reset(self._token)
            conclude(self._probe, None, (), {}, elapsed, response, error)
        except Exception:  # ours, and not the caller's business
            internal_error("instrumentation.services")


def begin_call(url: str, method: str) -> Call | None:
    """Start to record a call. Never raises.

    Returns:
        None if the call is not recorded: its service is not known, it is part of another call or of
        `@instrument_dependency`, instrumentation is suppressed, or nothing records.
    """
    try:
        if not (live.on or live.is_enabled()) or _calling.get() or inside("dependency"):
            return None
        # `suppress_http_instrumentation` is ignored: the official instrumentor of requests uses it around every call.
        if is_instrumentation_suppressed():
            return None
        service = service_at(url)
        return None if service is None else Call(service, _operation(method))
    except Exception:  # must not reach the caller
        internal_error("instrumentation.services")
        return None


def _operation(method: str) -> str:
    found = method.upper() if isinstance(method, str) else ""
    return found if found in {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} else "other"


@contextmanager
def recorded(call: Call | None) -> Iterator[list[Any]]:
    """Record the end of a block; the block appends the response to the list."""
    response: list[Any] = []
    try:
        yield response
    except BaseException as error:
        if call is not None:
            call.failed(error)
        raise
    if call is not None:
        call.answered(response[0] if response else None)
