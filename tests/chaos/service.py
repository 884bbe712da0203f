"""A service with exact counts: ``python -m tests.chaos.service LEDGER CLOCK CALLS_PER_SECOND BYTES``.

Each call adds one to a counter and a histogram, and makes a trace of three spans. Every second trace has an error.
The ledger is a file of JSON lines: each export with its span ids. The last line has the number of calls and the spans
with errors. SIGUSR1 ends the calls, and SIGTERM the process. The number in the file CLOCK is added to the clock.
"""

from __future__ import annotations

import itertools
import json
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

#: Spans of a call.
SPANS = 3


def _shift_clock(path: Path) -> None:
    """Add the number in a file to the clock, before OpenTelemetry takes its functions."""
    real, real_ns = time.time, time.time_ns
    offset = [float(path.read_text(encoding="utf-8"))]

    def follow() -> None:
        while True:
            time.sleep(0.2)  # sleep: the file has no event
            offset[0] = float(path.read_text(encoding="utf-8") or offset[0])

    threading.Thread(target=follow, daemon=True).start()
    time.time = lambda: real() + offset[0]
    time.time_ns = lambda: real_ns() + int(offset[0] * 1e9)


class Ledger:
    """Writes what happened, one JSON object a line."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", encoding="utf-8", buffering=1)
        self._lock = threading.Lock()

    def write(self, **entry: object) -> None:
        """Write an entry with its moment on the monotonic clock, which all processes share."""
        with self._lock:
            self._file.write(json.dumps({"at": time.monotonic(), **entry}) + "\n")

    def exporting(self, export: Callable[[Sequence[Any]], Any]) -> Callable[[Sequence[Any]], Any]:
        """Return an export function that also writes its spans and its success."""

        def written(spans: Sequence[Any]) -> Any:
            result = export(spans)
            self.write(ok=result.name == "SUCCESS", spans=[f"{span.context.span_id:016x}" for span in spans])
            return result

        return written


def main(ledger: Ledger, rate: float, padding: str) -> None:
    """Make calls until SIGUSR1 arrives."""
    # Imported after the clock has been replaced.
    from opentelemetry import metrics, trace  # noqa: PLC0415
    from opentelemetry.trace import StatusCode  # noqa: PLC0415

    import signalscope  # noqa: PLC0415
    from signalscope.recording import get_instrument  # noqa: PLC0415
    from signalscope.recording._sdk import processors_of  # noqa: PLC0415

    signalscope.configure(service_name="chaos", export_interval=1)
    provider: Any = trace.get_tracer_provider()
    processor = processors_of(provider)[0]
    processor.span_exporter.export = ledger.exporting(processor.span_exporter.export)
    tracer = trace.get_tracer("chaos")
    counter = get_instrument("signal_service.feature_usage").series("chaos", "free")
    seconds = get_instrument("signal_service.background_task").series("chaos", "low", "success")
    stopped = threading.Event()
    signal.signal(signal.SIGUSR1, lambda *_: stopped.set())
    due = time.monotonic()
    errors: list[str] = []
    calls = 0
    for calls in itertools.count(1):
        counter.record(1)
        seconds.record(0.01)
        with tracer.start_as_current_span("call") as root:
            members = [root, *(tracer.start_span(f"step {step}") for step in range(1, SPANS))]
            for span in members:
                span.set_attribute("padding", padding)
                if calls % 2:
                    span.set_status(StatusCode.ERROR)
                    errors.append(f"{span.get_span_context().span_id:016x}")
            for span in members[1:]:
                span.end()
        due += 1 / rate
        if stopped.wait(max(0.0, due - time.monotonic())):
            break
    provider.force_flush()
    provider_of_metrics: Any = metrics.get_meter_provider()
    provider_of_metrics.force_flush()
    ledger.write(calls=calls, errors=errors)
    while True:
        signal.pause()


if __name__ == "__main__":
    _shift_clock(Path(sys.argv[2]))
    main(Ledger(Path(sys.argv[1])), float(sys.argv[3]), "x" * int(sys.argv[4]))
