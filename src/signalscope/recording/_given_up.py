"""Count the spans that the SDK gives up: its queue is full, an export fails for good, or the process ends first.

The SDK only logs them; newer ones count them in metrics of their own, which are off by default. The exporters and the
queue of the tracer provider are replaced by ones that count. Where a private name of the SDK is missing, what depends
on it is not counted.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExportResult

from signalscope.recording import _shutdown, get_instrument, internal_error
from signalscope.recording._process_state import ProcessState
from signalscope.recording._sdk import processors_of, queue_of, replace_queue

__all__ = ["count_given_up"]

_NAME = "signalscope.spans.given_up"
_QUEUE_FULL, _EXPORT_FAILED, _SHUTDOWN = "queue_full", "export_failed", "shutdown"


def _count(reason: str, number: int) -> None:
    if number:
        try:
            get_instrument(_NAME).series(reason).record(number)
        except Exception:  # an error of the measurement must not reach the caller
            internal_error("spans.given_up")


class _Queue(deque[Any]):
    """The queue of the SDK's processor, which drops the oldest span if it is full.

    Args:
        spans: The spans in the queue.
        most: The largest number of spans.
        state: Its lock makes the length right at the moment of an append.
    """

    def __init__(self, spans: Iterable[Any], most: int | None, state: ProcessState) -> None:
        super().__init__(spans, most)
        self._state = state

    def appendleft(self, span: Any) -> None:
        with self._state.lock:
            is_full = len(self) == self.maxlen
            super().appendleft(span)
        if is_full:
            _count(_QUEUE_FULL, 1)

    def pop(self) -> Any:  # type: ignore[override]  # as deque.pop, which has no index
        with self._state.lock:
            return super().pop()


class _Watched(ProcessState):
    """A processor of the SDK and its exporter.

    Args:
        processor: The processor.
        exporter: Its exporter.

    Attributes:
        exporting: The number of spans that the exporter has now.
        is_ending: True from the processor's shutdown on.
    """

    def __init__(self, processor: Any, exporter: Any) -> None:
        super().__init__(reentrant=True)  # a signal handler may end a span while its thread holds the lock
        self.exporting = 0
        self.is_ending = False
        self._processor = processor
        queue = queue_of(processor)
        if queue is not None:
            replace_queue(processor, _Queue(queue, queue.maxlen, self))
        exporter.export = partial(self._export, exporter.export)
        processor.shutdown = partial(self._shut_down, processor.shutdown)

    def after_fork(self) -> None:
        """Forget the spans of the parent, which exports them."""
        self.exporting = 0

    def _export(
        self, export: Callable[[Sequence[ReadableSpan]], SpanExportResult], spans: Sequence[ReadableSpan]
    ) -> SpanExportResult:
        with self.lock:
            self.exporting += len(spans)
        result = None
        try:
            result = export(spans)
        finally:
            with self.lock:
                is_counted = not self.exporting  # at the end of the process
                self.exporting = max(0, self.exporting - len(spans))
            if result is not SpanExportResult.SUCCESS and not is_counted:
                _count(_SHUTDOWN if self.is_ending else _EXPORT_FAILED, len(spans))
        return result

    def _shut_down(self, shut_down: Callable[..., object], *args: Any, **kwargs: Any) -> object:
        self.is_ending = True
        try:
            return shut_down(*args, **kwargs)
        finally:
            self.count_left()
            self._processor.on_end = _ended_late

    def count_left(self) -> None:
        """Count the spans that have not been exported when the process ends, and remove them from the queue."""
        queue = queue_of(self._processor) or ()
        with self.lock:
            left, self.exporting = self.exporting + len(queue), 0
            if isinstance(queue, deque):
                queue.clear()
        _count(_SHUTDOWN, left)


def _ended_late(span: ReadableSpan) -> None:
    """Count a span that ends after the shutdown of its processor."""
    if span.context is not None and span.context.trace_flags.sampled:
        _count(_SHUTDOWN, 1)


def count_given_up(provider: object) -> None:
    """Count in `signalscope.spans.given_up` what the processors of a tracer provider give up from now on."""
    for processor in processors_of(provider):
        exporter: Any = getattr(processor, "span_exporter", None)
        if hasattr(exporter, "export") and not isinstance(exporter.export, partial):
            _shutdown.count_at_end(_Watched(processor, exporter).count_left)
            for reason in (_QUEUE_FULL, _EXPORT_FAILED, _SHUTDOWN):
                get_instrument(_NAME).series(reason)
