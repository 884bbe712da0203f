"""A process whose values a test sets."""

from __future__ import annotations

from collections.abc import Mapping

from signalscope.config import Config
from signalscope.derived._process import Process
from signalscope.derived._vector import Vector
from signalscope.derived._windows import Snapshot, Window, Windows


class Given(Process):
    """A process at one moment, one minute after its start.

    Args:
        increases: The increases of instruments by name and part (`sum`, `count`, `bucket`).
        rows: The values of rows by key; other rows are computed.
    """

    def __init__(self, *, increases: Mapping[tuple[str, str], Vector] | None = None, **rows: Vector) -> None:
        empty = Snapshot(60.0, 0.0, {}, {}, frozenset())
        super().__init__(Windows(), Config(), empty)
        self._rows.update(rows)
        self._increases = dict(increases or {})

    def increase(self, instrument: str, part: str, over: float) -> Vector:
        """Return the increases that the test set."""
        return self._increases.get((instrument, part), {})

    def over(self, seconds: float) -> Window:
        """Return a window of one minute."""
        now = self.now()
        return Window(60.0, now, now)
