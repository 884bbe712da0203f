"""All series of the process, and their collection into OpenTelemetry metrics.

Binding a series does not acquire a lock, since a ``__del__`` may record for the first time while the same thread
collects. The maps are filled with `dict.setdefault`, which is atomic. Readers collect one after the other
(`Store.collect`).
"""

from __future__ import annotations

import threading
import time
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from opentelemetry.sdk.metrics.export import Metric

from signalscope.contract._model import Instrument, Kind
from signalscope.recording._accumulator import Accumulator
from signalscope.recording._buffers import Buffer
from signalscope.recording._exemplars import Exemplar, Filter
from signalscope.recording._instrument_series import InstrumentSeries
from signalscope.recording._process_state import ProcessState
from signalscope.recording._reader import Reader
from signalscope.recording._summary import Rejected, Summary

#: How long a reader waits for another reader's collection, in seconds. After that it collects nothing this time.
_COLLECTION_SECONDS = 10.0
#: How long a snapshot waits for a reader's collection, in seconds.
_SNAPSHOT_SECONDS = 1.0

T = TypeVar("T")
#: The series that get a fixed amount for each value of a buffer.
_Fixed = tuple[tuple[Accumulator, InstrumentSeries, float], ...]
#: A buffer, and the accumulators for its values. A plain tuple, since unpacking a named tuple takes longer.
_Binding = tuple[Buffer, Accumulator, InstrumentSeries, _Fixed]
#: Called with the name of the part that failed, and the number of failures.
OnError = Callable[[str, int], None]


@dataclass(frozen=True, slots=True)
class Totals:
    """The sums of one series since the start.

    Attributes:
        count: The number of measurements.
        total: The sum of the measurements; for a counter its value.
        buckets: The number of measurements in each bucket of a histogram; the last bucket has no upper boundary.
    """

    count: int
    total: float
    buckets: tuple[int, ...]


class Store(ProcessState):
    """All series of one process, for the readers of one meter provider.

    Args:
        readers: Every reader of the provider.
        exemplars: Which measurements become exemplars.
        on_error: Called when values were rejected.

    Attributes:
        began: When every counter was zero, on the monotonic clock, in seconds.
    """

    def __init__(self, readers: Sequence[Reader], exemplars: Filter, on_error: OnError) -> None:
        super().__init__()
        self.readers = tuple(readers)
        self.exemplars = exemplars
        self.rejected = Rejected()
        self._reported = 0
        self._on_error = on_error
        self._instruments: dict[str, InstrumentSeries] = {}
        self._bindings: dict[tuple[Any, ...], _Binding] = {}
        self._collecting: int | None = None
        self.began = time.monotonic()

    def bind(
        self,
        instrument: Instrument,
        values: tuple[str, ...],
        fixed: Sequence[tuple[Instrument, tuple[str, ...], float]] = (),
    ) -> Buffer:
        """Return the buffer of a series; the same buffer for the same arguments.

        Args:
            instrument: A counter, an up-down counter or a histogram.
            values: The attribute values in the contract's order, after `AttributeLimits.apply`.
            fixed: Other series, each with the amount that it gets for every value of this buffer.
        """
        series = self._series_of(instrument)
        key = series.key(values)
        others = [
            (other := self._series_of(definition), other.key(other_values), amount)
            for definition, other_values, amount in fixed
        ]
        name = (instrument.name, key, *((other.instrument.name, *rest) for other, *rest in others))
        binding = self._bindings.get(name)
        if binding is None:
            buffer = Buffer(
                series.boundaries,
                signed=instrument.kind is Kind.UPDOWNCOUNTER,
                exemplars=self.exemplars,
                rejected=self.rejected,
            )
            also = tuple((other.accumulator(other_key), other, amount) for other, other_key, amount in others)
            binding = self._bindings.setdefault(name, (buffer, series.accumulator(key), series, also))
        return binding[0]

    def _series_of(self, instrument: Instrument) -> InstrumentSeries:
        series = self._instruments.get(instrument.name)
        if series is None:
            readers = self.readers
            series = self._instruments.setdefault(instrument.name, InstrumentSeries(instrument, readers))
            if readers is not self.readers:  # a reader was added meanwhile, before this instrument was there
                series.set_readers(self.readers)
        return series

    def add_reader(self, reader: Reader) -> None:
        """Add a reader. A delta reader starts now; other readers get the sums since the start."""

        def add() -> bool:
            reader.added_at = time.time_ns()
            reader.collected_at.clear()
            self._set_readers((*self.readers, reader))
            return True

        _ = self._exclusively(add, _COLLECTION_SECONDS) or add()

    def remove_reader(self, reader: Reader) -> None:
        """Remove a reader and its state."""

        def remove() -> bool:
            self._set_readers(tuple(kept for kept in self.readers if kept is not reader))
            for series in list(self._instruments.values()):
                for accumulator in list(series.accumulators.values()):
                    accumulator.forget(reader)
            return True

        _ = self._exclusively(remove, _COLLECTION_SECONDS) or remove()

    def _set_readers(self, readers: tuple[Reader, ...]) -> None:
        self.readers = readers
        for series in list(self._instruments.values()):
            series.set_readers(readers)

    def _exclusively(self, act: Callable[[], T], timeout: float) -> T | None:
        """Drain the buffers and call a function, while no other collection runs.

        A signal handler of the program may raise an exception after any call. To release the lock nevertheless, one
        call of a C function acquires it and stores the result, inside the `try`.

        Returns:
            The result of the function. None if another collection holds the lock for longer than the timeout, or if
            this thread is collecting already (a finalizer may flush).
        """
        if self._collecting == threading.get_ident():
            return None
        lock = self.lock  # release the same lock, although a fork may replace the attribute
        is_acquired: list[bool] = []
        try:
            is_acquired.extend(map(lock.acquire, (True,), (timeout,)))
            if True not in is_acquired:
                return None
            self._collecting = threading.get_ident()
            self._drain()
            return act()
        finally:
            if True in is_acquired:
                self._collecting = None
                lock.release()

    def collect(self, reader: Reader, now: int, timeout: float = _COLLECTION_SECONDS) -> list[Metric]:
        """Return all measurements as metrics for one reader.

        The result is empty if another collection takes longer than the timeout, or if this thread is collecting
        already. The next collection then has the measurements.

        Args:
            reader: One of the store's readers.
            now: The time of the data points, in nanoseconds since the epoch.
            timeout: The longest time to wait, in seconds.
        """

        def metrics() -> list[Metric]:
            rejected = self.rejected.count - self._reported
            if rejected:
                self._reported += rejected
                self._on_error("recording.value", rejected)
            metrics = (series.metric(reader, now) for series in list(self._instruments.values()))
            return [metric for metric in metrics if metric is not None]

        return self._exclusively(metrics, timeout) or []

    def totals(self, names: Iterable[str]) -> dict[str, dict[tuple[str, ...], Totals]] | None:
        """Return the sums of some instruments since the start, by name and attribute values.

        Args:
            names: OpenTelemetry names; instruments without series are left out.

        Returns:
            The sums. None if a collection takes too long, or if this thread is collecting.
        """
        return self._exclusively(
            lambda: {
                name: {
                    key: Totals(sums.count, sums.total, tuple(sums.buckets))
                    for key, sums in [(key, own.total) for key, own in list(series.accumulators.items())]
                }
                for name in names
                if (series := self._instruments.get(name)) is not None
            },
            _SNAPSHOT_SECONDS,
        )

    def _drain(self) -> None:
        """Move all measurements from the buffers to the accumulators."""
        for buffer, accumulator, series, fixed in list(self._bindings.values()):
            if (buffer.values or buffer.summaries) and (summary := buffer.drain()) is not None and summary[0]:
                if series.delta_readers:
                    accumulator.add(summary, series.delta_readers)
                else:
                    accumulator.total.add(summary)
                for other, other_series, amount in fixed:
                    repeated = _repeated(amount, summary[0], other_series.boundaries)
                    other.add(repeated, other_series.delta_readers)
            if buffer.exemplars:
                self._move_exemplars(buffer, accumulator, fixed)

    def _move_exemplars(self, buffer: Buffer, accumulator: Accumulator, fixed: _Fixed) -> None:
        taken: dict[int, Exemplar] = {}
        for bucket in list(buffer.exemplars):
            taken[bucket] = buffer.exemplars.pop(bucket)
        accumulator.add_exemplars(taken, self.readers)
        latest = max(taken.values(), key=lambda exemplar: exemplar.time_unix_nano)
        for other, series, amount in fixed:
            exemplar = latest._replace(value=amount)
            other.add_exemplars({bisect_left(series.boundaries, amount): exemplar}, self.readers)

    def after_fork(self) -> None:
        """Start all series at zero."""
        self._collecting = None
        self.began = time.monotonic()
        self._reported = self.rejected.count
        start = time.time_ns()
        for buffer, *_ in list(self._bindings.values()):
            buffer.clear()
        for series in list(self._instruments.values()):
            series.restart(start)
        for reader in self.readers:
            reader.added_at = None
            reader.collected_at.clear()


def _repeated(amount: float, count: int, boundaries: tuple[float, ...]) -> Summary:
    """Return the summary of `count` measurements of the same amount."""
    buckets = ((bisect_left(boundaries, amount), count),) if boundaries else ()
    return count, amount * count, amount, amount, buckets
