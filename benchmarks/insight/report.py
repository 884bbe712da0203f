"""The tables of docs/anomaly-and-forecast.md."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.insight.scenarios import BEGIN, END, Scenario
from benchmarks.insight.score import Anomalies, Exhaustion
from signalscope.derived.table.anomaly import SIGNALS

__all__ = ["DOCS", "Forecasts", "PredictionIntervals", "write_docs"]

DOCS = Path(__file__).parents[2] / "docs" / "anomaly-and-forecast.md"
_BEGIN, _END = "<!-- measured: written by `python -m benchmarks.insight` -->\n", "<!-- measured: end -->\n"
_JUDGED_DAYS = 28


@dataclass(frozen=True, slots=True)
class PredictionIntervals:
    """What the intervals noticed in histories with and without events; the same of the simple way; level shifts."""

    eventful: Sequence[Scenario]
    calm: Sequence[Scenario]
    ours: tuple[Anomalies, Anomalies]
    simple: tuple[Anomalies, Anomalies]
    shifts: Sequence[float]


@dataclass(frozen=True, slots=True)
class Forecasts:
    """What the forecast and a straight line foresaw, how far off each way was; the share within the interval."""

    ours: Mapping[str, Exhaustion]
    straight: Mapping[str, Exhaustion]
    errors: Mapping[str, float]
    within: float


def write_docs(intervals: PredictionIntervals, forecasts: Forecasts) -> None:
    """Print the tables, and put them between the marks of the document."""
    text = "\n".join([*_intervals(intervals), *_forecasts(forecasts)]) + "\n"
    print(text)
    before, rest = DOCS.read_text(encoding="utf-8").split(_BEGIN)
    _, after = rest.split(_END)
    DOCS.write_text(f"{before}{_BEGIN}{text}{_END}{after}", encoding="utf-8")


def _intervals(found: PredictionIntervals) -> Iterator[str]:
    interval, simple, eventful, calm = found.ours, found.simple, found.eventful, found.calm
    sessions = _sessions(calm[0])
    yield ""
    yield (
        f"{len(eventful)} histories with events and {len(calm)} without, {BEGIN:%Y-%m-%d} to {END:%Y-%m-%d}, "
        f"judged from the fifth week on: {sessions} sessions each, {len(SIGNALS)} signals each."
    )
    yield ""
    yield "| event | noticed | delay (median) | mean ± 3 standard deviations of a day |"
    yield "| --- | --- | --- | --- |"
    for kind in sorted(interval[0].total):
        delays = interval[0].delays[kind]
        delay = f"{median(delays) / 60:.0f} min" if delays else "-"
        yield (
            f"| {kind} | {interval[0].found[kind]} of {interval[0].total[kind]} | {delay} "
            f"| {simple[0].found[kind]} of {simple[0].total[kind]} |"
        )
    yield f"| **recall** | **{interval[0].recall:.2f}** | | {simple[0].recall:.2f} |"
    yield ""
    yield "| false alerts, for each signal and 100 sessions | intervals | mean ± 3 standard deviations of a day |"
    yield "| --- | --- | --- |"
    for name, index, histories in (("with events", 0, eventful), ("without events", 1, calm)):
        scale = 100 / (sessions * len(histories) * len(SIGNALS))
        counts = [sum(each[index].false.values()) for each in (interval, simple)]
        yield f"| histories {name} | {counts[0] * scale:.1f} ({counts[0]}) | {counts[1] * scale:.1f} ({counts[1]}) |"
    yield ""
    if found.shifts:
        days = f"{median(found.shifts):.1f} days (median; at the most {max(found.shifts):.1f})"
        yield f"A level shift is told for {days}, in sessions; then it is the new normal."


def _forecasts(found: Forecasts) -> Iterator[str]:
    yield ""
    yield "Exhaustion within 48 hours, judged every hour (hours):"
    yield ""
    yield "| CPU that is | it came and was foreseen | it came, not foreseen | foreseen, did not come | neither |"
    yield "| --- | --- | --- | --- | --- |"
    ours, straight = found.ours, found.straight
    for name, each in sorted(ours.items()):
        yield f"| {name.replace('_', ' ')} | {each.right} | {each.missed} | {each.wrong} | {each.quiet} |"
    yield f"| **all: recall {_recall(ours):.2f}, false alarms {_alarms(ours):.3f}** | | | | |"
    yield f"| predict_linear: recall {_recall(straight):.2f}, false alarms {_alarms(straight):.3f} | | | | |"
    yield ""
    yield "| 48 hours ahead, in sessions | median relative error |"
    yield "| --- | --- |"
    for name, error in found.errors.items():
        yield f"| {name} | {100 * error:.1f} % |"
    yield ""
    yield f"Moments of sessions that were within the interval of 48 hours before: {100 * found.within:.0f} %."
    yield ""


def _sessions(scenario: Scenario) -> int:
    days = {
        int(at // 86_400)
        for at, is_open in zip(scenario.times, scenario.open, strict=True)
        if is_open and at >= scenario.times[0] + _JUDGED_DAYS * 86_400
    }
    return len(days)


def _recall(results: Mapping[str, Exhaustion]) -> float:
    right, missed = (sum(getattr(each, name) for each in results.values()) for name in ("right", "missed"))
    return float(right / (right + missed))


def _alarms(results: Mapping[str, Exhaustion]) -> float:
    wrong, quiet = (sum(getattr(each, name) for each in results.values()) for name in ("wrong", "quiet"))
    return float(wrong / (wrong + quiet))
