"""The tables of docs/anomaly-and-forecast.md."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.insight.scenarios import BEGIN, END, Scenario
from benchmarks.insight.score import Anomalies, Exhaustion
from benchmarks.report import write_measured
from signalscope.derived.table.anomaly import SIGNALS

__all__ = ["DOCS", "Forecasts", "PredictionIntervals", "write_docs"]

DOCS = Path(__file__).parents[2] / "docs" / "anomaly-and-forecast.md"
_JUDGED_DAYS = 28


@dataclass(frozen=True, slots=True)
class PredictionIntervals:
    """Results of the intervals and of the simple method in histories with and without events, and level shifts.

    Attributes:
        eventful: Histories with events.
        calm: Histories without events.
        intervals: Results of the intervals with events, and without.
        simple: Results of the simple method with events, and without.
        shifts: Days from each level shift to the end of its last alert.
    """

    eventful: Sequence[Scenario]
    calm: Sequence[Scenario]
    intervals: tuple[Anomalies, Anomalies]
    simple: tuple[Anomalies, Anomalies]
    shifts: Sequence[float]


@dataclass(frozen=True, slots=True)
class Forecasts:
    """Results of the forecast and of a straight line.

    Attributes:
        forecast: Hours by prediction and outcome of the forecast, by resource.
        straight: Hours by prediction and outcome of a straight line, by resource.
        errors: Median relative error, by method.
        within: Ratio of moments within the interval.
    """

    forecast: Mapping[str, Exhaustion]
    straight: Mapping[str, Exhaustion]
    errors: Mapping[str, float]
    within: float


def write_docs(intervals: PredictionIntervals, forecasts: Forecasts) -> None:
    """Print the tables, and write them between the marks of the document."""
    text = "\n".join([*_intervals(intervals), *_forecasts(forecasts)]) + "\n"
    print(text)
    write_measured(DOCS, "python -m benchmarks.insight", text)


def _intervals(results: PredictionIntervals) -> Iterator[str]:
    interval, simple, eventful, calm = results.intervals, results.simple, results.eventful, results.calm
    sessions = _sessions(calm[0])
    yield ""
    yield (
        f"{len(eventful)} histories with events and {len(calm)} without, {BEGIN:%Y-%m-%d} to {END:%Y-%m-%d}, "
        f"evaluated from the fifth week on: {sessions} sessions each, {len(SIGNALS)} signals each."
    )
    yield ""
    yield "| event | detected | delay (median) | mean ± 3 standard deviations of a day |"
    yield "| --- | --- | --- | --- |"
    for kind in sorted(interval[0].total):
        delays = interval[0].delays[kind]
        delay = f"{median(delays) / 60:.0f} min" if delays else "-"
        yield (
            f"| {kind} | {interval[0].detected[kind]} of {interval[0].total[kind]} | {delay} "
            f"| {simple[0].detected[kind]} of {simple[0].total[kind]} |"
        )
    yield f"| **recall** | **{interval[0].recall:.2f}** | | {simple[0].recall:.2f} |"
    yield ""
    yield "| false alerts, for each signal and 100 sessions | intervals | mean ± 3 standard deviations of a day |"
    yield "| --- | --- | --- |"
    for name, index, histories in (("with events", 0, eventful), ("without events", 1, calm)):
        scale = 100 / (sessions * len(histories) * len(SIGNALS))
        counts = [sum(result[index].false.values()) for result in (interval, simple)]
        yield f"| histories {name} | {counts[0] * scale:.1f} ({counts[0]}) | {counts[1] * scale:.1f} ({counts[1]}) |"
    yield ""
    if results.shifts:
        days = f"{median(results.shifts):.1f} days (median; at most {max(results.shifts):.1f})"
        yield f"A level shift alerts for {days}, in sessions; then it is the new normal level."


def _forecasts(results: Forecasts) -> Iterator[str]:
    yield ""
    yield "Exhaustion within 48 hours, evaluated every hour (hours):"
    yield ""
    yield "| CPU | came, predicted | came, not predicted | predicted, did not come | neither |"
    yield "| --- | --- | --- | --- | --- |"
    forecast, straight = results.forecast, results.straight
    for name, counts in sorted(forecast.items()):
        yield f"| {name.replace('_', ' ')} | {counts.right} | {counts.missed} | {counts.wrong} | {counts.quiet} |"
    yield f"| **all: recall {_recall(forecast):.2f}, false alarms {_alarms(forecast):.3f}** | | | | |"
    yield f"| predict_linear: recall {_recall(straight):.2f}, false alarms {_alarms(straight):.3f} | | | | |"
    yield ""
    yield "| 48 hours ahead, in sessions | median relative error |"
    yield "| --- | --- |"
    for name, error in results.errors.items():
        yield f"| {name} | {100 * error:.1f} % |"
    yield ""
    yield f"Moments in sessions within the interval of 48 hours before: {100 * results.within:.0f} %."
    yield ""


def _sessions(scenario: Scenario) -> int:
    days = {
        int(at // 86_400)
        for at, is_open in zip(scenario.times, scenario.open, strict=True)
        if is_open and at >= scenario.times[0] + _JUDGED_DAYS * 86_400
    }
    return len(days)


def _recall(results: Mapping[str, Exhaustion]) -> float:
    right, missed = (
        sum(getattr(result, name) for result in results.values()) for name in ("right", "missed")
    )
    return float(right / (right + missed))


def _alarms(results: Mapping[str, Exhaustion]) -> float:
    wrong, quiet = (sum(getattr(result, name) for result in results.values()) for name in ("wrong", "quiet"))
    return float(wrong / (wrong + quiet))
