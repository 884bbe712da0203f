"""``python -m benchmarks.scrape``: a scrape of 10,000 series with exemplars, compared with OpenTelemetry's own."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable

from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from prometheus_client import REGISTRY, generate_latest

from signalscope import contract, recording
from signalscope.exposition._reader import PullReader
from signalscope.exposition._text import OPENMETRICS

__all__ = ["measure"]

_NAME = "signal_service.api.request.duration"
SERIES, ROUNDS = 10_000, 15


def measure() -> dict[str, float]:
    """Return milliseconds of CPU time: medians of fifteen rounds, each with a new value in every histogram.

    Wall-clock time would include the waits on a shared machine.
    """
    buckets = contract.get(_NAME).buckets or ()
    number = SERIES // (len(buckets) + 3)
    labels = [
        (f"/e{index % 190}", "GET", str(200 + index // 190), "basic", "work") for index in range(number)
    ]
    return {"ours, with exemplars": _ours(labels), "OpenTelemetry's, without": _stock(labels)}


def _ours(labels: list[tuple[str, ...]]) -> float:
    reader = PullReader()
    provider = MeterProvider([reader], Resource({"service.name": "bench"}), shutdown_on_exit=False)
    tracer = TracerProvider(shutdown_on_exit=False).get_tracer("bench")
    with recording.redirected(provider, [reader], tracer):
        series = [recording.get_instrument(_NAME).series(*values) for values in labels]

        def record() -> None:
            with tracer.start_as_current_span("work"):
                for one_series in series:
                    one_series.record(0.003)

        page = reader.page(OPENMETRICS)
        record()
        page = reader.page(OPENMETRICS)
        assert page.count(b"\n") >= SERIES * 0.99
        assert page.count(b"# {") == len(labels)
        milliseconds = _median(record, lambda: reader.page(OPENMETRICS))
    reader.shutdown()
    return milliseconds


def _stock(labels: list[tuple[str, ...]]) -> float:
    reader = PrometheusMetricReader()
    provider = MeterProvider([reader], Resource({"service.name": "bench"}), shutdown_on_exit=False)
    instrument = contract.get(_NAME)
    histogram = provider.get_meter("bench").create_histogram(
        _NAME, unit="s", explicit_bucket_boundaries_advisory=instrument.buckets
    )
    attributes = [dict(zip(instrument.attribute_names, values, strict=True)) for values in labels]

    def record() -> None:
        for label_set in attributes:
            histogram.record(0.003, label_set)

    return _median(record, lambda: generate_latest(REGISTRY))


def _median(before: Callable[[], None], scrape: Callable[[], bytes]) -> float:
    times = []
    for _ in range(ROUNDS):
        before()
        gc.collect()
        begun = time.thread_time()
        scrape()
        times.append(time.thread_time() - begun)
    return statistics.median(times) * 1e3


if __name__ == "__main__":
    for name, milliseconds in measure().items():
        print(f"a scrape of {SERIES:,} series, {name}: {milliseconds:.1f} ms of CPU time")
