"""The hot path: append a value to a list, and fold the list into sums.

A `Buffer` is the aggregation buffer of one series, or of one group of series. Recording appends to a plain list. The
interpreter does this atomically, so no thread waits here. Every `CAPACITY` values, the recording thread folds the
list into one small summary. If another thread is folding at that moment, the recording thread does not wait; the next
append tries again.

Folding has a lock, `_folding.lock`, and a generation number. Only a collection waits for the lock. A fold takes
values out of the list in three steps: compare the generation, delete, append the summary. No function is called
between these steps, so no signal handler and no other thread can run between them. If a collection has taken the
values meanwhile, the generation is another one, and the fold changes nothing.
"""

from __future__ import annotations

import math
import threading
import time
from bisect import bisect_left
from collections.abc import Callable, Sequence

from opentelemetry.context import get_current
from opentelemetry.trace import SpanContext

from signalscope.recording._exemplars import Exemplar, Filter, sampled_span, span_of
from signalscope.recording._numbers import plain
from signalscope.recording._process_state import ProcessState
from signalscope.recording._summary import NOTHING, Rejected, Summary, merge, summarise

#: The number of values at which the recording thread folds them; about 8 KiB.
CAPACITY = 256
#: The number of summaries at which they are merged into one.
_SUMMARIES = 64
#: How long a collection waits for a fold in progress, in seconds. A fold takes microseconds. One that takes longer
#: was interrupted, by a signal handler that waits for this collection or by an exception injected between two
#: bytecodes.
_PATIENCE_SECONDS = 0.5

_INFINITY = math.inf


class _Folding(ProcessState):
    """The lock for folding; a collection that has waited too long replaces it."""


_folding = _Folding()


class Buffer:
    """The measurements of one series or of one group of series, until a collection takes them.

    Args:
        boundaries: Bucket boundaries of a histogram; empty for a counter.
        signed: Whether negative values are allowed (up-down counters).
        exemplars: Which measurements become exemplars.
        rejected: Counts values that cannot be used.

    Attributes:
        record: Records one value, with the current span for the exemplar. Never raises, never waits.
        record_unsampled: The same, for callers that have found no sampled current span.
        keeps_exemplars: True if measurements can become exemplars.
        values: The values since the last fold.
        summaries: The folded values.
        exemplars: The latest exemplar of each bucket.
    """

    __slots__ = (
        "_generation",
        "_rejected",
        "_signed",
        "boundaries",
        "exemplars",
        "keeps_exemplars",
        "record",
        "record_unsampled",
        "summaries",
        "values",
    )

    record: Callable[[float], None]
    record_unsampled: Callable[[float], None]

    def __init__(
        self, boundaries: Sequence[float], *, signed: bool, exemplars: Filter, rejected: Rejected
    ) -> None:
        self.boundaries = tuple(boundaries)
        self._signed = signed
        self._rejected = rejected
        self.values: list[float] = []
        self.summaries: list[Summary] = []
        self.exemplars: dict[int, Exemplar] = {}
        self._generation = 0
        self.keeps_exemplars = exemplars is not Filter.ALWAYS_OFF
        self._make_recorders(exemplars)

    def _make_recorders(self, exemplars: Filter) -> None:
        values, fold, keep_exemplar = self.values, self.fold, self.keep_exemplar
        append = values.append

        def unsampled(value: float) -> None:
            append(value)
            if len(values) >= CAPACITY:
                fold()

        def trace_based(value: float) -> None:
            append(value)
            if len(values) >= CAPACITY:
                fold()
            span = sampled_span()
            if span is not None:
                keep_exemplar(value, span)

        def always(value: float) -> None:
            append(value)
            if len(values) >= CAPACITY:
                fold()
            keep_exemplar(value, span_of(get_current()))

        if exemplars is Filter.ALWAYS_OFF:
            self.record = self.record_unsampled = unsampled
        elif exemplars is Filter.ALWAYS_ON:
            self.record = self.record_unsampled = always
        else:
            self.record, self.record_unsampled = trace_based, unsampled

    def keep_exemplar(self, value: float, span: SpanContext | None) -> None:
        """Keep one measurement as the exemplar of its bucket, in place of an earlier one."""
        try:
            number = plain(value, signed=self._signed)
        except Exception:  # not a number that could be used: folding counts it as rejected
            return
        self.exemplars[bisect_left(self.boundaries, number)] = Exemplar(
            number, time.time_ns(), span.trace_id if span else None, span.span_id if span else None
        )

    def fold(self) -> None:
        """Fold the values unless another thread is folding; never waits, never raises."""
        lock = _folding.lock
        if lock.acquire(blocking=False):
            try:
                self._fold()
            finally:
                lock.release()

    def drain(self) -> Summary | None:
        """Take everything recorded so far; None when there is nothing. Only a collection calls this."""
        values, summaries = self.values, self.summaries
        if not values and not summaries:
            return None
        lock = _folding.lock
        if not lock.acquire(False) and not lock.acquire(timeout=_PATIENCE_SECONDS):
            # The fold in progress is interrupted until this method returns. When it goes on, it sees another
            # generation and changes nothing. Its thread keeps the old lock.
            lock = _folding.lock = threading.Lock()
            lock.acquire()
        try:
            self._generation += 1  # from here on, an interrupted fold changes nothing
            size, many = len(values), len(summaries)
            if size == 1 and not many:  # most series of a large collection
                value = values.pop(0)
                if type(value) is float and 0.0 <= value < _INFINITY:
                    boundaries = self.boundaries
                    buckets = ((bisect_left(boundaries, value), 1),) if boundaries else ()
                    return 1, value, value, value, buckets
                return self._summarise([value])
            latest = self._summarise(values[:size]) if size else NOTHING
            earlier = summaries[:many] if many else None
            del values[:size]
            if many:
                del summaries[:many]
        finally:
            lock.release()
        return merge([*earlier, latest]) if earlier else latest

    def clear(self) -> None:
        """Delete all measurements, for a forked child. The lists stay: the recording functions refer to them."""
        self._generation += 1
        del self.values[:]
        del self.summaries[:]
        self.exemplars.clear()

    def _fold(self) -> None:
        """Turn the values into one summary; the caller holds the lock."""
        generation = self._generation
        values, summaries = self.values, self.summaries
        size = len(values)
        if not size:
            return  # a collection has taken the values
        summary = self._summarise(values[:size])
        next_generation = generation + 1
        if self._generation != generation:
            return  # a collection has taken these values meanwhile
        self._generation = next_generation
        del values[:size]
        summaries.append(summary)
        if len(summaries) >= _SUMMARIES:
            many = len(summaries)
            merged = [merge(summaries[:many])]
            if self._generation == next_generation:
                summaries[:many] = merged

    def _summarise(self, values: list[float]) -> Summary:
        return summarise(values, self.boundaries, signed=self._signed, rejected=self._rejected)
