"""The environment variables that set up OpenTelemetry: what they are by default, and while the SDK reads them."""

from __future__ import annotations

import logging
import os
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import entry_points

from signalscope._version import __version__
from signalscope.setup._environment_errors import port_of

_logger = logging.getLogger("signalscope")
ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
SEMCONV = "OTEL_SEMCONV_STABILITY_OPT_IN"
_SIGNALS = ("TRACES", "METRICS", "LOGS")
_INSTANCE = "service.instance.id"


def is_disabled() -> bool:
    """Return True if the user has switched OpenTelemetry off."""
    return os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"


def identity(attributes: str = "") -> dict[str, str]:
    """Attributes of every resource: the distribution and an instance id.

    Args:
        attributes: OTEL_RESOURCE_ATTRIBUTES, where it is used; an instance id in it is kept.
    """
    found = {"telemetry.distro.name": "signalscope", "telemetry.distro.version": __version__}
    if f"{_INSTANCE}=" not in attributes:
        found[_INSTANCE] = str(uuid.uuid4())
    return found


def defaults(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables that are not set, and what they are then.

    OTLP is used for the signals that have an endpoint; without one every export of a service would fail.
    """
    found: dict[str, str] = {SEMCONV: "http"}
    for signal in _SIGNALS:
        has_endpoint = environment.get(ENDPOINT) or environment.get(f"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT")
        wanted = "otlp" if has_endpoint and signal != "LOGS" else "none"
        found[f"OTEL_{signal}_EXPORTER"] = wanted
    found["OTEL_EXPORTER_OTLP_PROTOCOL"] = _protocol(environment.get(ENDPOINT, ""))
    return {name: value for name, value in found.items() if not environment.get(name)}


def _protocol(endpoint: str) -> str:
    """HTTP, as the specification says; gRPC for its own port, where its exporter is installed."""
    if port_of(endpoint) != 4317:
        return "http/protobuf"
    if any(entry_points(group="opentelemetry_metrics_exporter", name="otlp_proto_grpc")):
        return "grpc"
    _logger.warning(
        "%s=%s looks like gRPC, which needs: pip install 'signalscope[grpc]'; trying OTLP over HTTP, whose usual "
        "port is 4318",
        ENDPOINT,
        endpoint,
    )
    return "http/protobuf"


@contextmanager
def variables(values: Mapping[str, str]) -> Iterator[None]:
    """Set variables while the SDK reads them."""
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
