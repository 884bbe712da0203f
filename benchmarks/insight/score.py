"""The comparison of alerts and predictions with the true events."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from benchmarks.insight.scenarios import Event

__all__ = ["Anomalies", "Exhaustion", "anomalies", "episodes"]

#: Seconds after the end of an event within which its alert may begin: the window of the rate, and the `for`.
_LATE = 1_200
#: Alerts that are at most this many seconds apart are one episode.
_APART = 1_800


@dataclass(slots=True)
class Anomalies:
    """Counts of events and alerts.

    Attributes:
        detected: Events that were detected, by kind.
        total: All events, by kind.
        delays: Seconds from the begin of each event to the first alert, by kind.
        false: Alerts without an event, by signal.
    """

    detected: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    total: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    delays: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    false: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    @property
    def recall(self) -> float:
        """The ratio of events that were detected."""
        return sum(self.detected.values()) / sum(self.total.values())


@dataclass(slots=True)
class Exhaustion:
    """Hours by prediction of exhaustion within 48 hours, and by outcome.

    Attributes:
        right: Predicted, and it came.
        missed: Not predicted, but it came.
        wrong: Predicted, but it did not come.
        quiet: Not predicted, and it did not come.
    """

    right: int = 0
    missed: int = 0
    wrong: int = 0
    quiet: int = 0


def episodes(moments: Iterable[int]) -> list[tuple[int, int]]:
    """Join the moments of firing to episodes; alerts at most half an hour apart are one episode."""
    joined: list[tuple[int, int]] = []
    for moment in sorted(moments):
        if joined and moment - joined[-1][1] <= _APART:
            joined[-1] = (joined[-1][0], moment)
        else:
            joined.append((moment, moment))
    return joined


def anomalies(
    result: Anomalies,
    events: Sequence[Event],
    firing: Mapping[str, set[int]],
    excused: Sequence[tuple[float, float]] = (),
) -> None:
    """Add the events and alerts of one scenario.

    Args:
        result: The counts to add to.
        events: The events to detect.
        firing: Moments at which the alert fires, by signal.
        excused: Periods in which an alert is neither right nor wrong.
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
            result.detected[event.kind] += 1
            result.delays[event.kind].append(max(min(begins) - event.begin, 0))
    explained = [(event.begin, event.end + _LATE) for event in events] + list(excused)
    for signal, alerts in stretches.items():
        for begin, end in alerts:
            if not any(first <= end and begin <= last for first, last in explained):
                result.false[signal] += 1
