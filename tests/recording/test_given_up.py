"""Spans that the SDK gives up are counted: every span was exported, is counted, or still waits."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import (
    BatchSpanProcessor,
    SimpleSpanProcessor,
    SpanExporter,
    SpanExportResult,
)
from tests.recording.receiver import Receiver, receiving
from tests.waiting import DEADLINE, eventually

from signalscope.recording._given_up import count_given_up
from signalscope.testing import Captured, capture

_ROOT = Path(__file__).parents[2]
_NAME = "signalscope_spans_given_up_total"


class _Exporter(SpanExporter):
    """Waits until it may go on, and then fails, raises, or counts the spans."""

    def __init__(self) -> None:
        self.exported = 0
        self.may_go_on = threading.Event()
        self.may_go_on.set()
        self.answers: Iterator[str] = itertools.repeat("success")

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.may_go_on.wait(DEADLINE)
        answer = next(self.answers)
        if answer == "raise":
            raise OSError(answer)
        if answer == "fail":
            return SpanExportResult.FAILURE
        self.exported += len(spans)
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        self.may_go_on.set()


@pytest.fixture
def captured() -> Iterator[Captured]:
    """The metrics of a test."""
    with capture() as captured:
        yield captured


def _provider(exporter: _Exporter, **options: float) -> TracerProvider:
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(exporter, **options))  # type: ignore[arg-type]  # numbers
    count_given_up(provider)
    return provider


def _end(provider: TracerProvider, number: int) -> None:
    tracer = provider.get_tracer("test")
    for _ in range(number):
        tracer.start_span("span").end()


def _given_up(captured: Captured) -> dict[str, float]:
    return {point.labels["reason"]: point.value for point in captured.points(_NAME) if point.value}


def test_nothing_is_counted_while_exports_succeed(captured: Captured) -> None:
    """No span is counted twice."""
    exporter = _Exporter()
    provider = _provider(exporter)
    _end(provider, 1000)
    provider.shutdown()
    assert exporter.exported == 1000
    assert _given_up(captured) == {}


@pytest.mark.parametrize("answer", ["fail", "raise"])
def test_a_failed_export_is_counted(captured: Captured, answer: str) -> None:
    """Each span of a batch that the exporter gave up, whether it says so or raises."""
    exporter = _Exporter()
    exporter.answers = iter([answer, "success", "success"])
    provider = _provider(exporter, max_export_batch_size=10, schedule_delay_millis=60_000.0)
    _end(provider, 30)
    provider.force_flush()
    assert _given_up(captured) == {"export_failed": 10}
    assert exporter.exported == 20
    provider.shutdown()


def test_a_span_that_is_exported_alone_is_counted(captured: Captured) -> None:
    """The processor without a queue counts too."""
    exporter = _Exporter()
    exporter.answers = iter(["success", "fail", "success"])
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    count_given_up(provider)
    _end(provider, 3)
    assert _given_up(captured) == {"export_failed": 1}


def test_a_full_queue_is_counted_exactly_by_many_threads(captured: Captured) -> None:
    """Threads end spans while the exporter takes them: every span is exported or counted."""
    exporter = _Exporter()
    provider = _provider(exporter, max_queue_size=50, max_export_batch_size=20, schedule_delay_millis=1.0)
    threads = [threading.Thread(target=_end, args=(provider, 2_000)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    provider.force_flush()
    full = _given_up(captured).get("queue_full", 0)
    assert exporter.exported + full == 8_000
    provider.shutdown()


def test_spans_after_the_shutdown_are_counted(captured: Captured) -> None:
    """A span that ends when its processor has been shut down."""
    provider = _provider(_Exporter())
    provider.shutdown()
    _end(provider, 3)
    assert _given_up(captured) == {"shutdown": 3}


def test_a_shutdown_that_takes_too_long_is_counted(captured: Captured) -> None:
    """The batch that was being exported fails, and the queue is left: both are counted as shutdown."""
    exporter = _Exporter()
    exporter.may_go_on.clear()
    exporter.answers = itertools.repeat("fail")
    provider = _provider(exporter, max_export_batch_size=10, schedule_delay_millis=1.0)
    _end(provider, 35)
    (processor,) = provider._active_span_processor._span_processors
    batch = processor._batch_processor  # type: ignore[attr-defined]  # of this processor
    eventually(lambda: len(batch._queue) == 25, DEADLINE, "the first batch is being exported")
    stop, batch.shutdown = batch.shutdown, lambda: stop(timeout_millis=10)
    provider.shutdown()
    eventually(lambda: _given_up(captured) == {"shutdown": 35}, DEADLINE, "all are counted")


_SCRIPT = """
import os, signal, sys, time
import signalscope
from opentelemetry import trace
signalscope.configure(service_name="test", export_interval=60)
tracer = trace.get_tracer("test")
for _ in range(700):
    tracer.start_span("span").end()
{end}
"""
_ENDS = {
    "return": "",
    "SIGTERM": "os.kill(os.getpid(), signal.SIGTERM); signal.pause()",
}


def _run(receiver: Receiver, folder: Path, end: str) -> None:
    script = folder / "script.py"
    script.write_text(_SCRIPT.format(end=_ENDS[end]), encoding="utf-8")
    environment = {
        **os.environ,
        "PYTHONPATH": f"{_ROOT}{os.pathsep}{_ROOT / 'src'}",
        "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint,
    }
    done = subprocess.run([sys.executable, script], env=environment, timeout=DEADLINE, check=False)
    assert done.returncode == (-signal.SIGTERM if end == "SIGTERM" else 0)


@pytest.mark.parametrize("end", _ENDS)
def test_the_last_export_has_the_number(end: str, tmp_path: Path) -> None:
    """Traces are refused until the process ends, and metrics are accepted: they have the number of spans lost."""
    with receiving() as receiver:
        receiver.refused = "/traces"
        _run(receiver, tmp_path, end)
    assert sum(receiver.counts("signalscope.spans.given_up").values()) == 700


@pytest.mark.parametrize("end", _ENDS)
def test_nothing_is_lost_at_the_end_of_a_process(end: str, tmp_path: Path) -> None:
    """Spans that wait in the queue are exported, and the counter is there, at zero."""
    with receiving() as receiver:
        _run(receiver, tmp_path, end)
    assert len(receiver.spans()) == 700
    assert list(receiver.counts("signalscope.spans.given_up").values()) == [0]
