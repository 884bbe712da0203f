"""The environment variables that set up OpenTelemetry: defaults, temporary values, and error messages."""

from __future__ import annotations

import logging
import os
import re
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import entry_points
from urllib.parse import urlsplit

from signalscope._version import __version__
from signalscope.contract._model import ContractError

_logger = logging.getLogger("signalscope")
ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
SEMCONV = "OTEL_SEMCONV_STABILITY_OPT_IN"
_SIGNALS = ("TRACES", "METRICS", "LOGS")
_INSTANCE = "service.instance.id"
_PROTOCOL = "OTEL_EXPORTER_OTLP_PROTOCOL"
_NOT_FOUND = re.compile(r"component '(.*)' not found in entry point '(opentelemetry_(.*))'")
#: The variable for each entry point group that is chosen with a variable.
_VARIABLES = {
    "metrics_exporter": "OTEL_METRICS_EXPORTER",
    "traces_exporter": "OTEL_TRACES_EXPORTER",
    "logs_exporter": "OTEL_LOGS_EXPORTER",
    "id_generator": "OTEL_PYTHON_ID_GENERATOR",
}


def is_disabled() -> bool:
    """Return True if OTEL_SDK_DISABLED is ``true``."""
    return os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"


def identity(attributes: str = "") -> dict[str, str]:
    """Return the attributes of every resource: the distribution and an instance id.

    Args:
        attributes: The value of OTEL_RESOURCE_ATTRIBUTES. If it has an instance id, the result has none.
    """
    attributes_by_name = {"telemetry.distro.name": "signalscope", "telemetry.distro.version": __version__}
    if f"{_INSTANCE}=" not in attributes:
        attributes_by_name[_INSTANCE] = str(uuid.uuid4())
    return attributes_by_name


def defaults(environment: Mapping[str, str]) -> dict[str, str]:
    """Return default values for the variables that are not set.

    OTLP is used for the signals that have an endpoint. Without an endpoint every export would fail.
    """
    chosen: dict[str, str] = {SEMCONV: "http"}
    for signal in _SIGNALS:
        has_endpoint = environment.get(ENDPOINT) or environment.get(f"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT")
        chosen[f"OTEL_{signal}_EXPORTER"] = "otlp" if has_endpoint and signal != "LOGS" else "none"
    chosen[_PROTOCOL] = _protocol(environment.get(ENDPOINT, ""))
    return {name: value for name, value in chosen.items() if not environment.get(name)}


def _protocol(endpoint: str) -> str:
    """Return HTTP, the default of the specification; for port 4317 gRPC, if its exporter is installed."""
    if port_of(endpoint) != 4317:
        return "http/protobuf"
    if any(entry_points(group="opentelemetry_metrics_exporter", name="otlp_proto_grpc")):
        return "grpc"
    _logger.warning(
        "%s=%s has the usual port of gRPC, which needs: pip install 'signalscope[grpc]'. Using OTLP over HTTP, whose "
        "usual port is 4318 [SS327]",
        ENDPOINT,
        endpoint,
    )
    return "http/protobuf"


@contextmanager
def variables(values: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables while the block runs, and restore them."""
    before = {name: os.environ.get(name) for name in values}
    exporter = os.environ.get("OTEL_METRICS_EXPORTER")
    os.environ.update(values)
    try:
        yield
    finally:
        before.setdefault("OTEL_METRICS_EXPORTER", exporter)
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def named_configuration_errors() -> Iterator[None]:
    """Convert errors of the SDK about its settings to a `ContractError` that names the variable where possible."""
    try:
        yield
    except ContractError:
        raise
    except (RuntimeError, ValueError, TypeError, ImportError) as error:
        raise ContractError(_message(error)) from error


def _message(error: Exception) -> str:
    missing = _NOT_FOUND.search(str(error))
    if missing is None:
        return (
            "the SDK rejects its settings, in OTEL_* variables or arguments: "
            f"{' '.join(str(error).split())} [SS323]"
        )
    name, group, short = missing.groups()
    names = (entry_point.name for entry_point in entry_points(group=group))
    # Users write `otlp` for the exporters of both protocols.
    known = sorted(
        {re.sub("^otlp_proto_.*", "otlp", entry) for entry in names if not entry.startswith("signalscope")}
    )
    if short.endswith("_exporter"):
        known.append("none")
    hint = "; for gRPC: pip install 'signalscope[grpc]'" if "grpc" in name else ""
    return f"{_VARIABLES.get(short, group)}: {name!r} is not installed; installed: {', '.join(known)}{hint} [SS322]"


def check_endpoints(environment: Mapping[str, str]) -> None:
    """Check that the endpoints of OTLP over HTTP are URLs. Otherwise the exporter would fail at each export.

    Raises:
        ContractError: An endpoint is not a URL.
    """
    for signal in _SIGNALS:
        exporters = environment.get(f"OTEL_{signal}_EXPORTER", "").replace(" ", "").split(",")
        protocol = environment.get(f"OTEL_EXPORTER_OTLP_{signal}_PROTOCOL") or environment.get(_PROTOCOL, "")
        if "otlp" not in exporters or protocol == "grpc":  # gRPC accepts host:port too
            continue
        own = f"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT"
        name = own if environment.get(own) else ENDPOINT
        value = environment.get(name, "")
        if value and (not re.match(r"https?://[^/]", value) or port_of(value) is None):
            raise ContractError(f"{name}={value!r} is not a URL; write it like http://127.0.0.1:4318 [SS321]")


def port_of(url: str) -> int | None:
    """Return the port of a URL; 0 for a URL without a port, None for a wrong port."""
    try:
        return urlsplit(url).port or 0
    except ValueError:
        return None
