"""Configuration errors in the `OTEL_*` variables: messages that name the variable and the way out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import entry_points
from urllib.parse import urlsplit

from signalscope.contract._model import ContractError

_ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
_PROTOCOL = "OTEL_EXPORTER_OTLP_PROTOCOL"
_NOT_FOUND = re.compile(r"component '(.*)' not found in entry point '(opentelemetry_(.*))'")
#: The variables that choose what an entry point group offers.
_VARIABLES = {
    "metrics_exporter": "OTEL_METRICS_EXPORTER",
    "traces_exporter": "OTEL_TRACES_EXPORTER",
    "logs_exporter": "OTEL_LOGS_EXPORTER",
    "id_generator": "OTEL_PYTHON_ID_GENERATOR",
}


@contextmanager
def named_configuration_errors() -> Iterator[None]:
    """Raise what the SDK raises while it reads the environment as a `ContractError` that names the variable."""
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
            f"the SDK refuses its settings, in OTEL_* variables or arguments: {' '.join(str(error).split())}"
        )
    name, group, short = missing.groups()
    names = (each.name for each in entry_points(group=group))
    # `otlp` is what people write for the exporter of either protocol.
    known = sorted(
        {re.sub("^otlp_proto_.*", "otlp", each) for each in names if not each.startswith("signalscope")}
    )
    if short.endswith("_exporter"):
        known.append("none")
    hint = "; for gRPC: pip install 'signalscope[grpc]'" if "grpc" in name else ""
    return f"{_VARIABLES.get(short, group)}: there is no {name!r}; installed: {', '.join(known)}{hint}"


def check_endpoints(environment: Mapping[str, str]) -> None:
    """Check that endpoints of OTLP over HTTP are URLs; the exporter would fail at each export instead.

    Raises:
        ContractError: An endpoint is not a URL.
    """
    for signal in ("TRACES", "METRICS", "LOGS"):
        exporters = environment.get(f"OTEL_{signal}_EXPORTER", "").replace(" ", "").split(",")
        protocol = environment.get(f"OTEL_EXPORTER_OTLP_{signal}_PROTOCOL") or environment.get(_PROTOCOL, "")
        if "otlp" not in exporters or protocol == "grpc":  # gRPC takes host:port too
            continue
        own = f"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT"
        name = own if environment.get(own) else _ENDPOINT
        value = environment.get(name, "")
        if value and (not re.match(r"https?://[^/]", value) or port_of(value) is None):
            raise ContractError(f"{name}={value!r} is no URL; write it like http://127.0.0.1:4318")


def port_of(url: str) -> int | None:
    """The port of a URL, 0 when it names none; None when what it names is no port."""
    try:
        return urlsplit(url).port or 0
    except ValueError:
        return None
