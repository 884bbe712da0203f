"""N threads that record M times each make N times M in the export."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry.sdk.metrics.export import AggregationTemporality, Histogram
from tests.recording.harness import COUNTER, CUMULATIVE, HISTOGRAM, TEMPORALITIES, UPDOWN, Pair, points

THREADS, CALLS = 8, 5_000


@pytest.fixture(autouse=True)
def _switch_threads_often() -> Iterator[None]:
    """Make threads switch at many more places than usual."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


@pytest.mark.parametrize("name", TEMPORALITIES)
def test_no_measurement_is_lost_or_counted_twice(name: str) -> None:  # noqa: C901  # threads share its locals
    """Two readers collect all the time; the values are chosen so that sums of floats are exact."""
    pair = Pair([TEMPORALITIES[name], CUMULATIVE])
    instruments = (COUNTER, UPDOWN, HISTOGRAM)
    totals = {instrument.name: _Total() for instrument in instruments}
    done = threading.Event()
    started = threading.Barrier(THREADS + 2)

    def work(thread: int) -> None:
        own = [pair.buffer(instrument, f"thread-{thread}").record for instrument in instruments]
        shared = [pair.buffer(instrument, "shared").record for instrument in instruments]
        started.wait()
        for _ in range(CALLS):
            for record in (*own, *shared):
                record(0.25)

    def read() -> None:
        started.wait()
        while not done.is_set():
            pair.collect(1)

    def collect() -> None:
        collected, _ = pair.collect(0)
        for instrument in instruments:
            if instrument.name in collected:
                totals[instrument.name].add(collected[instrument.name].data)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(THREADS)]
    reader = threading.Thread(target=read)
    for thread in (*threads, reader):
        thread.start()
    started.wait()
    while any(thread.is_alive() for thread in threads):
        collect()
    done.set()
    reader.join()
    collect()
    expected = 2 * THREADS * CALLS
    for instrument in instruments:
        assert totals[instrument.name].total == expected * 0.25
    assert totals[HISTOGRAM.name].count == expected
    assert _sum_of(pair.collect(1)[0], HISTOGRAM.name) == expected * 0.25


def test_counts_stay_exact_when_more_is_recorded_than_a_buffer_keeps_unmerged() -> None:
    """Without a collection for a long time, values pass through every level of folding."""
    pair = Pair()
    record = pair.buffer(HISTOGRAM, "a").record
    for number in range(50_000):
        record((number % 16) / 4)
    point = points(pair.collect()[0], HISTOGRAM)["a"]
    assert point.count == 50_000
    assert point.sum == 50_000 * 1.875
    assert (point.min, point.max) == (0.0, 3.75)
    assert point.bucket_counts == (9375, 6250, 12500, 21875, 0, 0)


class _Total:
    """The sums of a reader over its collections."""

    def __init__(self) -> None:
        self.total = 0.0
        self.count = 0

    def add(self, data: Any) -> None:
        sums = sum(point.sum if isinstance(data, Histogram) else point.value for point in data.data_points)
        counts = sum(getattr(point, "count", 0) for point in data.data_points)
        if data.aggregation_temporality is AggregationTemporality.DELTA:
            self.total, self.count = self.total + sums, self.count + counts
        else:
            self.total, self.count = sums, counts


def _sum_of(metrics: dict[str, Any], name: str) -> float:
    return float(sum(point.sum for point in metrics[name].data.data_points))
