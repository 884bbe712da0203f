"""Generated months of a service with trading days, and the true events in them.

All values follow from a seed. The load has the shape of a trading day, and days differ. It has noise that lasts for
minutes, random counts of events and growth. The period has a holiday, an early close and a clock change.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt

from signalscope import derived
from signalscope.config import Calendar
from signalscope.demo.service.session import activity
from signalscope.demo.stack.past import counted, lasting, sessions

__all__ = ["BEGIN", "END", "Event", "Scenario", "make", "openmetrics"]

Floats = npt.NDArray[np.float64]

#: Eleven weeks: the clock changes on 1 November, Thanksgiving is on the 26th, the 27th closes early.
BEGIN, END = datetime(2026, 9, 21, tzinfo=UTC), datetime(2026, 12, 5, tzinfo=UTC)
_WINDOW = 300
_QUIET = 0.03


@dataclass(frozen=True, slots=True)
class Event:
    """An event that should be detected.

    Attributes:
        kind: The kind of the event, for the table.
        begin: Unix time of the begin.
        end: Unix time of the end.
        signals: The signals that the event changes; an alert on one signal is enough.
    """

    kind: str
    begin: float
    end: float
    signals: tuple[str, ...]


@dataclass(slots=True)
class Scenario:
    """The months of one service.

    Attributes:
        job: The label `job` of the service.
        step: Seconds between samples.
        times: Unix times of the samples.
        open: True at the times at which the market trades.
        series: Values by metric name and labels; NaN without a sample.
        events: The events that should be detected.
    """

    job: str
    step: int
    times: Floats
    open: npt.NDArray[np.bool_]
    series: dict[tuple[str, str], Floats] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)


def make(job: str, seed: int, *, step: int, events: bool) -> Scenario:
    """Generate a scenario.

    Args:
        job: The label `job` of the service.
        seed: Seed of the random numbers.
        step: Seconds between samples.
        events: True to add events; without events, each alert is false.
    """
    chance = np.random.default_rng(seed)
    times = np.arange(BEGIN.timestamp(), END.timestamp(), step)
    progress, day = sessions(times, Calendar())
    scenario = Scenario(job, step, times, progress >= 0)
    shape = np.array([activity(done) if done >= 0 else _QUIET for done in progress])
    weeks = (times - times[0]) / (7 * 86_400)
    of_day = np.exp(chance.normal(0, 0.08, int(day.max()) + 1))[day]
    load = shape * of_day * 1.02**weeks * np.exp(lasting(chance, len(times), 0.05, step))
    chosen = _Events(scenario, chance) if events else None
    factors = {name: np.ones_like(times) for name in ("requests", "greeks", "signals", "latency")}
    errors, gone = np.full_like(times, 0.0005), np.zeros_like(times, dtype=bool)
    if chosen is not None:
        _disturb(chosen, factors, errors, gone)
    requests = counted(chance, 40 * load * factors["requests"])
    busy = load * factors["requests"]
    levels = {
        "API_REQUESTS": requests,
        "GREEKS_OPTIONS": 25 * counted(chance, 30 * busy * factors["greeks"]),
        "SIGNALS": counted(chance, 2.5 * busy * factors["signals"]),
        "API_P95": 0.08 * (1 + 0.4 * busy) * np.exp(chance.normal(0, 0.08, len(times))) * factors["latency"],
        "ERROR_RATE": 100
        * chance.binomial((requests * _WINDOW).astype(int), errors)
        / np.maximum(requests * _WINDOW, 1),
    }
    for key, values in levels.items():
        scenario.series[derived.get(key).name, ""] = np.where(gone, np.nan, values)
    for resource, values in _resources(chance, step, shape, of_day, weeks).items():
        scenario.series[derived.get("BOTTLENECK").name, f'resource="{resource}",kind="cpu"'] = values
    return scenario


class _Events:
    """A generator of events that do not overlap, in sessions after the first four weeks."""

    def __init__(self, scenario: Scenario, chance: np.random.Generator) -> None:
        self.scenario = scenario
        self.chance = chance
        self.step = scenario.step
        self._taken = np.zeros_like(scenario.open)

    def at(self, kind: str, minutes: int, signals: tuple[str, ...], begin: int | None = None) -> slice:
        """Choose a place for an event, at least half an hour after the open; add the event and return its samples."""
        steps, margin = minutes * 60 // self.step, 3 * 3_600 // self.step
        first = 28 * 86_400 // self.step
        while begin is None:
            drawn = int(self.chance.integers(first, len(self.scenario.times) - steps))
            around = slice(drawn - 1_800 // self.step, drawn + steps + 600 // self.step)
            if (
                self.scenario.open[around].all()
                and not self._taken[max(drawn - margin, 0) : drawn + steps + margin].any()
            ):
                begin = drawn
        where = slice(begin, begin + steps)
        self._taken[where] = True
        times = self.scenario.times
        self.scenario.events.append(
            Event(kind, float(times[begin]), float(times[begin + steps - 1]), signals)
        )
        return where


_COUNTED = ("request_rate", "greeks_throughput", "signal_rate")


def _disturb(
    chosen: _Events, factors: dict[str, Floats], errors: Floats, gone: npt.NDArray[np.bool_]
) -> None:
    day = 86_400 // chosen.step
    for _ in range(5):
        factors["requests"][chosen.at("spike: three times the requests, 30 min", 30, _COUNTED)] *= 3
    for _ in range(4):
        factors["requests"][chosen.at("outage: no request, 45 min", 45, _COUNTED)] = 0
    for _ in range(4):
        factors["signals"][chosen.at("drop to zero: no signal, 30 min", 30, ("signal_rate",))] = 0
    for _ in range(3):
        gone[chosen.at("no data at all, 40 min", 40, _COUNTED)] = True
    for _ in range(4):
        factors["greeks"][chosen.at("Greeks down by 60 %, 45 min", 45, ("greeks_throughput",))] = 0.4
    for _ in range(4):
        factors["latency"][chosen.at("latency three times as high, 30 min", 30, ("latency",))] = 3
    for _ in range(4):
        errors[chosen.at("3 % errors, 30 min", 30, ("error_ratio",))] = 0.03
    # A spike of the day before must not widen the interval so that it hides these events.
    spikes = [event for event in chosen.scenario.events if event.kind.startswith("spike")]
    for spike in spikes:
        begin = round((spike.begin - chosen.scenario.times[0]) / chosen.step) + day
        around = slice(begin, begin + 1_800 // chosen.step)
        within = around.stop < len(chosen.scenario.times) and chosen.scenario.open[around].all()
        if within and (factors["requests"][around] == 1).all():
            factors["requests"][
                chosen.at("three times the requests again, the day after a spike", 30, _COUNTED, begin)
            ] *= 3
    begin = int(np.argmax(chosen.scenario.times >= datetime(2026, 11, 9, 14, 30, tzinfo=UTC).timestamp()))
    chosen.at("level shift: 60 % more requests from then on", 390, _COUNTED, begin)
    factors["requests"][begin:] *= 1.6


def _resources(
    chance: np.random.Generator, step: int, shape: Floats, of_day: Floats, weeks: Floats
) -> dict[str, Floats]:
    """Return the CPU utilization, 0 to 1, of services with different trends."""
    peak = shape.max()
    begin = 49 / 7

    def used(level: Floats | float) -> Floats:
        noise = np.exp(lasting(chance, len(shape), 0.04, step))
        return np.clip(0.05 + 0.9 * level * shape / peak * of_day**0.6 * noise, 0, 1)

    return {
        "steady": used(0.62),
        "growing": used(0.62 * 1.06**weeks),
        "growing_slowly": used(0.55 * 1.02**weeks),
        "stepping": used(np.where(weeks >= begin, 1.2, 0.65)),
        "spiking": used(np.where((weeks * 7 * 24) % (24 * 11) < 2, 1.3, 0.6)),
    }


def openmetrics(scenarios: Sequence[Scenario], without: str = "", only: str = "") -> Iterator[str]:
    """Yield the lines of scenarios in OpenMetrics.

    Args:
        scenarios: The scenarios to write.
        without: A metric to leave out.
        only: The metrics to write, separated by commas; empty for all metrics.
    """
    names = {name for scenario in scenarios for name, _ in scenario.series if name != without}
    if only:
        names &= set(only.split(","))
    for name in sorted(names):
        yield f"# TYPE {name} gauge\n"
        for scenario in scenarios:
            for (metric, labels), values in scenario.series.items():
                if metric == name:
                    head = f'{name}{{job="{scenario.job}"{"," + labels if labels else ""}}}'
                    for moment, value in zip(scenario.times, values, strict=True):
                        if value == value:  # noqa: PLR0124  # not NaN
                            yield f"{head} {value:.6g} {int(moment)}\n"
    yield "# EOF\n"
