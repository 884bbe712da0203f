"""Set up OpenTelemetry, once: the common code of `signalscope.configure` and the launcher's configurator.

The SDK reads the `OTEL_*` variables itself. signalscope adds the following:

* OTLP exporters are used if there is an endpoint.
* Every process has its own instance id.
* `/metrics` can be read, also when metrics are pushed.
* The recording core is put in front of the readers.
* The last interval is exported at SIGTERM.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider

from signalscope import recording, runtime
from signalscope.contract._model import ContractError
from signalscope.exposition._group import FOLDER
from signalscope.exposition._reader import current
from signalscope.recording import _shutdown as _termination
from signalscope.recording._process import observe_process
from signalscope.recording._process_state import ProcessState
from signalscope.recording._sdk import initialize_components, readers_of
from signalscope.setup._environment import (
    ENDPOINT,
    SEMCONV,
    check_endpoints,
    defaults,
    identity,
    is_disabled,
    named_configuration_errors,
    variables,
)
from signalscope.setup._fastapi_telemetry import export_once
from signalscope.setup._helpers import in_children_of_fork_server, is_fork_server

_logger = logging.getLogger("signalscope")
_PULL = "signalscope_pull"


class _State(ProcessState):
    """The state of this process: `done` is True after it has been configured."""

    done = False


_state = _State()


def configure(
    *,
    service_name: str | None = None,
    endpoint: str | None = None,
    protocol: str | None = None,
    resource_attributes: Mapping[str, str] | None = None,
    metrics_exporter: str | None = None,
    traces_exporter: str | None = None,
    export_interval: float | None = None,
    environment: Mapping[str, str] | None = None,
    targets: str | Path | None = None,
) -> None:
    """Set up OpenTelemetry for this process, as ``opentelemetry-instrument`` does; later calls do nothing.

    Arguments override ``OTEL_*`` variables, and these override defaults. If the program has set a meter provider
    already, signalscope records into it and sets up nothing.

    Args:
        service_name: ``service.name`` of the resource, which is the ``job`` in Prometheus.
        endpoint: Base URL of the OTLP receiver, such as ``http://127.0.0.1:4318``. Without an endpoint, metrics are
            not pushed, but `/metrics` can be read.
        protocol: ``http/protobuf`` (the default) or ``grpc``.
        resource_attributes: More attributes of the resource.
        metrics_exporter: ``otlp``, ``prometheus``, ``console``, ``none``, or several, separated by commas.
        traces_exporter: ``otlp``, ``console``, ``none``.
        export_interval: The time between two exports of metrics, in seconds.
        environment: More ``OTEL_*`` variables, by name. They are used as if the environment had them.
        targets: A targets file (docs/targets.md), instead of ``SIGNALSCOPE_TARGETS``. Errors in the file are logged,
            and the correct entries are used.

    Raises:
        ContractError: An argument or a variable is not allowed. The message names the allowed values. Nothing has
            been set up, and `configure` can be called again.

    Examples:
        >>> import signalscope
        >>> signalscope.configure(service_name="signal-service", export_interval=5.0)
    """
    if protocol not in (None, "http/protobuf", "grpc"):
        raise ContractError(f"protocol={protocol!r} is not allowed; allowed: http/protobuf, grpc [SS320]")
    if export_interval is not None and not (isinstance(export_interval, int | float) and export_interval > 0):
        raise ContractError(
            f"export_interval={export_interval!r} must be a positive number of seconds [SS320]"
        )
    if is_fork_server():  # its children are configured, after each fork
        in_children_of_fork_server(
            partial(
                configure, service_name=service_name, endpoint=endpoint, protocol=protocol,
                resource_attributes=resource_attributes, metrics_exporter=metrics_exporter,
                traces_exporter=traces_exporter, export_interval=export_interval, environment=environment,
                targets=targets,
            )
        )  # fmt: skip
        return
    overrides = {
        **(environment or {}),
        "OTEL_SERVICE_NAME": service_name,
        ENDPOINT: endpoint,
        "OTEL_EXPORTER_OTLP_PROTOCOL": protocol,
        "OTEL_METRICS_EXPORTER": metrics_exporter,
        "OTEL_TRACES_EXPORTER": traces_exporter,
        "OTEL_METRIC_EXPORT_INTERVAL": None if export_interval is None else str(int(export_interval * 1e3)),
    }
    with (
        _state.lock,
        variables({key: str(value) for key, value in overrides.items() if value is not None}),
    ):
        if not _state.done:
            with variables(defaults(os.environ)), named_configuration_errors():
                _set_up(dict(resource_attributes or {}))
            _state.done = True
            _apply_targets(targets)
    os.environ.setdefault(SEMCONV, "http")  # instrumentors read the variable later


def _apply_targets(targets: str | Path | None) -> None:
    """Instrument the functions in a targets file; under the launcher, an instrumentor does this."""
    if targets is None and not os.environ.get("SIGNALSCOPE_TARGETS"):
        return
    from signalscope.instrumentation.targets import TargetsInstrumentor  # noqa: PLC0415  # only with a targets file

    instrumentor = TargetsInstrumentor()
    if not instrumentor.active:
        instrumentor.instrument(targets=targets)


def configure_for_launcher(auto_instrumentation_version: str | None = None, **options: Any) -> None:
    """Set up OpenTelemetry for the launcher; with an error in the environment, the service runs without telemetry."""
    with _state.lock, variables(defaults(os.environ)):
        if not _state.done:
            _state.done = True
            try:
                with named_configuration_errors():
                    _set_up({}, auto_instrumentation_version=auto_instrumentation_version, **options)
            except ContractError as error:
                _logger.error("signalscope: no telemetry: %s [SS324]", error)  # noqa: TRY400  # the message is enough


def shutdown(timeout: float = 5.0) -> None:
    """Export the remaining metrics and spans, and stop the providers that `configure` has created.

    Args:
        timeout: The longest time to wait, in seconds.

    Examples:
        >>> import signalscope
        >>> signalscope.configure(service_name="signal-service")
        >>> signalscope.shutdown(timeout=1.0)
    """
    started = time.monotonic()
    _termination.flush(timeout)
    _termination.stop(max(0.0, timeout - (time.monotonic() - started)))


def _set_up(resource_attributes: dict[str, str], **options: Any) -> None:
    if is_disabled():
        return
    if isinstance(metrics.get_meter_provider(), MeterProvider):  # another part of the program has set it
        _logger.info("signalscope: the program has set up OpenTelemetry already; recording into its provider")
        recording.initialise()
        runtime.start()
        _termination.flush_at_sigterm()
        return
    check_endpoints(os.environ)
    export_once()
    serves = _take_prometheus()
    initialize_components(
        metric_exporter_names=[_PULL],
        resource_attributes={
            **identity(os.environ.get("OTEL_RESOURCE_ATTRIBUTES", "")),
            **resource_attributes,
        },
        **options,
    )
    begin()
    reader = current()
    if reader is not None and (serves is not None or os.environ.get(FOLDER)):
        service = Resource.create(resource_attributes).attributes.get(SERVICE_NAME, "")
        reader.join(str(service), serves)
        _termination.also_flush(reader.force_flush)


def begin() -> None:
    """Record into the new provider, and export its last interval when the process ends."""
    provider = metrics.get_meter_provider()
    if not isinstance(provider, MeterProvider):
        recording.initialise()
        return
    recording.initialise(provider, readers_of(provider))
    tracers = trace.get_tracer_provider()
    if isinstance(tracers, TracerProvider):
        from signalscope.recording._given_up import count_given_up  # noqa: PLC0415  # only with spans
        from signalscope.setup._span_processor import Enricher  # noqa: PLC0415  # only with spans

        count_given_up(tracers)
        tracers.add_span_processor(Enricher())
    observe_process()
    runtime.start()
    _termination.flush_at_sigterm()
    _termination.stop_at_exit()


def _take_prometheus() -> tuple[str, int] | None:
    """Remove ``prometheus`` from the exporters, and return the host and the port of its server.

    signalscope's pull reader replaces OpenTelemetry's exporter. That one would be a second reader without exemplars,
    and fails if the port is in use.

    Returns:
        Host and port; None if the exporter is not chosen, or the port is wrong.
    """
    names = [name.strip() for name in os.environ.get("OTEL_METRICS_EXPORTER", "").split(",")]
    if "prometheus" not in names:
        return None
    os.environ["OTEL_METRICS_EXPORTER"] = ",".join(n for n in names if n != "prometheus") or "none"
    host = os.environ.get("OTEL_EXPORTER_PROMETHEUS_HOST") or "localhost"
    port = os.environ.get("OTEL_EXPORTER_PROMETHEUS_PORT") or "9464"
    if port.isdigit():
        return host, int(port)
    _logger.error(
        "OTEL_EXPORTER_PROMETHEUS_PORT must be a port number, not %r; metrics are not served [SS325]", port
    )
    return None
