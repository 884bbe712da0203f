"""The hot path: one append to a list, and its folding into sums.

A `Feed` is the buffer behind one call site or one series. Recording appends to a plain list, which the
interpreter does atomically, so no thread ever waits here. Every `CAPACITY` values the recording thread folds
the buffer into one small summary, unless another thread is folding at that moment, in which case it simply
goes on and the next append tries again.

Folding has a lock, `_folding.lock`, that nobody waits for except a collection, and a generation number.
The three steps that take values out of the buffer (compare the generation, delete, append the summary) are
adjacent and contain no call before the last one, so neither a signal handler nor another thread runs between
them; a fold that was overtaken finds another generation and leaves everything as it is.
"""

from __future__ import annotations

import math
import threading
import time
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence

from opentelemetry.context import get_current
from opentelemetry.trace import SpanContext

from signalscope.recording._exemplars import Filter, Sample, sampled_span, span_of
from signalscope.recording._numbers import is_plain, plain
from signalscope.recording._process_state import ProcessState

__all__ = ["CAPACITY", "NOTHING", "Feed", "Rejected", "Summary", "merge"]

#: Values a buffer holds before the recording thread folds it; about 8 KiB.
CAPACITY = 256
#: Summaries a feed holds before they are merged into one.
_SUMMARIES = 64
#: How long a collection waits for a fold in progress, which takes microseconds. A longer one was interrupted
#: (a signal handler that waits for this very collection, an exception injected between two bytecodes).
_PATIENCE_SECONDS = 0.5


#: What a number of measurements add up to: their count, sum, least and greatest, and pairs of a bucket's
#: index and its count, empty buckets left out. A plain tuple: a collection makes one for every series.
Summary = tuple[int, float, float, float, Sequence[tuple[int, int]]]

_INFINITY = math.inf
#: No measurement at all.
NOTHING: Summary = (0, 0, math.inf, -math.inf, ())


class _Folding(ProcessState):
    """The one lock of folding; a collection that has waited too long replaces it."""


_folding = _Folding()


class Rejected:
    """Counts values that no instrument may take: not finite, negative where that is wrong, not a number."""

    def __init__(self) -> None:
        self.count = 0


class Feed:
    """A buffer of measurements, in front of the series it feeds.

    Args:
        bounds: Upper bucket bounds of a histogram; empty for a counter.
        signed: Whether negative values are meant (up-down counters).
        exemplars: Which measurements are offered as exemplars.
        rejected: Told of values that cannot be used.

    Attributes:
        record: Record one value, with the current span as a candidate for the exemplar. Never raises, never
            waits.
        record_unsampled: The same for callers who know that no sampled span is current.
        takes_samples: Whether `sample` is wanted at all.
    """

    __slots__ = (
        "bounds",
        "buffer",
        "generation",
        "record",
        "record_unsampled",
        "rejected",
        "samples",
        "signed",
        "summaries",
        "takes_samples",
    )

    record: Callable[[float], None]
    record_unsampled: Callable[[float], None]

    def __init__(
        self, bounds: Sequence[float], *, signed: bool, exemplars: Filter, rejected: Rejected
    ) -> None:
        self.bounds = tuple(bounds)
        self.signed = signed
        self.rejected = rejected
        self.buffer: list[float] = []
        self.summaries: list[Summary] = []
        self.samples: dict[int, Sample] = {}
        self.generation = 0
        self.takes_samples = exemplars is not Filter.ALWAYS_OFF
        self.arm(exemplars)

    def arm(self, exemplars: Filter) -> None:
        """Make the recording functions for an exemplar filter."""
        buffer, fold, sample = self.buffer, self.fold, self.sample
        append = buffer.append

        def plain(value: float) -> None:
            append(value)
            if len(buffer) >= CAPACITY:
                fold()

        def trace_based(value: float) -> None:
            append(value)
            if len(buffer) >= CAPACITY:
                fold()
            span = sampled_span()
            if span is not None:
                sample(value, span)

        def always(value: float) -> None:
            append(value)
            if len(buffer) >= CAPACITY:
                fold()
            sample(value, span_of(get_current()))

        if exemplars is Filter.ALWAYS_OFF:
            self.record = self.record_unsampled = plain
        elif exemplars is Filter.ALWAYS_ON:
            self.record = self.record_unsampled = always
        else:
            self.record, self.record_unsampled = trace_based, plain

    def sample(self, value: float, span: SpanContext | None) -> None:
        """Keep one measurement as the exemplar of its bucket, in place of an earlier one."""
        try:
            number = plain(value, signed=self.signed)
        except Exception:  # no number that could be used: folding counts it as rejected
            return
        self.samples[bisect_left(self.bounds, number)] = Sample(
            number, time.time_ns(), span.trace_id if span else None, span.span_id if span else None
        )

    def fold(self) -> None:
        """Fold the buffer unless somebody else is folding; never waits, never raises."""
        lock = _folding.lock
        if lock.acquire(blocking=False):
            try:
                self._fold()
            finally:
                lock.release()

    def drain(self) -> Summary | None:
        """Take everything recorded so far; None when there is nothing. Only a collection calls this."""
        buffer, summaries = self.buffer, self.summaries
        if not buffer and not summaries:
            return None
        lock = _folding.lock
        if not lock.acquire(False) and not lock.acquire(timeout=_PATIENCE_SECONDS):
            # The fold in progress is interrupted for as long as we wait for it. It will find that it was
            # overtaken by the generation; this lock is lost to whoever holds it.
            lock = _folding.lock = threading.Lock()
            lock.acquire()
        try:
            self.generation += 1  # from here on, a fold that was interrupted will change nothing
            size, many = len(buffer), len(summaries)
            if size == 1 and not many:  # most series of a large collection
                value = buffer.pop(0)
                if type(value) is float and 0.0 <= value < _INFINITY:
                    bounds = self.bounds
                    return 1, value, value, value, ((bisect_left(bounds, value), 1),) if bounds else ()
                return _summary([value], self)
            latest = _summary(buffer[:size], self) if size else NOTHING
            earlier = summaries[:many] if many else None
            del buffer[:size]
            if many:
                del summaries[:many]
        finally:
            lock.release()
        return merge([*earlier, latest]) if earlier else latest

    def clear(self) -> None:
        """Forget everything, in place: recording functions hold on to the list. For a forked child."""
        self.generation += 1
        del self.buffer[:]
        del self.summaries[:]
        self.samples.clear()

    def _fold(self) -> None:
        """Turn the buffer into one summary; the caller holds the lock."""
        generation = self.generation
        buffer, summaries = self.buffer, self.summaries
        size = len(buffer)
        if not size:
            return  # a collection was faster
        summary = _summary(buffer[:size], self)
        next_generation = generation + 1
        if self.generation != generation:
            return  # overtaken by a collection, which has taken these values
        self.generation = next_generation
        del buffer[:size]
        summaries.append(summary)
        if len(summaries) >= _SUMMARIES:
            many = len(summaries)
            merged = [merge(summaries[:many])]
            if self.generation == next_generation:
                summaries[:many] = merged


def _summary(values: list[float], feed: Feed) -> Summary:
    """Sum, extremes and bucket counts of some values, sorting them on the way; never raises."""
    try:
        summary = _added(values, feed.bounds)
        _, total, low, high, _ = summary
        if all(map(is_plain, (total, low, high))) and math.isfinite(total) and (low >= 0 or feed.signed):
            return summary
    except Exception:  # noqa: S110  # not numbers, then; whatever a foreign type does, it must not stop a fold
        pass
    values = _usable(values, feed)
    return _added(values, feed.bounds) if values else NOTHING


def _added(values: list[float], bounds: Sequence[float]) -> Summary:
    total = sum(values)
    values.sort()
    return len(values), total, values[0], values[-1], _buckets(values, bounds)


def _buckets(values: list[float], bounds: Sequence[float]) -> Sequence[tuple[int, int]]:
    """How many of the sorted values fall into each bucket; a value at a bound belongs below it."""
    if not bounds:
        return ()
    bucket, last = bisect_left(bounds, values[0]), bisect_left(bounds, values[-1])
    if bucket == last:
        return ((bucket, len(values)),)
    counts = []
    seen = 0
    while bucket < last:
        reached = bisect_right(values, bounds[bucket], seen)
        counts.append((bucket, reached - seen))
        seen = reached
        bucket = bisect_left(bounds, values[seen], bucket + 1)
    counts.append((last, len(values) - seen))
    return counts


def _usable(values: list[float], feed: Feed) -> list[float]:
    """The values the SDK would accept, as plain numbers; the others are counted."""
    usable = []
    for value in values:
        try:
            usable.append(plain(value, signed=feed.signed))
        except Exception:  # whatever a foreign type does
            feed.rejected.count += 1
    return usable


def merge(summaries: Sequence[Summary]) -> Summary:
    """The summary of all measurements of several summaries."""
    if len(summaries) == 1:
        return summaries[0]
    counts, totals, lows, highs, _ = zip(*summaries, strict=True)
    buckets: dict[int, int] = {}
    for *_, pairs in summaries:
        for bucket, count in pairs:
            buckets[bucket] = buckets.get(bucket, 0) + count
    return sum(counts), sum(totals), min(lows), max(highs), tuple(buckets.items())
