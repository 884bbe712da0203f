"""All series of the process, and their collection into OpenTelemetry metrics.

Binding a series takes no lock: the maps are filled with `dict.setdefault`, which is atomic, so that a first
call inside a ``__del__`` during a collection cannot wait for that collection. Collections of several readers
take turns (`Store.collect`).
"""

from __future__ import annotations

import threading
import time
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

from opentelemetry.sdk.metrics.export import AggregationTemporality, Histogram, Metric, Sum

from signalscope.contract._model import Instrument, Kind
from signalscope.recording._accumulator import Aggregate, Interval
from signalscope.recording._buffers import NOTHING, Feed, Rejected, Summary
from signalscope.recording._exemplars import Filter, Sample
from signalscope.recording._points import histogram_points, number_points
from signalscope.recording._process_state import ProcessState
from signalscope.recording._reader import Reader

__all__ = ["CARDINALITY_LIMIT", "OnError", "Store", "Totals"]

#: Series one instrument may have before further ones become one, as in the SDK.
CARDINALITY_LIMIT = 2000
#: The key of the series that stands for all that are too many, and its attributes, as in the SDK.
_OVERFLOW = ("otel.metric.overflow",)
_OVERFLOW_ATTRIBUTES: Mapping[str, Any] = {"otel.metric.overflow": True}
#: The longest a reader waits for another reader's collection before it goes without.
_TURN_SECONDS = 10.0
#: The longest that somebody who only looks waits for it.
_LOOK_SECONDS = 1.0


#: Told the name of a part of the fast path that failed, and how many times.
OnError = Callable[[str, int], None]


class _Family:
    """The series of one instrument."""

    def __init__(self, instrument: Instrument, readers: Sequence[Reader]) -> None:
        self.instrument = instrument
        self.bounds = instrument.buckets or ()
        self.series: dict[tuple[str, ...], Aggregate] = {}
        self.serve(readers)

    def serve(self, readers: Sequence[Reader]) -> None:
        """From now on be collected by these."""
        kind = self.instrument.kind
        self.delta_readers = [reader for reader in readers if reader.wants_delta(kind)]
        self.limit = min(
            (reader.limits.get(kind, CARDINALITY_LIMIT) for reader in readers), default=CARDINALITY_LIMIT
        )

    def admit(self, values: tuple[str, ...]) -> tuple[str, ...]:
        """The key of the series that has these values: a known or new one, or that of the overflow."""
        return values if values in self.series or len(self.series) < self.limit else _OVERFLOW

    def bind(self, values: tuple[str, ...]) -> Aggregate:
        """The series of an admitted key."""
        found = self.series.get(values)
        if found is not None:
            return found
        attributes: Mapping[str, Any] = _OVERFLOW_ATTRIBUTES
        if values is not _OVERFLOW:
            attributes = dict(zip(self.instrument.attribute_names, values, strict=True))
        created = Aggregate(attributes, self.bounds, time.time_ns())
        self.begin(created)  # while nobody else can have found it
        return self.series.setdefault(values, created)

    def begin(self, aggregate: Aggregate) -> None:
        """Let a counter be seen at 0 once, so that its first increment is one."""
        if self.instrument.kind is not Kind.HISTOGRAM:
            aggregate.absorb(NOTHING, self.delta_readers)


@dataclass(frozen=True, slots=True)
class Totals:
    """What one series has recorded since the start.

    Attributes:
        count: How many measurements.
        total: Their sum: a counter's value.
        buckets: How many were in each bucket of a histogram, and above the last one.
    """

    count: int
    total: float
    buckets: tuple[int, ...]


class _Route(NamedTuple):
    """A feed, the series its values belong to, and series that get a fixed amount for each value."""

    feed: Feed
    main: Aggregate
    family: _Family
    fixed: tuple[tuple[Aggregate, _Family, float], ...]


class Store(ProcessState):
    """The series of one process, as seen by the readers of one meter provider.

    Args:
        readers: Every reader that will collect.
        exemplars: Which measurements become exemplars.
        on_error: Told of values that were refused.
    """

    def __init__(self, readers: Sequence[Reader], exemplars: Filter, on_error: OnError) -> None:
        super().__init__()
        self.readers = tuple(readers)
        self.exemplars = exemplars
        self.rejected = Rejected()
        self._reported = 0
        self._on_error = on_error
        self._families: dict[str, _Family] = {}
        self._routes: dict[tuple[Any, ...], _Route] = {}
        self._collecting: int | None = None
        #: When every counter was zero, on the monotonic clock.
        self.began = time.monotonic()

    def bind(
        self,
        instrument: Instrument,
        values: tuple[str, ...],
        fixed: Sequence[tuple[Instrument, tuple[str, ...], float]] = (),
    ) -> Feed:
        """The feed of a series; the same one for the same arguments.

        Args:
            instrument: A counter, an up-down counter or a histogram.
            values: The attribute values in the contract's order, already bounded.
            fixed: Other series, each with an amount it gets whenever this feed gets a value.
        """
        key = (instrument.name, values, *fixed)
        route = self._routes.get(key)
        if route is not None:
            return route.feed
        family = self._family(instrument)
        own = family.admit(values)
        others = [(self._family(other), its, amount) for other, its, amount in fixed]
        others = [(other, other.admit(its), amount) for other, its, amount in others]
        key = (instrument.name, own, *((other.instrument, its, amount) for other, its, amount in others))
        route = self._routes.get(key)
        if route is None:
            feed = Feed(
                family.bounds,
                signed=instrument.kind is Kind.UPDOWNCOUNTER,
                exemplars=self.exemplars,
                rejected=self.rejected,
            )
            also = tuple((other.bind(its), other, amount) for other, its, amount in others)
            route = self._routes.setdefault(key, _Route(feed, family.bind(own), family, also))
        return route.feed

    def _family(self, instrument: Instrument) -> _Family:
        found = self._families.get(instrument.name)
        if found is None:
            readers = self.readers
            found = self._families.setdefault(instrument.name, _Family(instrument, readers))
            if readers is not self.readers:  # one joined meanwhile, and did not see it
                found.serve(self.readers)
        return found

    def join(self, reader: Reader) -> None:
        """Have one more reader: of totals since the start, of differences since now."""
        with self._settled():
            reader.joined = time.time_ns()
            reader.previous.clear()
            self._serve((*self.readers, reader))

    def leave(self, reader: Reader) -> None:
        """Have one reader less, and nothing kept for it."""
        with self._settled():
            self._serve(tuple(each for each in self.readers if each is not reader))
            for family in list(self._families.values()):
                for aggregate in list(family.series.values()):
                    aggregate.forget(reader)

    @contextmanager
    def _settled(self) -> Iterator[None]:
        """While no reader collects, and with everything recorded so far in the series."""
        turn = self.lock
        is_ours = turn.acquire(timeout=_TURN_SECONDS)
        try:
            if is_ours:
                self._drain()
            yield
        finally:
            if is_ours:
                turn.release()

    def _serve(self, readers: tuple[Reader, ...]) -> None:
        self.readers = readers
        for family in list(self._families.values()):
            family.serve(readers)

    def collect(self, reader: Reader, now: int, timeout: float = _TURN_SECONDS) -> list[Metric]:
        """Everything recorded, as metrics for one reader.

        Returns nothing when another collection keeps its turn for longer than the timeout, and when called
        from inside a collection (a finalizer that flushes): what was recorded is then in the next one.

        Args:
            reader: One of the store's readers.
            now: The time of the points, in nanoseconds since the epoch.
            timeout: The longest to wait, in seconds.
        """
        turn = self.lock  # a fork may replace it
        if self._collecting == threading.get_ident() or not turn.acquire(timeout=timeout):
            return []
        try:
            self._collecting = threading.get_ident()
            self._drain()
            refused = self.rejected.count - self._reported
            if refused:
                self._reported += refused
                self._on_error("recording.value", refused)
            return [
                metric
                for family in list(self._families.values())
                if (metric := _metric(family, reader, now)) is not None
            ]
        finally:
            self._collecting = None
            turn.release()

    def totals(self, names: Iterable[str]) -> dict[str, dict[tuple[str, ...], Totals]] | None:
        """What some instruments have recorded since the start, by attribute values; for no reader in particular.

        Args:
            names: OpenTelemetry names; those that have no series are left out.

        Returns:
            Nothing when a collection keeps its turn, and when called from inside one.
        """
        turn = self.lock  # a fork may replace it
        if self._collecting == threading.get_ident() or not turn.acquire(timeout=_LOOK_SECONDS):
            return None
        try:
            self._collecting = threading.get_ident()
            self._drain()
            return {
                name: {
                    values: Totals(each.total.count, each.total.total, tuple(each.total.buckets))
                    for values, each in list(found.series.items())
                }
                for name in names
                if (found := self._families.get(name)) is not None
            }
        finally:
            self._collecting = None
            turn.release()

    def _drain(self) -> None:
        """Bring everything that was recorded from the feeds to the series."""
        for feed, main, family, fixed in list(self._routes.values()):
            if (feed.buffer or feed.summaries) and (summary := feed.drain()) is not None and summary[0]:
                if family.delta_readers:
                    main.absorb(summary, family.delta_readers)
                else:
                    main.total.add(summary)
                for aggregate, own, amount in fixed:
                    aggregate.absorb(_repeated(amount, summary[0], own.bounds), own.delta_readers)
            if feed.samples:
                self._offer(feed, main, fixed)

    def _offer(
        self, feed: Feed, main: Aggregate, fixed: tuple[tuple[Aggregate, _Family, float], ...]
    ) -> None:
        taken: dict[int, Sample] = {}
        for bucket in list(feed.samples):
            taken[bucket] = feed.samples.pop(bucket)
        main.offer(taken, self.readers)
        latest = max(taken.values(), key=lambda sample: sample.time_unix_nano)
        for aggregate, own, amount in fixed:
            sample = latest._replace(value=amount)
            aggregate.offer({bisect_left(own.bounds, amount): sample}, self.readers)

    def after_fork(self) -> None:
        """Start at zero."""
        self._collecting = None
        self.began = time.monotonic()
        self._reported = self.rejected.count
        start = time.time_ns()
        for route in list(self._routes.values()):
            route.feed.clear()
        for family in list(self._families.values()):
            for aggregate in list(family.series.values()):
                aggregate.restart(start)
                family.begin(aggregate)
        for reader in self.readers:
            reader.joined = None
            reader.previous.clear()


def _repeated(amount: float, count: int, bounds: tuple[float, ...]) -> Summary:
    """The summary of the same amount, `count` times."""
    buckets = ((bisect_left(bounds, amount), count),) if bounds else ()
    return count, amount * count, amount, amount, buckets


def _metric(family: _Family, reader: Reader, now: int) -> Metric | None:
    """One instrument's points for one reader; None when it has none."""
    instrument = family.instrument
    temporality = reader.temporality[instrument.kind]
    sums: Iterable[tuple[Aggregate, Interval, int]]
    if temporality is AggregationTemporality.DELTA:
        sums = _since(family, reader, reader.previous.get(instrument.name, reader.joined))
        reader.previous[instrument.name] = now
    else:
        sums = ((aggregate, aggregate.total, aggregate.start) for aggregate in list(family.series.values()))
    data: Histogram | Sum
    if instrument.kind is Kind.HISTOGRAM:
        data = Histogram(data_points=histogram_points(sums, reader, now), aggregation_temporality=temporality)
    else:
        data = Sum(
            data_points=number_points(sums, reader, now),
            aggregation_temporality=temporality,
            is_monotonic=instrument.kind is Kind.COUNTER,
        )
    if not data.data_points:
        return None
    return Metric(name=instrument.name, description=instrument.description, unit=instrument.unit, data=data)


def _since(
    family: _Family, reader: Reader, previous: int | None
) -> Iterator[tuple[Aggregate, Interval, int]]:
    """The series that were recorded in since the reader's last collection, and from when on."""
    for aggregate in list(family.series.values()):
        interval = aggregate.intervals.pop(reader, None)
        if interval is not None:
            yield aggregate, interval, previous or aggregate.start
