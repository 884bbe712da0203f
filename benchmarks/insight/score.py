"""Comparing what was told with what was there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from benchmarks.insight.scenarios import Event

__all__ = ["Anomalies", "Exhaustion", "anomalies", "episodes"]

#: How long after an event's end the alert may still begin: its rate, and the hold.
_LATE = 1_200
_APART = 1_800


@dataclass(slots=True)
class Anomalies:
    """What became of events and alerts.

    Attributes:
        found: Events that were noticed, by kind.
        total: All events, by kind.
        delays: Seconds from each event's begin to the first alert, by kind.
        false: Alerts that no event explains, by signal.
    """

    found: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    total: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    delays: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    false: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    @property
    def recall(self) -> float:
        """Events that were noticed, of all."""
        return sum(self.found.values()) / sum(self.total.values())


@dataclass(slots=True)
class Exhaustion:
    """How often exhaustion within 48 hours was foreseen where it came, and where it did not."""

    right: int = 0
    missed: int = 0
    wrong: int = 0
    quiet: int = 0


def episodes(moments: Iterable[int]) -> list[tuple[int, int]]:
    """Moments of firing as stretches; what is less than half an hour apart is one."""
    found: list[tuple[int, int]] = []
    for moment in sorted(moments):
        if found and moment - found[-1][1] <= _APART:
            found[-1] = (found[-1][0], moment)
        else:
            found.append((moment, moment))
    return found


def anomalies(
    result: Anomalies,
    events: Sequence[Event],
    firing: Mapping[str, set[int]],
    excused: Sequence[tuple[float, float]] = (),
) -> None:
    """Add one scenario.

    Args:
        result: What it is added to.
        events: What was to be noticed.
        firing: Moments at which the alert fires, by signal.
        excused: Stretches in which an alert is neither right nor wrong.
    """
    stretches = {signal: episodes(moments) for signal, moments in firing.items()}
    for event in events:
        result.total[event.kind] += 1
        begins = [
            begin
            for signal in event.signals
            for begin, end in stretches.get(signal, ())
            if begin <= event.end + _LATE and end >= event.begin
        ]
        if begins:
            result.found[event.kind] += 1
            result.delays[event.kind].append(max(min(begins) - event.begin, 0))
    explained = [(each.begin, each.end + _LATE) for each in events] + list(excused)
    for signal, own in stretches.items():
        for begin, end in own:
            if not any(first <= end and begin <= last for first, last in explained):
                result.false[signal] += 1
