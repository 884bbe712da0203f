"""FastAPI's own telemetry (since 0.165): one server span and one measurement a request, exported once."""

from __future__ import annotations

import importlib.util
import logging
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import wrapt
from opentelemetry import _logs, metrics, trace

from signalscope.recording import internal_error

_logger = logging.getLogger("signalscope")
_RUNTIME = "fastapi.telemetry._runtime"
_PROVIDERS = {
    "TRACES": trace.get_tracer_provider,
    "METRICS": metrics.get_meter_provider,
    "LOGS": _logs.get_logger_provider,
}
#: Settings that only the official instrumentor has.
_OFFICIAL = (
    "OTEL_PYTHON_FASTAPI_EXCLUDED_URLS",
    "OTEL_PYTHON_EXCLUDED_URLS",
    "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_REQUEST",
    "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_RESPONSE",
)


def replaces_official() -> bool:
    """Return True if FastAPI makes the spans itself, and no setting needs the official instrumentor.

    With the official instrumentor, FastAPI makes no spans of dependencies and endpoints, and a mounted application is
    a second request.
    """
    try:
        spec = importlib.util.find_spec("fastapi")
        folders = (spec.submodule_search_locations if spec is not None else None) or ()
        has_own = any((Path(folder) / "telemetry").is_dir() for folder in folders)
    except Exception:  # an installation in a form that cannot be searched
        return False
    return has_own and not any(os.environ.get(name) for name in _OFFICIAL)


def export_once() -> None:
    """Keep FastAPI's automatic set-up from adding a second exporter to a provider that exports already."""
    exported = [name for name in _PROVIDERS if _is_exported(name)]

    def guard(module: ModuleType) -> None:
        try:
            wrapt.wrap_function_wrapper(
                module, "_configure_from_environment", _first_noting(module, exported)
            )
        except Exception:  # another version of FastAPI
            internal_error("setup.fastapi_telemetry")

    if exported and not is_guarded(sys.modules.get(_RUNTIME)):
        wrapt.register_post_import_hook(guard, _RUNTIME)


def is_guarded(module: Any) -> bool:
    """Return True if `export_once` has patched FastAPI's module."""
    return isinstance(getattr(module, "_configure_from_environment", None), wrapt.ObjectProxy)


def _is_exported(signal: str) -> bool:
    names = {name.strip() for name in os.environ.get(f"OTEL_{signal}_EXPORTER", "").split(",")}
    return bool(names - {"", "none"})


def _first_noting(module: Any, exported: list[str]) -> Any:
    def configure(original: Any, _: Any, args: Any, kwargs: Any) -> Any:
        try:
            config = kwargs["config"] if "config" in kwargs else args[0]
            if config["auto_configure"]:
                known = [(signal, _PROVIDERS[signal]()) for signal in exported]
                new = [entry for entry in known if entry not in module._configured]
                module._configured.extend(new)
                if new:
                    _logger.warning(
                        "signalscope: FastAPI's automatic telemetry adds no exporter for %s: signalscope exports it "
                        "already, and everything would be sent twice. Remove FASTAPI_OTEL_AUTO_CONFIGURE or "
                        "telemetry={'auto_configure': True} [SS333]",
                        ", ".join(signal.lower() for signal, _ in new),
                    )
        except Exception:  # another version of FastAPI
            internal_error("setup.fastapi_telemetry")
        return original(*args, **kwargs)

    return configure
