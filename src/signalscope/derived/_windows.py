"""Rolling windows of this process: what it has recorded in the last minutes and the last hour.

A thread takes a snapshot of the recording core every five seconds. Every snapshot of the last ten minutes is kept,
and one a minute of the last hour. A window is the difference between a snapshot now and an earlier one.
"""

from __future__ import annotations

import functools
import itertools
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from signalscope import contract
from signalscope.config.defaults import HOUR_SECONDS
from signalscope.contract._model import OTHER, Kind
from signalscope.derived._vector import Labels, labels
from signalscope.recording import _snapshot as recorded
from signalscope.recording import internal_error
from signalscope.recording._process_state import ProcessState
from signalscope.recording._snapshot import NotKeptError
from signalscope.recording._store import Totals

#: The longest window, in seconds.
LONGEST = float(HOUR_SECONDS)
#: Seconds between two snapshots, and how many of them are kept before one a minute is.
_STEP = 5.0
_FINE = 120
#: How far back every snapshot is kept, in seconds.
FINE_SECONDS = _STEP * _FINE
_COARSE_STEP = 60.0
_COARSE = 62
#: Series of one instrument that are kept apart; those beyond are one, so that totals are whole.
_MOST_SERIES = 2_000


class NoDataError(LookupError):
    """There is no value; the message says why, for those who read the answer."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What this process had recorded at one moment.

    Attributes:
        at: The moment, on the monotonic clock.
        began: The moment at which all totals were zero.
        totals: What was recorded since then, by instrument and kept labels.
        gauges: The values, by instrument and labels.
        left_out: Instruments that this process does not aggregate.
        overflowed: Instruments with more series than are kept apart; the series beyond have ``other`` for each label.
    """

    at: float
    began: float
    totals: Mapping[str, Mapping[Labels, Totals]]
    gauges: Mapping[str, Mapping[Labels, float]]
    left_out: frozenset[str]
    overflowed: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Window:
    """What was recorded in a stretch of time that ends now.

    Attributes:
        seconds: How long it is: as asked, or since the start of the process when that is shorter.
        now: The snapshot at its end.
        then: The snapshot at its beginning; None when all was zero then.
    """

    seconds: float
    now: Snapshot
    then: Snapshot | None
    _known: dict[str, dict[Labels, Totals]] = field(default_factory=dict, repr=False, compare=False)

    def increase(self, name: str) -> dict[Labels, float]:
        """How much a counter grew, or how many measurements a histogram got."""
        is_histogram = contract.get(name).kind is Kind.HISTOGRAM
        return {
            found: float(each.count if is_histogram else each.total)
            for found, each in self._grown(name).items()
        }

    def total(self, name: str) -> dict[Labels, float]:
        """The sum of the measurements that a histogram got."""
        return {found: float(each.total) for found, each in self._grown(name).items()}

    def buckets(self, name: str) -> dict[Labels, float]:
        """The measurements that a histogram got, cumulative, with the label ``le``."""
        boundaries = [*map(str, contract.get(name).buckets or ()), "+Inf"]
        return {
            labels(**dict(found), le=boundary): float(running)
            for found, grown in self._grown(name).items()
            for boundary, running in zip(boundaries, itertools.accumulate(grown.buckets), strict=True)
        }

    def gauge(self, name: str) -> Mapping[Labels, float]:
        """A gauge's values now."""
        return self.now.gauges.get(name, {})

    def _grown(self, name: str) -> dict[Labels, Totals]:
        if name not in self._known:
            self._known[name] = self._difference(name)
        return self._known[name]

    def _difference(self, name: str) -> dict[Labels, Totals]:
        if name in self.now.left_out:
            raise NoDataError(f"{name} is aggregated by an OpenTelemetry View or reader, not by this process")
        before = self.then.totals.get(name, {}) if self.then is not None else {}
        grown = {}
        for found, each in self.now.totals.get(name, {}).items():
            old = before.get(found)
            if old is not None:
                counts = tuple(a - b for a, b in zip(each.buckets, old.buckets, strict=True))
                each = Totals(each.count - old.count, each.total - old.total, counts)  # noqa: PLW2901  # the same
            grown[found] = each
        return grown


class Windows(ProcessState):
    """Keeps the snapshots, in bounded memory."""

    def __init__(self) -> None:
        super().__init__()
        self._fine: list[Snapshot] = []
        self._coarse: list[Snapshot] = []
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Take snapshots from now on, in a thread that ends with the process; repeating it changes nothing."""
        with self.lock:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="signalscope-windows", daemon=True)
                self._thread.start()

    def window(self, seconds: float, now: Snapshot | None = None) -> Window:
        """Return the window of that length that ends now. It takes a few milliseconds, and calls gauges' callbacks.

        Args:
            seconds: Its length.
            now: The snapshot at its end, where there is one already.

        Raises:
            NoDataError: This process keeps nothing, or has not been watched for long enough.
        """
        if now is None:
            try:
                now = self.take()
            except NotKeptError as error:
                raise NoDataError(str(error)) from None
        age = now.at - now.began
        if age <= seconds:
            return Window(age, now, None)
        begin = now.at - seconds
        with self.lock:
            snapshots = [*self._coarse, *self._fine]
        first = min((snapshot.at for snapshot in snapshots), default=now.at)
        if first > begin + _STEP / 2:
            raise NoDataError(
                f"this process has been watched for {now.at - first:.0f} s; the window is {seconds:.0f} s"
            )
        then = min(snapshots, key=lambda snapshot: abs(snapshot.at - begin))
        return Window(now.at - then.at, now, then)

    def take(self) -> Snapshot:
        """Take a snapshot now, and keep it.

        Raises:
            NotKeptError: This process records nothing that can be read.
        """
        seen = reduced(recorded.snapshot([*kept(), *_gauges()]), self._fine[-1] if self._fine else None)
        with self.lock:
            if self._fine and self._fine[-1].began != seen.began:
                self._fine, self._coarse = [], []  # another recording: a test's, or a child's
            if self._fine and seen.at - self._fine[-1].at < _STEP * 0.9:
                return seen  # taken in between: not kept, so that the kept ones reach back far enough
            self._fine.append(seen)
            if len(self._fine) > _FINE:
                old = self._fine.pop(0)
                if not self._coarse or old.at - self._coarse[-1].at >= _COARSE_STEP:
                    self._coarse.append(old)
                    del self._coarse[:-_COARSE]
        return seen

    def snapshots(self) -> list[Snapshot]:
        """Return every snapshot of the last ten minutes, oldest first."""
        with self.lock:
            return list(self._fine)

    def clear(self) -> None:
        """Drop all snapshots, and end the thread at its next step."""
        self._fine, self._coarse, self._thread = [], [], None

    after_fork = clear

    def _run(self) -> None:
        me = threading.current_thread()
        while self._thread is me:
            try:
                self.take()
            except NotKeptError:
                pass  # nothing is recorded yet, or another SDK records
            except Exception:  # a defect of signalscope; the next snapshot may succeed
                internal_error("windows")
            time.sleep(_STEP)


@functools.cache
def kept() -> Mapping[str, tuple[str, ...]]:
    """Every counter and histogram that a process computes something from, and the labels that it keeps for that."""
    from signalscope.derived._rows import kept_labels  # noqa: PLC0415  # rows are computed from windows

    return kept_labels()


def _gauges() -> Iterable[str]:
    return [each.name for each in contract.instruments() if each.kind is Kind.GAUGE]


def reduced(seen: recorded.Snapshot, previous: Snapshot | None) -> Snapshot:
    """With the kept labels only; what has not changed is the same object as before."""
    totals: dict[str, dict[Labels, Totals]] = {}
    overflowed: set[str] = set()
    for name, by_values in seen.totals.items():
        names = contract.get(name).attribute_names
        places = sorted((key, names.index(key)) for key in kept()[name])
        sums: dict[Labels, Totals] = {}
        beyond = tuple((key, OTHER) for key, _ in places)
        for values, each in by_values.items():
            # The overflow of an OpenTelemetry cardinality limit has no labels.
            is_known = len(values) == len(names)
            found = tuple((key, values[place]) for key, place in places) if is_known else beyond
            if not is_known or (found not in sums and len(sums) >= _MOST_SERIES):
                overflowed.add(name)
                found = beyond
            other = sums.get(found)
            sums[found] = each if other is None else _added(each, other)
        before = previous.totals.get(name, {}) if previous is not None else {}
        totals[name] = {
            found: old if (old := before.get(found)) == each and old is not None else each
            for found, each in sums.items()
        }
    gauges = {
        name: {
            labels(**dict(zip(contract.get(name).attribute_names, values, strict=True))): value
            for values, value in list(by_values.items())[:_MOST_SERIES]
        }
        for name, by_values in seen.gauges.items()
    }
    return Snapshot(seen.at, seen.began, totals, gauges, seen.left_out, frozenset(overflowed))


def _added(one: Totals, other: Totals) -> Totals:
    counts = tuple(a + b for a, b in zip(one.buckets, other.buckets, strict=True))
    return Totals(one.count + other.count, one.total + other.total, counts)


#: The windows of this process.
shared = Windows()
