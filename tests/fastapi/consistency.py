"""Random histories of a service, and the contradictions between the answers of its endpoints."""

from __future__ import annotations

import dataclasses
import itertools
import math
import re
from collections.abc import Iterable, Iterator
from typing import Any
from unittest import mock

import numpy as np

from signalscope import contract, instrument_greeks, recording, report_health
from signalscope.contract import Kind
from signalscope.derived import _windows
from signalscope.recording import _snapshot
from signalscope.testing import FakeClock

TICK = 5.0
#: Values whose unit is a ratio or a percentage, but which may be above 1 or 100, or below 0.
UNLIMITED = re.compile(r"cpu_|memory_by_process|growth|retention|capacity_used|forecast")
#: The value of a path that the answer does not have, such as a column of a table.
_ABSENT = ...
#: Characters that OpenMetrics escapes in the value of a label.
_ESCAPED = str.maketrans({"\\": "\\\\", "\n": "\\n", '"': '\\"'})
_STATUS = {1.0: "healthy", 0.5: "degraded", 0.0: "unhealthy"}
#: A specific reason names an instrument or a setting, or the time.
SPECIFIC = re.compile(r"signal_service_|process_|SIGNALSCOPE_|UTC|keeps|measure_cost|'|\d")


@dataclasses.dataclass(frozen=True)
class Phase:
    """A part of a history, with the same events at each tick of five seconds.

    Attributes:
        ticks: The length.
        latencies: The latency of each request of a tick, in seconds.
        failed: The number of requests of a tick that fail.
        deltas: The results of one calculation of a chain, for each tick.
        hits: The number of hits of the Greeks cache in a tick; there is one miss.
        health: The health of a component and of a dependency: 1, 0.5 or 0.
    """

    ticks: int
    latencies: tuple[float, ...] = ()
    failed: int = 0
    deltas: tuple[float, ...] = ()
    hits: int = 0
    health: float = 1.0


class History:
    """A process whose time is artificial; its recordings are real."""

    def __init__(self) -> None:
        self.clock = FakeClock(10_000.0)
        self.samples: dict[str, list[tuple[float, float]]] = {}
        self._real = _snapshot.snapshot
        self._began = self.clock()
        self._chain = instrument_greeks(calculation_type="chain", model_type="black", vectorized=True)(
            lambda deltas: {"delta": np.array(deltas), "gamma": -np.array(deltas), "vega": np.array(deltas)}
        )

    def snapshot(self, names: Iterable[str]) -> _snapshot.Snapshot:
        """Return the recordings of the process at the artificial time."""
        return dataclasses.replace(self._real(names), at=self.clock(), began=self._began)

    def patched(self) -> Any:
        """Return a context in which the windows use the artificial time."""
        return mock.patch.object(_snapshot, "snapshot", self.snapshot)

    def play(self, phases: Iterable[Phase], *, scraped: bool = False) -> None:
        """Record the events; with `scraped`, keep the samples that a scrape at each tick gives."""
        for phase in phases:
            for _ in range(phase.ticks):
                self.clock.advance(TICK)
                self._record(phase)
                _windows.shared.take()
                if scraped:
                    self._scrape()

    def _record(self, phase: Phase) -> None:
        get = recording.get_instrument
        for number, seconds in enumerate(phase.latencies):
            status = "500" if number < phase.failed else "200"
            get("signal_service.api.requests").series("/a", "GET", status, "free").record(1)
            get("signal_service.api.request.duration").series("/a", "GET", status, "free", "a").record(
                seconds
            )
            get("signal_service.signal.generation").series("momentum", "simple", "a", "success").record(
                seconds
            )
            get("signal_service.signals.emitted").series("momentum", "buy").record(1)
        if phase.deltas:
            self._chain(phase.deltas)
        operations = get("signal_service.cache.operations")
        operations.series("greeks", "get", "hit").record(phase.hits)
        operations.series("greeks", "get", "miss").record(1)
        get("signal_service.queue.size").series("work", "low").record(200 * phase.health)
        get("signal_service.queue.capacity").series("work").record(100)
        get("signal_service.active_subscriptions").series("free", "momentum", "email").record(3)
        for name in ("ticker_service", "comms_service"):
            is_healthy = phase.health == 1 or name == "comms_service"
            get("signal_service.external_service.health").series(name, "high").record(float(is_healthy))
            get("signal_service.external_service.duration").series(name, "get", "success").record(0.1)
        get("signal_service.database.query").series('a "b"\\c\nd', "quotes", "select").record(0.1)
        report_health("work_queue", phase.health)

    def _scrape(self) -> None:
        taken = self.snapshot([row.name for row in contract.instruments()])
        for name, by_values in taken.gauges.items():
            for values, value in by_values.items():
                self._keep(contract.get(name), values, "", {}, value)
        for name, series in taken.totals.items():
            instrument = contract.get(name)
            for values, totals in series.items():
                if instrument.kind is not Kind.HISTOGRAM:
                    self._keep(instrument, values, "", {}, totals.total)
                    continue
                self._keep(instrument, values, "_count", {}, totals.count)
                self._keep(instrument, values, "_sum", {}, totals.total)
                boundaries = [*map(str, instrument.buckets or ()), "+Inf"]
                for boundary, count in zip(boundaries, itertools.accumulate(totals.buckets), strict=True):
                    self._keep(instrument, values, "_bucket", {"le": boundary}, count)

    def _keep(
        self,
        instrument: contract.Instrument,
        values: tuple[str, ...],
        suffix: str,
        more: dict[str, str],
        value: float,
    ) -> None:
        names = {
            "job": "signal-service",
            "instance": "a",
            **dict(zip(instrument.attribute_names, values, strict=True)),
        }
        shown = ",".join(f'{name}="{text.translate(_ESCAPED)}"' for name, text in (names | more).items())
        self.samples.setdefault(f"{instrument.prometheus_name}{suffix}{{{shown}}}", []).append(
            (self.clock(), value)
        )

    def lines(self, end: float) -> Iterator[str]:
        """Yield the samples as OpenMetrics; the last tick is at this Unix time."""
        for series in sorted(self.samples):
            for at, value in self.samples[series]:
                yield f"{series} {value} {end - self.clock() + at:.3f}"


def contradictions(answers: dict[str, Any]) -> Iterator[str]:
    """Yield a sentence for each contradiction in the answers, by endpoint, or between them."""
    for name in ("enhanced-metrics", "performance-summary", "business-dashboard", "capacity-planning"):
        for problem in _of_one(answers[name]):
            yield f"{name}: {problem}"
    yield from _between(answers)


def _of_one(answer: dict[str, Any]) -> Iterator[str]:
    provenance = answer["provenance"]
    for path, entry in provenance.items():
        value = _at(answer, path)
        numbers = [*_numbers(value)]
        highest = {"ratio": 1, "%": 100, "score": 100}.get(entry["unit"])
        if highest is not None and not UNLIMITED.search(path):
            yield from (f"{path} = {number}" for number in numbers if not 0 <= number <= highest * (1 + 1e-9))
        if entry["unit"] in ("s", "ms"):
            yield from (f"{path} = {number}" for number in numbers if not 0 <= number < math.inf)
        if (entry["reason"] is None) != bool(numbers) and not isinstance(
            value, list | dict | str | type(_ABSENT)
        ):
            yield f"{path} = {value}, reason {entry['reason']}"
        if entry["reason"] is not None and not SPECIFIC.search(entry["reason"]):
            yield f"{path} has the reason {entry['reason']!r}"
    yield from _over_time(answer)
    yield from _windows_beside(answer, provenance, "")


def _over_time(answer: dict[str, Any]) -> Iterator[str]:
    for block in ("api", "greeks", "signals"):
        for name, statistics in answer.get(block, {}).items():
            yield from (f"{block}.{name}: {problem}" for problem in _statistics(statistics))
    if "api" in answer:
        for part in ("now", "lowest", "mean", "highest"):
            quantiles = [answer["api"][f"p{q}_seconds"][part] for q in (50, 95, 99)]
            known = [number for number in quantiles if number is not None]
            if known != sorted(known):
                yield f"the quantiles {part} are {quantiles}"


def _statistics(statistics: dict[str, Any]) -> Iterator[str]:
    low, mean, high, now = (statistics[name] for name in ("lowest", "mean", "highest", "now"))
    if low is not None and not low <= mean <= high:
        yield f"lowest {low}, mean {mean}, highest {high}"
    if low is not None and now is not None and not low <= now <= high:
        yield f"lowest {low}, now {now}, highest {high}"
    if now is not None and not 0 < statistics["now_seconds"] <= 30:
        yield f"now is over {statistics['now_seconds']} s"


def _windows_beside(block: Any, provenance: dict[str, Any], path: str) -> Iterator[str]:
    if not isinstance(block, dict):
        return
    windows = block.get("window_seconds")
    for name, value in block.items():
        inside = f"{path}.{name}" if path else name
        entry = provenance.get(inside)
        if (
            isinstance(windows, dict)
            and entry
            and isinstance(value, int | float)
            and windows.get(name) != entry["window_seconds"]
        ):
            yield f"{inside} is over {entry['window_seconds']} s; beside it: {windows.get(name)}"
        if inside != "provenance":
            yield from _windows_beside(value, provenance, inside)


def _between(answers: dict[str, Any]) -> Iterator[str]:
    enhanced, summary = answers["enhanced-metrics"], answers["performance-summary"]
    business, capacity = answers["business-dashboard"], answers["capacity-planning"]
    performance, resources = enhanced["performance"], enhanced["capacity"]
    services = [row["healthy"] for row in summary["dependencies"].values() if row["healthy"] is not None]
    queues = (capacity["queue_utilization"] or {}).values()
    pairs = {
        "resource_utilization": (resources["resource_utilization"], capacity["resource_utilization"]),
        "scaling_indicators": (resources["scaling_indicators"], capacity["scaling_indicators"]),
        "subscriptions": (enhanced["business"]["subscriptions"], business["subscriptions"]),
        "user_activity": (enhanced["business"]["user_activity"], business["user_activity"]),
        "revenue_impact": (enhanced["business"]["revenue_impact"], business["revenue_impact"]),
        "greeks cache": (
            performance["cache_performance"]["greeks_cache_hit_ratio"], (summary["caches"] or {}).get("greeks"),
        ),
        "error rate": (
            performance["api_performance"]["error_rate_percentage"],
            summary["endpoints"].get("/a", {}).get("error_rate_percentage"),
        ),
        "fullest queue": (capacity["resource_utilization"]["queue_utilization"], max(queues, default=None)),
        "dependency score": (
            resources["external_dependencies"]["dependency_health_score"],
            100 * sum(services) / len(services) if services else None,
        ),
    }  # fmt: skip
    yield from (
        f"{name}: {one} and {other}" for name, (one, other) in pairs.items() if not _equal(one, other)
    )
    health, components = enhanced["health"], enhanced["component_health"] or {}
    for name, value in components.items():
        if name in health["components"] and health["components"][name] != _STATUS[value]:
            yield f"{name} is {health['components'][name]} and {value}"
    if health["status"] == "healthy" and set(health["components"].values()) - {"healthy"}:
        yield f"the service is healthy, with {health['components']}"
    bottleneck = capacity["scaling_indicators"]["bottleneck_analysis"]
    if bottleneck and bottleneck["saturation"] != max(bottleneck["resources"].values()):
        yield f"the bottleneck is {bottleneck}"


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_equal(one[key], other[key]) for key in one)
    if isinstance(one, float | int) and isinstance(other, float | int):
        return math.isclose(one, other, rel_tol=0.02, abs_tol=0.01)
    return bool(one == other)


def _at(answer: Any, path: str) -> Any:
    """Return the value at a dotted path; the keys of tables and mappings can contain dots."""
    for name, value in answer.items() if isinstance(answer, dict) else ():
        if path == name:
            return value.get("now", value) if isinstance(value, dict) else value
        inside = _at(value, path[len(name) + 1 :]) if path.startswith(f"{name}.") else _ABSENT
        if inside is not _ABSENT:
            return inside
    return _ABSENT


def _numbers(value: Any) -> Iterator[float]:
    if isinstance(value, int | float) and not isinstance(value, bool):
        yield float(value)
    elif isinstance(value, dict):
        yield from (
            number for name, item in value.items() if "window" not in name for number in _numbers(item)
        )
