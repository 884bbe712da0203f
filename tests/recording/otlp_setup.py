"""A provider that exports by OTLP to the endpoint of the environment, set up by signalscope or by the program."""

from __future__ import annotations

import os
import uuid

from opentelemetry import metrics
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource

from signalscope import recording


def set_up(interval_millis: float = 2_000) -> MeterProvider:
    """Configure this process, and those forked from it.

    With TESTS_PROVIDER=foreign only OpenTelemetry is set up, and signalscope has to find its provider.

    Args:
        interval_millis: The export interval in milliseconds, and the longest time for the SDK's last export.
    """
    exporter = OTLPMetricExporter(
        endpoint=f"{os.environ['OTEL_EXPORTER_OTLP_ENDPOINT']}/v1/metrics", timeout=3
    )
    reader = PeriodicExportingMetricReader(exporter, export_interval_millis=interval_millis)
    resource = Resource.create({"service.instance.id": str(uuid.uuid4())})
    provider = MeterProvider([reader], resource)
    metrics.set_meter_provider(provider)
    if os.environ.get("TESTS_PROVIDER") != "foreign":
        recording.initialise(provider, [reader])
    return provider
