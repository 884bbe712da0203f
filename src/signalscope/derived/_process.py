"""This process at one moment: what expressions are computed from."""

from __future__ import annotations

from collections.abc import Callable

from signalscope.config import Config
from signalscope.derived._registry import get
from signalscope.derived._vector import Labels, Vector, labelled
from signalscope.derived._windows import FINE_SECONDS, NoDataError, Snapshot, Window, Windows
from signalscope.recording._process import uptime
from signalscope.recording._snapshot import NotKeptError

#: Why a process alone cannot have a value that looks back over days.
HISTORY = "one process keeps no history of days; it needs Prometheus (SIGNALSCOPE_PROMETHEUS_URL)"
_INSTANCE = "this process"
_CPU = "process.cpu"


class Process:
    """This process at one moment: all windows end with the same snapshot.

    Args:
        windows: Its windows.
        config: The configuration.
    """

    def __init__(self, windows: Windows, config: Config, now: Snapshot | None = None) -> None:
        self.config = config
        self._windows = windows
        self._by_length: dict[float, Window] = {}
        self._rows: dict[str, Vector] = {}
        self._now = now

    def over(self, seconds: float) -> Window:
        """The window of that length.

        Raises:
            NoDataError: There is none; the message says why.
        """
        if seconds not in self._by_length:
            self._by_length[seconds] = self._windows.window(seconds, self.now())
        return self._by_length[seconds]

    def seconds(self, over: float, instrument: str) -> float:
        """How long a window really is, for what an instrument grew by in it."""
        window = self.over(over)
        # CPU time is counted from the start of the process, everything else from that of recording.
        if instrument == _CPU and window.then is None:
            return max(uptime(), window.seconds)
        return window.seconds

    def increase(self, instrument: str, part: str, over: float) -> Vector:
        """How much a counter, or a part of a histogram, grew in a window."""
        return self.over(over).increase(instrument, part)

    def total(self, instrument: str) -> Vector:
        """What an up-down counter stands at."""
        return {series: totals.total for series, totals in self.now().by_labels(instrument).items()}

    def gauge(self, instrument: str) -> Vector:
        """A gauge now."""
        return self.now().gauges.get(instrument, {})

    def mean(self, value: Callable[[Process], Vector], over: float) -> Vector:
        """The mean of a value of gauges over a window of at most ten minutes."""
        values: dict[Labels, list[float]] = {}
        for snapshot in self._snapshots(over):
            for series, number in value(Process(self._windows, self.config, snapshot)).items():
                values.setdefault(series, []).append(number)
        return {series: sum(numbers) / len(numbers) for series, numbers in values.items()}

    def watched(self, over: float) -> float:
        """How far the snapshots reach back that `mean` takes the mean of, in seconds."""
        return self.now().at - min(snapshot.at for snapshot in self._snapshots(over))

    def row(self, key: str) -> Vector:
        """A row of the table, computed once."""
        if key not in self._rows:
            self._rows[key] = get(key).value(self)
        return self._rows[key]

    @staticmethod
    def named(vector: Vector) -> Vector:
        """Values of processes get the name of this one."""
        return labelled(vector, instance=_INSTANCE)

    def overflowed(self) -> frozenset[str]:
        """Instruments with more series than are told apart."""
        try:
            return self.now().overflowed
        except NoDataError:
            return frozenset()

    def now(self) -> Snapshot:
        """What there is now.

        Raises:
            NoDataError: This process keeps nothing; the message says why.
        """
        if self._now is None:
            try:
                self._now = self._windows.take()
            except NotKeptError as error:
                raise NoDataError(str(error)) from None
        return self._now

    def _snapshots(self, over: float) -> list[Snapshot]:
        now = self.now()
        over = min(over, FINE_SECONDS)
        before = (snapshot for snapshot in self._windows.snapshots() if now.at - over <= snapshot.at < now.at)
        return [*before, now]
