"""Counters that increase evenly and constant gauges, for Prometheus and for a process; promtool checks the claims."""

from __future__ import annotations

import json
import random
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from signalscope import binaries, contract, derived
from signalscope.config import Config
from signalscope.contract import Instrument, Kind
from signalscope.derived._vector import Vector
from signalscope.derived._windows import Snapshot, Window, Windows, kept, reduced
from signalscope.recording import _snapshot as recorded
from signalscope.recording._store import Totals

STEP, SECONDS, END = 30, 5_400, 15 * 86_400
JOB = "signal-service"
CONFIG = Config.model_validate(
    {
        "pipeline": dict.fromkeys(("evaluation", "recording", "slo", "insight", "history"), STEP),
        "windows": {"event_loop": 2 * STEP},
        "slos": {"budget_seconds": 900},
        "business": {"monthly_prices": {"free": 0, "enterprise": 499}},
    }
)
_CHOICES = {
    "endpoint": ("/a", "/b"), "status_code": ("200", "500"), "user_tier": ("free", "enterprise"),
    "signal_type": ("momentum", "squeeze"), "service_name": ("ticker_service", "comms_service"),
    "cache_type": ("greeks", "indicators"), "queue_type": ("work",), "priority": ("critical", "low"),
    "feature": ("chain_greeks", "volatility_surface", "signals", "custom"),
    "operation_type": ("chain", "signal", "custom"), "component": ("database", "redis"),
}  # fmt: skip


class Scenario:
    """Random counters that increase evenly and constant gauges: the same for Prometheus and for a process.

    Args:
        seed: The seed of the random numbers.
    """

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._grows: dict[tuple[str, tuple[str, ...]], Totals] = {}
        self._stays: dict[tuple[str, tuple[str, ...]], float] = {}
        gauges = [instrument for instrument in contract.instruments() if instrument.kind is Kind.GAUGE]
        for instrument in [*(contract.get(name) for name in kept()), *gauges]:
            for values in self._values(instrument):
                self._add(instrument, values)

    def _values(self, instrument: Instrument) -> Iterator[tuple[str, ...]]:
        combinations: list[tuple[str, ...]] = [()]
        for attribute in instrument.attributes:
            chosen = _CHOICES.get(attribute.name) or (attribute.values or ("x",))
            combinations = [(*values, value) for values in combinations for value in chosen]
        if instrument.name == "signal_service.external_service.health":
            combinations = [("ticker_service", "critical"), ("comms_service", "high")]
        kept = [values for values in combinations if self._random.random() < 0.8] or combinations[:1]
        yield from self._random.sample(kept, min(len(kept), 24))

    def _add(self, instrument: Instrument, values: tuple[str, ...]) -> None:
        key, draw = (instrument.name, values), self._random
        if instrument.kind is Kind.HISTOGRAM:
            buckets = tuple(draw.choice((0, 0, 1, 3)) for _ in range(len(instrument.buckets or ()) + 1))
            self._grows[key] = Totals(sum(buckets), sum(buckets) * draw.uniform(0.01, 0.6), buckets)
        elif instrument.kind is Kind.GAUGE:
            self._stays[key] = self._gauge(instrument)
        elif instrument.name == "process.cpu":
            self._grows[key] = Totals(1, draw.uniform(0.1, 0.9) * STEP, (0,))
        else:
            self._grows[key] = Totals(1, float(draw.choice((0, 1, 2, 7))), (0,))

    def _gauge(self, instrument: Instrument) -> float:
        draw = self._random
        special: dict[str, Callable[[], float]] = {
            "process.resident_memory": lambda: draw.uniform(1e8, 4e9),
            "signal_service.external_service.health": lambda: float(draw.choice((0, 1))),
            "signal_service.health_check.status": lambda: draw.choice((0.0, 0.5, 1.0)),
            "signal_service.queue.capacity": lambda: 400.0,
        }
        return special.get(instrument.name, lambda: float(draw.randrange(0, 300)))()

    def input_series(self, job: str = JOB, *, native: bool = False) -> Iterator[dict[str, str]]:
        """Yield the series in the notation of promtool.

        Args:
            job: The value of the label ``job``.
            native: True for native histograms, as a scrape stores them that converts classic histograms.
        """
        steps = SECONDS // STEP
        for (name, values), step in self._grows.items():
            instrument = contract.get(name)
            shown = _shown(instrument, values, job)
            prometheus = instrument.prometheus_name
            if instrument.kind is not Kind.HISTOGRAM:
                yield series_input(f"{prometheus}{{{shown}}}", 0, step.total, steps)
                continue
            if native:
                yield _native_input(f"{prometheus}{{{shown}}}", instrument.buckets or (), step, steps)
                continue
            running = 0
            bounds = [*map(str, instrument.buckets or ()), "+Inf"]
            for bound, count in zip(bounds, step.buckets, strict=True):
                running += count
                yield series_input(f'{prometheus}_bucket{{{shown},le="{bound}"}}', 0, running, steps)
            yield series_input(f"{prometheus}_count{{{shown}}}", 0, step.count, steps)
            yield series_input(f"{prometheus}_sum{{{shown}}}", 0, step.total, steps)
        for (name, values), value in self._stays.items():
            instrument = contract.get(name)
            yield series_input(
                f"{instrument.prometheus_name}{{{_shown(instrument, values, job)}}}", value, 0, steps
            )

    def snapshot(self, seconds: float) -> Snapshot:
        """Return the snapshot of a process that has run for some seconds."""
        steps = seconds / STEP
        totals: dict[str, dict[tuple[str, ...], Totals]] = {}
        gauges: dict[str, dict[tuple[str, ...], float]] = {}
        for (name, values), step in self._grows.items():
            counts = tuple(int(count * steps) for count in step.buckets)
            grown = Totals(int(step.count * steps), step.total * steps, counts)
            totals.setdefault(name, {})[values] = grown
        for (name, values), value in self._stays.items():
            gauges.setdefault(name, {})[values] = value
        return reduced(recorded.Snapshot(seconds, 0.0, totals, gauges), None)


class Watched(Windows):
    """The windows of a process that has recorded a scenario for an hour and a half."""

    def __init__(self, scenario: Scenario) -> None:
        super().__init__()
        self._scenario = scenario

    def take(self) -> Snapshot:
        """Return the snapshot at the end of the scenario."""
        return self._scenario.snapshot(SECONDS)

    def window(self, seconds: float, now: Snapshot | None = None) -> Window:
        """Return a window of exactly this length."""
        return Window(seconds, now or self.take(), self._scenario.snapshot(SECONDS - seconds))


def _native_input(name: str, boundaries: tuple[float, ...], step: Totals, steps: int) -> dict[str, str]:
    """Return a native histogram that increases evenly, in the notation of promtool."""

    def histogram(count: float, total: float, buckets: tuple[int, ...]) -> str:
        limits, counts = " ".join(f"{limit:.12g}" for limit in boundaries), " ".join(map(str, buckets))
        return f"{{{{schema:-53 count:{count} sum:{total!r} custom_values:[{limits}] buckets:[{counts}]}}}}"

    empty = histogram(0, 0.0, (0,) * len(step.buckets))
    return {"series": name, "values": f"{empty}+{histogram(step.count, step.total, step.buckets)}x{steps}"}


def _shown(instrument: Instrument, values: tuple[str, ...], job: str) -> str:
    pairs = zip(instrument.attribute_names, values, strict=True)
    return ",".join([f'job="{job}",instance="a"', *(f'{name}="{value}"' for name, value in pairs)])


def series_input(name: str, first: float, step: float, steps: int) -> dict[str, str]:
    """Return a series that increases evenly, in the notation of promtool."""
    return {"series": name, "values": f"{first!r}+{step!r}x{steps}"}


def claims(
    key: str, job: str, expected: Vector, at: int, tolerance: float = 1e-6
) -> Iterator[dict[str, Any]]:
    """Claim that a recorded series has exactly these values, in the notation of promtool."""
    row = derived.get(key)
    yield from claims_of(row.name, row.optional, expected, job=job, at=at, tolerance=tolerance)


def claims_of(
    name: str,
    optional: tuple[str, ...],
    expected: Vector,
    *,
    job: str = JOB,
    at: int = SECONDS,
    tolerance: float = 1e-6,
) -> Iterator[dict[str, Any]]:
    """Claim that the series with a name have exactly these values."""
    count = [{"labels": "{}", "value": len(expected)}] if expected else []
    yield {"expr": f'count({name}{{job="{job}"}})', "eval_time": f"{at}s", "exp_samples": count}
    for labels, value in expected.items():
        known = {"job": job, **dict(labels)}
        matchers = [f'{label}="{text}"' for label, text in known.items()]
        matchers += [f'{label}=""' for label in optional if label not in known]
        allowed = tolerance * max(abs(value), 1e-3)
        yield {
            "expr": f"abs({name}{{{','.join(matchers)}}} - ({value!r})) <= bool {allowed!r}",
            "eval_time": f"{at}s",
            "exp_samples": [
                {"labels": f"{{{','.join(f'{label}={chr(34)}{text}{chr(34)}' for label, text in known.items())}}}",
                 "value": 1}
            ],
        }  # fmt: skip


def promtool(
    folder: Path,
    rules: Path,
    inputs: list[Any],
    wanted: list[Any],
    *,
    interval: int = STEP,
    evaluation: int = STEP,
) -> None:
    """Check the claims with the rule engine of Prometheus.

    Args:
        folder: The folder for the file of the test.
        rules: The file of rules.
        inputs: The input series.
        wanted: The claims.
        interval: Seconds between two values of a series.
        evaluation: Seconds between two evaluations of the rules.
    """
    test = {
        "rule_files": [str(rules)],
        "evaluation_interval": f"{evaluation}s",
        "tests": [{"interval": f"{interval}s", "input_series": inputs, "promql_expr_test": wanted}],
    }
    path = folder / "test.yaml"
    path.write_text(json.dumps(test), encoding="utf-8")
    command = [str(binaries.find("promtool")), "test", "rules", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, (done.stdout + done.stderr)[:6_000]


def of_instance_a(vector: Vector) -> Vector:
    """Return the vector with ``a`` as the instance, the name of the process in the scenario."""
    return {
        tuple((name, "a" if name == "instance" else text) for name, text in labels): value
        for labels, value in vector.items()
    }
