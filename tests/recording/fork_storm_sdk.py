"""Forks while the SDK's threads collect and export all the time; a script, see fork_storm.py.

Usage: python fork_storm_sdk.py FORKS [foreign]. With `foreign`, signalscope does not set up the
provider. The children export through the inherited provider. The exported counts must be the recorded ones, for the
recording interface and for an instrument of the SDK.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from typing import Any, NoReturn

from opentelemetry import metrics
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import (
    MetricExporter,
    MetricExportResult,
    MetricsData,
    PeriodicExportingMetricReader,
)

from signalscope import recording

CALLS = 300


class Slow(MetricExporter):
    """An exporter that is nearly always at work, and stores the last counts."""

    def __init__(self) -> None:
        super().__init__()
        self.counts: dict[str, int] = {}

    def export(
        self, metrics_data: MetricsData, timeout_millis: float = 10_000, **kwargs: Any
    ) -> MetricExportResult:
        """Export slowly."""
        time.sleep(0.002)  # sleep: a slow export
        for scope in metrics_data.resource_metrics[0].scope_metrics:
            for metric in scope.metrics:
                points: Any = metric.data.data_points
                self.counts[metric.name] = sum(p.count if hasattr(p, "count") else p.value for p in points)
        return MetricExportResult.SUCCESS

    def force_flush(self, timeout_millis: float = 10_000) -> bool:
        """Do nothing, since the exporter has an empty buffer."""
        return True

    def shutdown(self, timeout_millis: float = 30_000, **kwargs: Any) -> None:
        """Do nothing, since the exporter is not connected."""


def main(forks: int, whose: str) -> NoReturn:
    """Fork many times; the exit status is 0 if every child was right."""
    sys.setswitchinterval(1e-4)  # the forking thread is one of several that compete for the interpreter
    exporter = Slow()
    reader = PeriodicExportingMetricReader(exporter, export_interval_millis=1)
    provider = MeterProvider([reader], shutdown_on_exit=False)
    metrics.set_meter_provider(provider)
    if whose == "foreign":
        recording.initialise()
    else:
        recording.initialise(provider, [reader])
    series = recording.get_instrument("signal_service.background_task").series("storm", "low", "success")
    plain = provider.get_meter("storm").create_counter("plain")
    stop = threading.Event()

    def record() -> None:
        while not stop.is_set():
            series.record(0.5)
            plain.add(1)

    threads = [threading.Thread(target=record) for _ in range(2)]
    for thread in threads:
        thread.start()
    right = 0
    for _ in range(forks):
        pid = os.fork()
        if pid == 0:
            signal.alarm(20)
            for _ in range(CALLS):
                series.record(0.5)
                plain.add(1)
            exporter.counts.clear()
            provider.force_flush()
            counts = exporter.counts
            is_own = (counts["signal_service.background_task"], counts["plain"]) == (CALLS, CALLS)
            os._exit(0 if is_own else 3)
        _, status = os.waitpid(pid, 0)
        right += status == 0
    stop.set()
    for thread in threads:
        thread.join()
    print(right, flush=True)
    os._exit(0 if right == forks else 1)


if __name__ == "__main__":
    main(int(sys.argv[1]), "".join(sys.argv[2:]))
