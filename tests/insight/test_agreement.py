"""The pure functions and the recording rules say the same of the same series; promtool evaluates these."""

from __future__ import annotations

import json
import random
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from signalscope import binaries, contract, derived
from signalscope.config import Config
from signalscope.contract._model import Instrument, Kind
from signalscope.derived import groups
from signalscope.derived._process import Process
from signalscope.derived._vector import Vector, labels, single
from signalscope.derived._windows import Look, Window, Windows, kept, reduced
from signalscope.insight import capacity
from signalscope.mixin.generate import generate
from signalscope.recording._snapshot import Snapshot, Totals

pytestmark = [pytest.mark.needs("promtool"), pytest.mark.timeout(180)]

STEP, SECONDS, END = 30, 5_400, 15 * 86_400
JOB = "signal-service"
CONFIG = Config.model_validate(
    {
        "pipeline": dict.fromkeys(("evaluation", "recording", "slo", "insight", "history"), STEP),
        "business": {"monthly_prices": {"free": 0, "enterprise": 499}},
    }
)
#: What a process has in another way than the rules, on purpose (docs/monitoring-api.md).
DIFFERENT = {
    "RETENTION": "a process keeps no days, so it has the stickiness alone",
    "KPI_VALUE": "some of them need days", "KPI_ATTAINMENT": "some of them need days",
}  # fmt: skip
_CHOICES = {
    "endpoint": ("/a", "/b"), "status_code": ("200", "500"), "user_tier": ("free", "enterprise"),
    "signal_type": ("momentum", "squeeze"), "service_name": ("ticker_service", "comms_service"),
    "cache_type": ("greeks", "indicators"), "queue_type": ("work",), "priority": ("critical", "low"),
    "feature": ("chain_greeks", "volatility_surface", "signals", "custom"),
    "operation_type": ("chain", "signal", "custom"), "component": ("database", "redis"),
}  # fmt: skip


class Scenario:
    """Series that grow evenly, or stay: the same for Prometheus and for a process.

    Args:
        seed: Chooses them.
    """

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._grows: dict[tuple[str, tuple[str, ...]], Totals] = {}
        self._stays: dict[tuple[str, tuple[str, ...]], float] = {}
        gauges = [each for each in contract.instruments() if each.kind is Kind.GAUGE]
        for instrument in [*(contract.get(name) for name in kept()), *gauges]:
            for values in self._values(instrument):
                self._add(instrument, values)

    def _values(self, instrument: Instrument) -> Iterator[tuple[str, ...]]:
        combinations: list[tuple[str, ...]] = [()]
        for attribute in instrument.attributes:
            chosen = _CHOICES.get(attribute.name) or (attribute.values or ("x",))
            combinations = [(*each, value) for each in combinations for value in chosen]
        if instrument.name == "signal_service.external_service.health":
            combinations = [("ticker_service", "critical"), ("comms_service", "high")]
        kept = [each for each in combinations if self._random.random() < 0.8] or combinations[:1]
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

    def input_series(self) -> Iterator[dict[str, str]]:
        """The series as promtool reads them."""
        steps = SECONDS // STEP
        for (name, values), step in self._grows.items():
            instrument = contract.get(name)
            shown = _shown(instrument, values)
            prometheus = instrument.prometheus_name
            if instrument.kind is not Kind.HISTOGRAM:
                yield _input(f"{prometheus}{{{shown}}}", 0, step.total, steps)
                continue
            running = 0
            bounds = [*map(str, instrument.buckets or ()), "+Inf"]
            for bound, count in zip(bounds, step.buckets, strict=True):
                running += count
                yield _input(f'{prometheus}_bucket{{{shown},le="{bound}"}}', 0, running, steps)
            yield _input(f"{prometheus}_count{{{shown}}}", 0, step.count, steps)
            yield _input(f"{prometheus}_sum{{{shown}}}", 0, step.total, steps)
        for (name, values), value in self._stays.items():
            instrument = contract.get(name)
            yield _input(f"{instrument.prometheus_name}{{{_shown(instrument, values)}}}", value, 0, steps)

    def look(self, seconds: float) -> Look:
        """What a process sees of it after so many seconds."""
        steps = seconds / STEP
        totals: dict[str, dict[tuple[str, ...], Totals]] = {}
        gauges: dict[str, dict[tuple[str, ...], float]] = {}
        for (name, values), step in self._grows.items():
            counts = tuple(int(each * steps) for each in step.buckets)
            grown = Totals(int(step.count * steps), step.total * steps, counts)
            totals.setdefault(name, {})[values] = grown
        for (name, values), value in self._stays.items():
            gauges.setdefault(name, {})[values] = value
        return reduced(Snapshot(seconds, 0.0, totals, gauges), None)


class Watched(Windows):
    """The windows of a process that has recorded a scenario for an hour and a half."""

    def __init__(self, scenario: Scenario) -> None:
        super().__init__()
        self._scenario = scenario

    def look(self) -> Look:
        """At the end."""
        return self._scenario.look(SECONDS)

    def window(self, seconds: float, now: Look | None = None) -> Window:
        """Of exactly that length."""
        return Window(seconds, now or self.look(), self._scenario.look(SECONDS - seconds))


def _shown(instrument: Instrument, values: tuple[str, ...]) -> str:
    pairs = zip(instrument.attribute_names, values, strict=True)
    return ",".join([f'job="{JOB}",instance="a"', *(f'{name}="{value}"' for name, value in pairs)])


def _input(name: str, first: float, step: float, steps: int) -> dict[str, str]:
    return {"series": name, "values": f"{first!r}+{step!r}x{steps}"}


def _claims(
    key: str, job: str, expected: Vector, at: int, tolerance: float = 1e-6
) -> Iterator[dict[str, Any]]:
    """That a recorded series has exactly these values, as promtool's tests say it."""
    name, optional = derived.get(key).name, derived.get(key).optional
    count = [{"labels": "{}", "value": len(expected)}] if expected else []
    yield {"expr": f'count({name}{{job="{job}"}})', "eval_time": f"{at}s", "exp_samples": count}
    for found, value in expected.items():
        known = {"job": job, **dict(found)}
        matchers = [f'{label}="{each}"' for label, each in known.items()]
        matchers += [f'{label}=""' for label in optional if label not in known]
        allowed = tolerance * max(abs(value), 1e-3)
        yield {
            "expr": f"abs({name}{{{','.join(matchers)}}} - ({value!r})) <= bool {allowed!r}",
            "eval_time": f"{at}s",
            "exp_samples": [
                {"labels": f"{{{','.join(f'{label}={chr(34)}{each}{chr(34)}' for label, each in known.items())}}}",
                 "value": 1}
            ],
        }  # fmt: skip


def _promtool(folder: Path, rules: Path, interval: str, inputs: list[Any], claims: list[Any]) -> None:
    """Let the real rule engine judge the claims."""
    test = {
        "rule_files": [str(rules)],
        "evaluation_interval": interval,
        "tests": [{"interval": interval, "input_series": inputs, "promql_expr_test": claims}],
    }
    path = folder / "test.yaml"
    path.write_text(json.dumps(test), encoding="utf-8")
    command = [str(binaries.find("promtool")), "test", "rules", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, (done.stdout + done.stderr)[:6_000]


@pytest.mark.parametrize("seed", [1, 2])
def test_the_process_computes_what_the_rules_record(tmp_path: Path, seed: int) -> None:
    """Every series that a process can have, label by label, of random counters, histograms and gauges."""
    scenario = Scenario(seed)
    generate(CONFIG, tmp_path)
    process = Process(Watched(scenario), CONFIG)
    keys = [
        row.key
        for row in derived.all_series()
        if row.is_local(CONFIG) and row.key not in DIFFERENT and row.section != "slos"
    ]
    mine = {key: _of_instance_a(process.row(key)) for key in keys}
    assert sum(bool(each) for each in mine.values()) > 0.9 * len(keys)
    claims = [claim for key in keys for claim in _claims(key, JOB, mine[key], SECONDS)]
    rules = tmp_path / "rules" / "signalscope-recordings.yaml"
    _promtool(tmp_path, rules, f"{STEP}s", list(scenario.input_series()), claims)


def test_a_wrong_number_is_noticed(tmp_path: Path) -> None:
    """The comparison can fail: a percent off, and it does."""
    scenario = Scenario(1)
    generate(CONFIG, tmp_path)
    found = Process(Watched(scenario), CONFIG).row("API_MEAN")
    wrong = {each: value * 1.01 for each, value in found.items()}
    rules = tmp_path / "rules" / "signalscope-recordings.yaml"
    claims = list(_claims("API_MEAN", JOB, wrong, SECONDS))
    with pytest.raises(AssertionError, match="mean5m"):
        _promtool(tmp_path, rules, f"{STEP}s", list(scenario.input_series()), claims)


def _of_instance_a(vector: Vector) -> Vector:
    return {
        tuple((name, "a" if name == "instance" else value) for name, value in found): each
        for found, each in vector.items()
    }


CASES = range(7)


def _case(number: int) -> dict[str, Any]:
    draw = random.Random(number)
    return {
        "efficiency": [round(draw.uniform(20, 80), 3) for _ in range(draw.choice((10, 40, 60)))],
        "peak": draw.choice((0.0, 61.0, 90.0, 900.0, 20_000.0)),
        "processed": draw.uniform(1, 50),
        "backlog": draw.choice((0.0, 30.0, 4_000.0)),
        "queue_rate": draw.uniform(2, 12),
        "used": draw.choice((0.2, 0.5, 0.95)),
        "candidates": [draw.uniform(0.1, 1.3) for _ in range(draw.choice((1, 2, 3)))],
        "crossing": draw.choice((None, 50_000.0)),
    }


def test_scaling_and_exhaustion_are_what_the_rules_say(tmp_path: Path) -> None:
    """Capacity of a replica, replicas wanted and why, forecast, seconds until exhaustion: of random inputs."""
    made, inputs, claims = [], [], []
    for number in CASES:
        job = f"case{number}"
        config = Config.model_validate({"selectors": {"job": job}})
        wanted = ("REPLICA_CAPACITY", "SCALING_CANDIDATE", "SCALING", "FORECAST", "EXHAUSTION")
        rules = {each.key: each for group in groups(config, "insight") for each in group.rules}
        made.append(
            {
                "name": job,
                "interval": "1h",
                "rules": [{"record": rules[key].record, "expr": rules[key].expr} for key in wanted],
            }
        )
        case = _case(number)
        inputs += list(_inputs(job, case))
        for key, vector in _expected(case, config).items():
            claims += list(_claims(key, job, vector, END))
    path = tmp_path / "rules.yaml"
    path.write_text(yaml.safe_dump({"groups": made}), encoding="utf-8")
    _promtool(tmp_path, path, "1h", inputs, claims)


def _expected(case: dict[str, Any], config: Config) -> dict[str, Vector]:
    """What the pure functions say of a case."""
    settings = config.forecast
    of_one = capacity.replica_capacity(
        case["efficiency"],
        target=settings.target_utilization,
        processes=settings.processes_per_replica,
        least_samples=CONFIG.forecast.least_samples,
    )
    wanted = capacity.scaling(
        peak=case["peak"], capacity=of_one, processed=case["processed"], backlog=case["backlog"],
        queue_rate=case["queue_rate"], drain=settings.drain, least=settings.least_replicas,
        most=settings.most_replicas,
    )  # fmt: skip
    forecast = capacity.foreseen(case["candidates"])
    crossings = [] if case["crossing"] is None else [case["crossing"]]
    left = capacity.exhaustion(case["used"], crossings, forecast, limit=settings.exhausted_at, within=172_800)
    cpu = labels(resource="cpu")
    return {
        "REPLICA_CAPACITY": single(of_one),
        "SCALING": {labels(reason=wanted.reason): wanted.replicas} if wanted else {},
        "FORECAST": {labels(resource="cpu", horizon="48h"): forecast} if forecast is not None else {},
        "EXHAUSTION": {cpu: left} if left is not None else {},
    }


def _inputs(job: str, case: dict[str, Any]) -> Iterator[dict[str, str]]:
    """What the rules of a case read: hourly for fifteen days."""
    hours = END // 3_600
    cpu, later = ',resource="cpu"', ',horizon="48h"'
    queue = ',queue_type="work",priority="low"'
    steady = [
        ("API_REQUESTS", case["peak"], ""),
        ("QUEUE_RATE", case["processed"], queue),
        ("QUEUE_SIZE", case["backlog"], queue),
        ("REPLICA_QUEUE_RATE", case["queue_rate"], ""),
        ("CAPACITY_USED", case["used"], cpu),
        *(
            ("FORECAST_CANDIDATE", value, f'{cpu}{later},method="method{place}"')
            for place, value in enumerate(case["candidates"])
        ),
    ]
    if case["crossing"] is not None:
        steady.append(("EXHAUSTED_AT", END + case["crossing"], f"{cpu}{later}"))
    for key, value, more in steady:
        yield _input(f'{derived.get(key).name}{{job="{job}"{more}}}', value, 0, hours)
    efficiency = case["efficiency"]
    gap = f"_x{hours + 1 - len(efficiency)} "
    yield {
        "series": f'{derived.get("REPLICA_EFFICIENCY").name}{{job="{job}"}}',
        "values": gap + " ".join(map(repr, efficiency)),
    }
