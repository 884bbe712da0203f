"""Rolling windows of this process: its recordings in the last minutes and the last hour.

A thread takes a snapshot of the recordings every five seconds. It keeps each snapshot of the last ten minutes, and
one snapshot a minute of the last hour. A window is the difference between a snapshot now and an earlier snapshot.
"""

from __future__ import annotations

import functools
import itertools
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from signalscope import contract
from signalscope.contract._model import OTHER, Kind
from signalscope.derived._vector import Labels, labels
from signalscope.recording import _snapshot as recorded
from signalscope.recording import internal_error
from signalscope.recording._process_state import ProcessState
from signalscope.recording._snapshot import NotKeptError
from signalscope.recording._store import Totals

#: Seconds between two snapshots, and the number of snapshots that are kept at this interval.
_STEP = 5.0
#: The longest window in seconds that may be shorter than requested, but not longer.
_SHORT = 30.0
_FINE = 120
#: Seconds for which every snapshot is kept.
FINE_SECONDS = _STEP * _FINE
_COARSE_STEP = 60.0
_COARSE = 62
#: Number of series of one instrument in a snapshot; further series are added up in one, so that totals are complete.
_MOST_SERIES = 2_000


class NoDataError(LookupError):
    """A value does not exist; the message contains the reason, which the answer of the endpoint shows."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The recordings of this process at one moment.

    Attributes:
        at: The moment, in seconds of the monotonic clock.
        began: The moment at which all totals were zero, in seconds of the monotonic clock.
        totals: The totals since then, by instrument and kept labels.
        gauges: The values of gauges, by instrument and labels.
        left_out: Instruments that this process does not aggregate.
        overflowed: Instruments with more series than a snapshot keeps; further series have ``other`` for each label.
    """

    at: float
    began: float
    totals: Mapping[str, Mapping[Labels, Totals]]
    gauges: Mapping[str, Mapping[Labels, float]]
    left_out: frozenset[str]
    overflowed: frozenset[str] = frozenset()

    def by_labels(self, name: str) -> Mapping[Labels, Totals]:
        """Return the totals of an instrument since the start, by kept labels.

        Raises:
            NoDataError: This process does not aggregate the instrument.
        """
        if name in self.left_out:
            raise NoDataError(f"an OpenTelemetry View or reader aggregates {name}, not this process")
        return self.totals.get(name, {})


@dataclass(frozen=True, slots=True)
class Window:
    """The recordings in a period that ends now.

    Attributes:
        seconds: The length of the period: as requested, or since the start of recording if that is shorter.
        now: The snapshot at the end.
        then: The snapshot at the begin; None if all totals were zero.
    """

    seconds: float
    now: Snapshot
    then: Snapshot | None
    _known: dict[str, dict[Labels, Totals]] = field(default_factory=dict, repr=False, compare=False)

    def increase(self, name: str, part: str = "") -> dict[Labels, float]:
        """Return the growth of a counter, or of a part of a histogram.

        Args:
            name: The OpenTelemetry name of the instrument.
            part: The part of a histogram: ``count`` (the default), ``sum``, or ``bucket``. Buckets are cumulative and
                have the label ``le``.
        """
        instrument, grown = contract.get(name), self._grown(name)
        if part == "bucket":
            boundaries = [*map(str, instrument.buckets or ()), "+Inf"]
            return {
                labels(**dict(series), le=boundary): float(running)
                for series, totals in grown.items()
                for boundary, running in zip(boundaries, itertools.accumulate(totals.buckets), strict=True)
            }
        is_count = instrument.kind is Kind.HISTOGRAM and part != "sum"
        return {series: float(totals.count if is_count else totals.total) for series, totals in grown.items()}

    def _grown(self, name: str) -> dict[Labels, Totals]:
        if name not in self._known:
            before = self.then.totals.get(name, {}) if self.then is not None else {}
            self._known[name] = {
                series: _plus(totals, before[series], -1) if series in before else totals
                for series, totals in self.now.by_labels(name).items()
            }
        return self._known[name]


class Windows(ProcessState):
    """The snapshots of this process, in bounded memory."""

    def __init__(self) -> None:
        super().__init__()
        self._fine: list[Snapshot] = []
        self._coarse: list[Snapshot] = []
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread that takes snapshots until the process ends; a second call changes nothing."""
        with self.lock:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="signalscope-windows", daemon=True)
                self._thread.start()

    def window(self, seconds: float, now: Snapshot) -> Window:
        """Return the window of a certain length that ends now.

        Args:
            seconds: The length of the window.
            now: The snapshot at the end of the window.

        Raises:
            NoDataError: The snapshots of this process do not cover the window.
        """
        age = now.at - now.began
        if age <= seconds:
            return Window(age, now, None)
        begin = now.at - seconds
        with self.lock:
            snapshots = [*self._coarse, *self._fine]
        first = min((snapshot.at for snapshot in snapshots), default=now.at)
        if first > begin + _STEP / 2:
            raise NoDataError(
                f"this process has snapshots since {clock(first)} ({now.at - first:.0f} s); the window of "
                f"{seconds:.0f} s will be complete at {clock(first + seconds)}, in {first - begin:.0f} s"
            )
        # A window of one step is not longer than requested: its value is called present.
        candidates = (
            [snapshot for snapshot in snapshots if begin <= snapshot.at < now.at]
            if seconds <= _SHORT
            else snapshots
        )
        if not candidates:
            raise NoDataError(f"this process took no snapshot in the last {seconds:.0f} s: it was too busy")
        then = min(candidates, key=lambda snapshot: abs(snapshot.at - begin))
        return Window(now.at - then.at, now, then)

    def take(self) -> Snapshot:
        """Take a snapshot now, and keep it.

        Raises:
            NotKeptError: This process does not keep its recordings.
        """
        gauges = (row.name for row in contract.instruments() if row.kind is Kind.GAUGE)
        snapshot = reduced(recorded.snapshot([*kept(), *gauges]), self._fine[-1] if self._fine else None)
        with self.lock:
            if self._fine and self._fine[-1].began != snapshot.began:
                self._fine, self._coarse = [], []  # recording has restarted: in a test, or a forked child
            if self._fine and snapshot.at - self._fine[-1].at < _STEP * 0.9:
                return snapshot  # an extra snapshot is not kept, so that the kept snapshots cover ten minutes
            self._fine.append(snapshot)
            if len(self._fine) > _FINE:
                old = self._fine.pop(0)
                if not self._coarse or old.at - self._coarse[-1].at >= _COARSE_STEP:
                    self._coarse.append(old)
                    del self._coarse[:-_COARSE]
        return snapshot

    def snapshots(self) -> list[Snapshot]:
        """Return every snapshot of the last ten minutes, oldest first."""
        with self.lock:
            return list(self._fine)

    def clear(self) -> None:
        """Drop all snapshots, and stop the thread at its next step."""
        self._fine, self._coarse, self._thread = [], [], None

    after_fork = clear

    def _run(self) -> None:
        me = threading.current_thread()
        while self._thread is me:
            try:
                self.take()
            except NotKeptError:
                pass  # nothing has been recorded yet, or another SDK records
            except Exception:  # a defect of signalscope must not stop the thread
                internal_error("windows")
            time.sleep(_STEP)


def clock(at: float) -> str:
    """Return the time of day, in UTC, of a moment of the monotonic clock."""
    return datetime.fromtimestamp(time.time() - time.monotonic() + at, UTC).strftime("%H:%M:%S UTC")


@functools.cache
def kept() -> Mapping[str, tuple[str, ...]]:
    """Return the counters and histograms from which a process computes values, and the labels that it keeps."""
    from signalscope.derived._rows import kept_labels  # noqa: PLC0415  # `_rows` imports this module

    return kept_labels()


def reduced(raw: recorded.Snapshot, previous: Snapshot | None) -> Snapshot:
    """Return a snapshot with the kept labels only; it shares unchanged totals with the previous snapshot."""
    totals: dict[str, dict[Labels, Totals]] = {}
    overflowed: set[str] = set()
    for name, by_values in raw.totals.items():
        names = contract.get(name).attribute_names
        places = sorted((key, names.index(key)) for key in kept()[name])
        sums: dict[Labels, Totals] = {}
        beyond = tuple((key, OTHER) for key, _ in places)
        for values, added in by_values.items():
            # The overflow series of OpenTelemetry's cardinality limit has no labels.
            is_known = len(values) == len(names)
            series = tuple((key, values[place]) for key, place in places) if is_known else beyond
            if not is_known or (series not in sums and len(sums) >= _MOST_SERIES):
                overflowed.add(name)
                series = beyond
            sums[series] = _plus(added, sums[series]) if series in sums else added
        before = previous.totals.get(name, {}) if previous is not None else {}
        totals[name] = {
            series: before[series] if before.get(series) == total else total for series, total in sums.items()
        }
    gauges = {
        name: {
            labels(**dict(zip(contract.get(name).attribute_names, values, strict=True))): value
            for values, value in list(by_values.items())[:_MOST_SERIES]
        }
        for name, by_values in raw.gauges.items()
    }
    return Snapshot(raw.at, raw.began, totals, gauges, raw.left_out, frozenset(overflowed))


def _plus(totals: Totals, more: Totals, sign: int = 1) -> Totals:
    counts = tuple(a + sign * b for a, b in zip(totals.buckets, more.buckets, strict=True))
    return Totals(totals.count + sign * more.count, totals.total + sign * more.total, counts)


#: The windows of this process.
shared = Windows()
