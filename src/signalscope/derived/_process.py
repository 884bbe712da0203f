"""This process at one moment: its windows, rates and gauges."""

from __future__ import annotations

from signalscope.config import Config
from signalscope.config.defaults import HOUR_SECONDS, RATE_SECONDS
from signalscope.derived._vector import Labels, Vector, scaled
from signalscope.derived._windows import FINE_SECONDS, Look, NoDataError, Window, Windows
from signalscope.recording._snapshot import NotKeptError

__all__ = ["FIVE", "HISTORY", "HOUR", "Process"]

#: Seconds that most rules look back, and those of the business.
FIVE, HOUR = float(RATE_SECONDS), float(HOUR_SECONDS)
#: Why a process alone cannot have a value that looks back over days.
HISTORY = "one process keeps no history of days; it needs Prometheus (SIGNALSCOPE_PROMETHEUS_URL)"


class Process:
    """This process at one moment, as the formulas see it: all windows end with the same look.

    Args:
        windows: Its windows.
        config: The thresholds.
    """

    def __init__(self, windows: Windows, config: Config) -> None:
        self.config = config
        self._windows = windows
        self._seen: dict[float, Window | str] = {}
        self._now: Look | None = None

    def over(self, seconds: float) -> Window:
        """The window of that length.

        Raises:
            NoDataError: There is none; the message says why.
        """
        if seconds not in self._seen:
            try:
                self._seen[seconds] = self._windows.window(seconds, self.now())
            except NoDataError as error:
                self._seen[seconds] = str(error)
        found = self._seen[seconds]
        if isinstance(found, str):
            raise NoDataError(found)
        return found

    def rate(self, name: str, seconds: float = FIVE) -> dict[Labels, float]:
        """What there was each second: of a counter its growth, of a histogram the measurements."""
        window = self.over(seconds)
        return scaled(window.increase(name), 1 / window.seconds) if window.seconds > 0 else {}

    def gauge(self, name: str) -> Vector:
        """A gauge now."""
        return self.now().gauges.get(name, {})

    def mean_gauge(self, name: str, seconds: float = FINE_SECONDS) -> dict[Labels, float]:
        """The mean of a gauge's values over that time, up to ten minutes, or since this process has been watched."""
        values: dict[Labels, list[float]] = {}
        for look in self._looks(seconds):
            for found, value in look.gauges.get(name, {}).items():
                values.setdefault(found, []).append(value)
        return {found: sum(each) / len(each) for found, each in values.items()}

    def watched(self, seconds: float = FINE_SECONDS) -> float:
        """How far the looks reach back that `mean_gauge` takes the mean of, in seconds."""
        return self.now().at - min(look.at for look in self._looks(seconds))

    def _looks(self, seconds: float) -> list[Look]:
        now = self.now()
        before = (look for look in self._windows.looks() if now.at - seconds <= look.at < now.at)
        return [*before, now]

    def overflowed(self) -> frozenset[str]:
        """Instruments with more series than are told apart."""
        try:
            return self.now().overflowed
        except NoDataError:
            return frozenset()

    def now(self) -> Look:
        """What there is now.

        Raises:
            NoDataError: This process keeps nothing; the message says why.
        """
        if self._now is None:
            try:
                self._now = self._windows.look()
            except NotKeptError as error:
                raise NoDataError(str(error)) from None
        return self._now
