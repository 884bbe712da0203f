"""The state of this process at one moment, from which expressions are computed."""

from __future__ import annotations

from collections.abc import Callable

from signalscope.config import Config
from signalscope.derived._registry import get
from signalscope.derived._vector import Labels, Vector, labelled
from signalscope.derived._windows import FINE_SECONDS, NoDataError, Snapshot, Window, Windows
from signalscope.recording._process import uptime
from signalscope.recording._snapshot import NotKeptError

#: The reason for a missing value of several days.
HISTORY = "one process keeps no history of days; set SIGNALSCOPE_PROMETHEUS_URL to read it from Prometheus"
_INSTANCE = "this process"
_CPU = "process.cpu"


class Process:
    """The state of this process at one moment: all windows end with the same snapshot.

    Args:
        windows: The snapshots of this process.
        config: The configuration.
        now: The snapshot at which windows end; None for a new one.
    """

    def __init__(self, windows: Windows, config: Config, now: Snapshot | None = None) -> None:
        self.config = config
        self._windows = windows
        self._by_length: dict[float, Window] = {}
        self._rows: dict[str, Vector] = {}
        self._now = now

    def over(self, seconds: float) -> Window:
        """Return the window of a length in seconds.

        Raises:
            NoDataError: The snapshots do not cover the window; the message contains the reason.
        """
        if seconds not in self._by_length:
            self._by_length[seconds] = self._windows.window(seconds, self.now())
        return self._by_length[seconds]

    def seconds(self, over: float, instrument: str) -> float:
        """Return the real length in seconds of a window in which an instrument grew."""
        window = self.over(over)
        # CPU time is counted from the start of the process, other instruments from the start of recording.
        if instrument == _CPU and window.then is None:
            return max(uptime(), window.seconds)
        return window.seconds

    def increase(self, instrument: str, part: str, over: float) -> Vector:
        """Return the growth of a counter, or of a part of a histogram, in a window."""
        return self.over(over).increase(instrument, part)

    def total(self, instrument: str) -> Vector:
        """Return the present values of an up-down counter."""
        return {series: totals.total for series, totals in self.now().by_labels(instrument).items()}

    def gauge(self, instrument: str) -> Vector:
        """Return the present values of a gauge."""
        return self.now().gauges.get(instrument, {})

    def mean(self, value: Callable[[Process], Vector], over: float) -> Vector:
        """Return the mean of a value of gauges over a window of at most ten minutes."""
        values: dict[Labels, list[float]] = {}
        for snapshot in self._snapshots(over):
            for series, number in value(Process(self._windows, self.config, snapshot)).items():
                values.setdefault(series, []).append(number)
        return {series: sum(numbers) / len(numbers) for series, numbers in values.items()}

    def watched(self, over: float) -> float:
        """Return the age in seconds of the oldest snapshot that `mean` uses for a window."""
        return self.now().at - min(snapshot.at for snapshot in self._snapshots(over))

    def row(self, key: str) -> Vector:
        """Return the value of a row of the table, which is computed once."""
        if key not in self._rows:
            self._rows[key] = get(key).value(self)
        return self._rows[key]

    @staticmethod
    def named(vector: Vector) -> Vector:
        """Add the label ``instance`` of this process."""
        return labelled(vector, instance=_INSTANCE)

    def overflowed(self) -> frozenset[str]:
        """Return the instruments that have more series than a snapshot keeps."""
        try:
            return self.now().overflowed
        except NoDataError:
            return frozenset()

    def now(self) -> Snapshot:
        """Return the snapshot at which all windows end.

        Raises:
            NoDataError: This process does not keep its recordings; the message contains the reason.
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
