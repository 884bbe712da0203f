"""A process that has what a test gives it, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping

from signalscope.config import Config
from signalscope.derived._process import Process
from signalscope.derived._vector import Vector
from signalscope.derived._windows import Snapshot, Window, Windows


class Given(Process):
    """A process at one moment, a minute after its start.

    Args:
        increases: How much instruments grew, by name and part (`sum`, `count`, `bucket`).
        rows: Values of rows, by key; the others are computed.
    """

    def __init__(self, *, increases: Mapping[tuple[str, str], Vector] | None = None, **rows: Vector) -> None:
        nothing = Snapshot(60.0, 0.0, {}, {}, frozenset())
        super().__init__(Windows(), Config(), nothing)
        self._rows.update(rows)
        self._increases = dict(increases or {})

    def increase(self, instrument: str, part: str, over: float) -> Vector:
        """What was given."""
        return self._increases.get((instrument, part), {})

    def over(self, seconds: float) -> Window:
        """A minute."""
        now = self.now()
        return Window(60.0, now, now)
