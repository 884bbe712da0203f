"""External services by host, and the calls to these services, for all HTTP clients.

``SIGNALSCOPE_SERVICES="ticker_service(critical)=ticker.internal:8001,10.0.0.*;config_service=config.internal/v2"``
gives names to hosts. A host may be a pattern, and may have a port and the beginning of a path. The criticality is in
brackets; the default is ``high``. A host without an entry is a service if its first label ends in ``service``
(``http://ticker-service.trading.svc:8080`` is `ticker_service`). Calls to other hosts are not recorded, since the
number of hosts has no limit.
"""

from __future__ import annotations

import fnmatch
import functools
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

DEPENDENCY_METRICS = ("signal_service.external_service.duration", "signal_service.dependency.errors")
_logger = logging.getLogger("signalscope")
_VARIABLE = "SIGNALSCOPE_SERVICES"
_EXAMPLE = "ticker_service(critical)=ticker.internal:8001,10.0.0.*;config_service=config.internal/v2"
_NAME = re.compile(r"(?P<name>[^()\s]+)\s*(?:\((?P<criticality>[^()]*)\))?\Z")
_ADDRESS = re.compile(r"(?P<host>\[[^\]]*\]|[^:/]+)(?::(?P<port>\d+))?(?P<path>/.*)?\Z")
#: Limit of the pairs of service and method that have a recorder; the contract allows fewer services.
_MOST_PROBES = 1_000
_PORTS = {"http": 80, "https": 443}
_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
#: True while a call is recorded: a client may call itself to follow a redirect.
_calling: ContextVar[bool] = ContextVar("signalscope_http_call", default=False)


class Service(NamedTuple):
    """An external service.

    Attributes:
        name: The `service_name`.
        criticality: critical, mandatory or high.
    """

    name: str
    criticality: str


class _Address(NamedTuple):
    host: str
    port: int | None
    path: str
    service: Service


_probes: dict[tuple[Service, str], Dependency] = {}


def service_at(url: str) -> Service | None:
    """Return the service of a URL; None if the host is not a known service."""
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").lower(), parts.port or _PORTS.get(parts.scheme)
    except ValueError:  # not a URL
        return None
    for address in _addresses():
        if (
            (address.host == host or fnmatch.fnmatchcase(host, address.host))
            and address.port in (None, port)
            and parts.path.startswith(address.path)
        ):
            return address.service
    label = re.sub(r"\W", "_", host.partition(".")[0])
    return Service(label, "high") if label.endswith("_service") else None


@functools.cache
def _addresses() -> list[_Address]:
    addresses = []
    for left, right in pairs(_VARIABLE, _EXAMPLE):
        name = _NAME.match(left)
        criticality = (name["criticality"] or "high").strip() if name else ""
        if name is None or criticality not in CRITICALITIES:
            _logger.error(
                "%s: %r is ignored; write for example %s, with one of %s in brackets [SS401]",
                _VARIABLE, left, _EXAMPLE, ", ".join(CRITICALITIES),
            )  # fmt: skip
            continue
        for text in filter(None, map(str.strip, right.split(","))):
            parts = _ADDRESS.match(text.partition("://")[2] or text)
            if parts is None:
                message = "%s: the address %r is ignored; write for example %s [SS401]"
                _logger.error(message, _VARIABLE, text, _EXAMPLE)
                continue
            port = int(parts["port"]) if parts["port"] else None
            host, service = parts["host"].strip("[]").lower(), Service(name["name"], criticality)
            addresses.append(_Address(host, port, parts["path"] or "", service))
    return addresses


@contextmanager
def recorded_call(url: str, method: str) -> Iterator[list[Any]]:
    """Record a call to a service: the block makes the call, and appends the response to the list.

    A call is not recorded if its service is not known, or if instrumentation is suppressed or off. A call inside
    another call or inside of `@instrument_dependency` is not recorded either. The recording raises no exception.

    Args:
        url: The URL.
        method: The HTTP method.
    """
    responses: list[Any] = []
    probe = _probe_of(url, method)
    if probe is None:
        yield responses
        return
    failure: BaseException | None = None
    token = _calling.set(True)
    begun = perf_counter()
    try:
        yield responses
    except BaseException as error:
        failure = error
        raise
    finally:
        elapsed = perf_counter() - begun
        try:
            _calling.reset(token)
            conclude(probe, None, (), {}, elapsed, responses[0] if responses else None, failure)
        except Exception:  # must not reach the caller
            internal_error("instrumentation.services")


def _probe_of(url: str, method: str) -> Dependency | None:
    """Return the recorder of a call; None if the call is not recorded."""
    try:
        if not (live.on or live.is_enabled()) or _calling.get() or inside("dependency"):
            return None
        # `suppress_http_instrumentation` is ignored: the official instrumentor of requests uses it around every call.
        service = None if is_instrumentation_suppressed() else service_at(url)
        operation = method.upper() if isinstance(method, str) else OTHER
        return None if service is None else _probe(service, operation if operation in _METHODS else OTHER)
    except Exception:  # must not reach the caller
        internal_error("instrumentation.services")
        return None


def _probe(service: Service, operation: str) -> Dependency:
    if len(_probes) >= _MOST_PROBES and (service, operation) not in _probes:  # hosts may come from anywhere
        service = service._replace(name=OTHER)
    probe = _probes.get((service, operation))
    if probe is None:
        options = {"service_name": service.name, "operation": operation}
        probe = Dependency(service_at, options, service.criticality, "never")
        probe = _probes.setdefault((service, operation), probe)
    return probe
