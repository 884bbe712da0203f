"""Measure anomaly detection and forecast; write the tables in docs/anomaly-and-forecast.md.

Usage: python -m benchmarks.insight [--seeds N]
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterable, Sequence
from statistics import median

from benchmarks.insight.report import Forecasts, PredictionIntervals, write_docs
from benchmarks.insight.scenarios import BEGIN, END, Scenario, make, openmetrics
from benchmarks.insight.score import Anomalies, Exhaustion, anomalies, episodes
from signalscope import derived
from signalscope.config import Config
from signalscope.demo.stack._backfill import Store
from signalscope.derived import Rule, groups
from signalscope.derived._promql import Promql
from signalscope.derived.table.calendar import session_now
from signalscope.derived.table.forecast import LOAD, WITHIN

_DAY = 86_400
#: Forecasts need two weeks of history, intervals eight trading days. Both are evaluated from the fifth week on.
_BEGIN, _END = int(BEGIN.timestamp()), int(END.timestamp())
#: Seconds between evaluations of intervals, which alert after ten minutes, and of forecasts, which change slowly.
_INTERVAL_STEP, _FORECAST_STEP = 120, 600
_JUDGED = _BEGIN + 28 * _DAY
_HORIZON = _END - 2 * _DAY


def main() -> int:
    """Measure, print the tables and write them."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.insight", description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3, help="histories with events; as many without (3)")
    seeds = range(1, parser.parse_args().seeds + 1)
    write_docs(_intervals(seeds), _forecasts(seeds))
    return 0


def _histories(seeds: Iterable[int], step: int) -> tuple[list[Scenario], list[Scenario]]:
    eventful = [make(f"eventful-{seed}", seed, step=step, events=True) for seed in seeds]
    return eventful, [make(f"calm-{seed}", 100 + seed, step=step, events=False) for seed in seeds]


def _record(store: Store, rules: Iterable[Rule], jobs: Sequence[str]) -> None:
    """Evaluate rules over the whole period, in their order; a rule that selects a job is evaluated for each job."""
    begun = time.monotonic()
    for rule in rules:
        print(f"{time.monotonic() - begun:5.0f} s  {rule.key}", file=sys.stderr, flush=True)
        selector = f'job="{_CONFIG.selectors.job}"'
        expressions = [rule.expr.replace(selector, f'job="{job}"') for job in jobs if selector in rule.expr]
        store.record([Rule(rule.key, " or ".join(f"({expr})" for expr in expressions) or rule.expr)])


def _intervals(seeds: Iterable[int]) -> PredictionIntervals:
    eventful, calm = _histories(seeds, _INTERVAL_STEP)
    with Store(_BEGIN, _END - _INTERVAL_STEP, _INTERVAL_STEP) as store:
        store.backfill(openmetrics([*eventful, *calm], without=derived.get("BOTTLENECK").name))
        _record(store, _rules("calendar", "anomaly"), [scenario.job for scenario in (*eventful, *calm)])
        return PredictionIntervals(
            eventful,
            calm,
            intervals=_anomalies(store, _LASTED, eventful, calm),
            simple=_anomalies(store, _DEVIATION, eventful, calm),
            shifts=_shifts(store, eventful),
        )


def _rules(*names: str) -> list[Rule]:
    return [rule for group in groups(_CONFIG) for rule in group.rules if group.name in names]


def _forecasts(seeds: Iterable[int]) -> Forecasts:
    _, calm = _histories(seeds, _FORECAST_STEP)
    only = ",".join(derived.get(key).name for key in ("BOTTLENECK", "API_REQUESTS"))
    with Store(_BEGIN, _END - _FORECAST_STEP, _FORECAST_STEP) as store:
        store.backfill(openmetrics(calm, only=only))
        _record(store, _rules("calendar", "forecast"), [scenario.job for scenario in calm])
        return Forecasts(
            forecast=_exhaustion(store, _FORESEEN),
            straight=_exhaustion(store, _STRAIGHT),
            errors=_errors(store),
            within=_within(store),
        )


_CONFIG = Config()
_LEVEL, _OUTSIDE = derived.get("ANOMALY_LEVEL").name, derived.get("ANOMALY_OUTSIDE").name
_SESSION = derived.get("ANOMALY_SESSION").name
_OPEN = session_now(Promql(_CONFIG))
_USED, _FORECAST = derived.get("CAPACITY_USED").name, derived.get("FORECAST").name
#: A level outside of its interval at every evaluation within the `for` of the alert.
_FOR = _CONFIG.anomaly.hold
_LASTED = (
    f"max by (job, signal) (count_over_time({_OUTSIDE}[{_FOR + _INTERVAL_STEP}s]) > {_FOR // _INTERVAL_STEP})"
)
#: The simple method for comparison: three standard deviations around the mean of the day before.
_BEYOND = f"abs({_SESSION} - avg_over_time({_LEVEL}[1d])) > 3 * stddev_over_time({_LEVEL}[1d])"
_LASTING = f"count_over_time(({_BEYOND})[{_FOR + _INTERVAL_STEP}s:{_INTERVAL_STEP}s])"
_DEVIATION = f"max by (job, signal) ({_LASTING} > {_FOR // _INTERVAL_STEP})"
_FORESEEN = f"{derived.get('EXHAUSTION').name} < {WITHIN}"
_STRAIGHT = (
    f'max by (job, resource) (predict_linear({_USED}{{resource!="{LOAD}"}}[6h], {WITHIN}) '
    f">= {_CONFIG.forecast.exhausted_at:g})"
)


def _anomalies(
    store: Store, expr: str, eventful: Sequence[Scenario], calm: Sequence[Scenario]
) -> tuple[Anomalies, Anomalies]:
    firing: dict[str, dict[str, set[int]]] = {}
    for labels, values in store.range(expr):
        moments = {at for at in values if at >= _JUDGED}
        firing.setdefault(labels["job"], {})[labels["signal"]] = moments
    with_events, without_events = Anomalies(), Anomalies()
    for scenario in eventful:
        # After a level shift, the interval may take three sessions to adapt.
        shifts = [(event.begin, event.begin + 5 * _DAY) for event in scenario.events if "shift" in event.kind]
        anomalies(with_events, scenario.events, firing.get(scenario.job, {}), shifts)
    for scenario in calm:
        anomalies(without_events, (), firing.get(scenario.job, {}))
    return with_events, without_events


def _shifts(store: Store, eventful: Sequence[Scenario]) -> list[float]:
    """Return the days from each level shift to the end of the last alert that it causes."""
    days = []
    for labels, values in store.range(_LASTED):
        for scenario in eventful:
            if labels["job"] == scenario.job:
                for shift in scenario.events:
                    if "shift" in shift.kind and labels["signal"] in shift.signals:
                        others = [event for event in scenario.events if event is not shift]
                        after = [
                            end
                            for begin, end in episodes(at for at in values if at >= shift.begin)
                            if not any(begin <= event.end + 1_200 and end >= event.begin for event in others)
                        ]
                        within = [end for end in after if end <= shift.begin + 14 * _DAY]
                        days.append((max(within) - shift.begin) / _DAY if within else 0.0)
    return days


def _exhaustion(store: Store, expr: str) -> dict[str, Exhaustion]:
    """Count the hours in which exhaustion within 48 hours was predicted or came, by resource."""
    predicted = {(labels["job"], labels["resource"]): values for labels, values in store.range(expr)}
    results: dict[str, Exhaustion] = {}
    for labels, values in store.range(f'{_USED}{{resource!="{LOAD}"}}'):
        key = (labels["job"], labels["resource"])
        full = sorted(at for at, value in values.items() if value >= _CONFIG.forecast.exhausted_at)
        result = results.setdefault(labels["resource"], Exhaustion())
        for at in range(_JUDGED, _HORIZON, 3_600):
            comes = any(at <= moment <= at + WITHIN for moment in full)
            says = at in predicted.get(key, {})
            result.right += comes and says
            result.missed += comes and not says
            result.wrong += says and not comes
            result.quiet += not says and not comes
    return results


def _errors(store: Store) -> dict[str, float]:
    """Return the median relative error in sessions 48 hours ahead, by method."""
    forecast = f'{_FORECAST}{{horizon="48h"}} offset 2d'
    straight = f"predict_linear({_USED}[6h] offset 2d, {WITHIN})"
    week = f"{_USED} offset 7d"
    errors = {}
    for name, expr in (
        ("forecast", forecast),
        ("predict_linear over 6 hours", straight),
        ("last week", week),
    ):
        relative = (
            f"abs({expr} - on (job, resource) {_USED}) / on (job, resource) {_USED} and on () ({_OPEN})"
        )
        values = [
            value for _, series in store.range(relative) for at, value in series.items() if at >= _JUDGED
        ]
        errors[name] = median(values)
    return errors


def _within(store: Store) -> float:
    """Return the ratio of the moments in sessions at which the use was within the interval of 48 hours before."""
    lower, upper = (derived.get(f"FORECAST_{key}").name for key in ("LOWER", "UPPER"))
    ahead = '{horizon="48h"} offset 2d'
    above = f"{_USED} >= bool on (job, resource) {lower}{ahead}"
    below = f"{_USED} <= bool on (job, resource) {upper}{ahead}"
    held = f"({above}) * on (job, resource) ({below}) and on () ({_OPEN})"
    values = [value for _, series in store.range(held) for at, value in series.items() if at >= _JUDGED]
    return sum(values) / len(values)


if __name__ == "__main__":
    sys.exit(main())
