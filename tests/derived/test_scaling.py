"""Scaling and exhaustion: the rules record the results of a second implementation in plain Python."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.derived import reference
from tests.derived.scenario import CONFIG, END, claims, promtool, series_input

from signalscope import derived
from signalscope.config import Config
from signalscope.derived import groups
from signalscope.derived._vector import Vector, labels

pytestmark = [pytest.mark.needs("promtool"), pytest.mark.timeout(180)]

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
    """Random inputs give the same capacity of a replica, replicas with reason, forecast and time to exhaustion."""
    made, inputs, wanted_values = [], [], []
    for number in CASES:
        job = f"case{number}"
        config = Config.model_validate({"selectors": {"job": job}})
        wanted = ("REPLICA_CAPACITY", "SCALING_CANDIDATE", "SCALING", "FORECAST", "EXHAUSTION")
        rules = {rule.key: rule for group in groups(config, "insight") for rule in group.rules}
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
            wanted_values += list(claims(key, job, vector, END))
    path = tmp_path / "rules.yaml"
    path.write_text(yaml.safe_dump({"groups": made}), encoding="utf-8")
    promtool(tmp_path, path, inputs, wanted_values, interval=3_600, evaluation=3_600)


def _expected(case: dict[str, Any], config: Config) -> dict[str, Vector]:
    """Return the results of the second implementation for a case."""
    settings = config.forecast
    of_one = reference.replica_capacity(
        case["efficiency"],
        target=settings.target_utilization,
        processes=settings.processes_per_replica,
        least_samples=CONFIG.forecast.least_samples,
    )
    wanted = reference.scaling(
        peak=case["peak"], capacity=of_one, processed=case["processed"], backlog=case["backlog"],
        queue_rate=case["queue_rate"], drain=settings.drain, least=settings.least_replicas,
        most=settings.most_replicas,
    )  # fmt: skip
    forecast = reference.foreseen(case["candidates"])
    crossings = [] if case["crossing"] is None else [case["crossing"]]
    left = reference.exhaustion(
        case["used"], crossings, forecast, limit=settings.exhausted_at, within=172_800
    )
    cpu = labels(resource="cpu")
    return {
        "REPLICA_CAPACITY": {} if of_one is None else {(): of_one},
        "SCALING": {labels(reason=wanted.reason): wanted.replicas} if wanted else {},
        "FORECAST": {labels(resource="cpu", horizon="48h"): forecast} if forecast is not None else {},
        "EXHAUSTION": {cpu: left} if left is not None else {},
    }


def _inputs(job: str, case: dict[str, Any]) -> Iterator[dict[str, str]]:
    """Return the input series of the rules of a case, hourly for fifteen days."""
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
        yield series_input(f'{derived.get(key).name}{{job="{job}"{more}}}', value, 0, hours)
    efficiency = case["efficiency"]
    gap = f"_x{hours + 1 - len(efficiency)} "
    yield {
        "series": f'{derived.get("REPLICA_EFFICIENCY").name}{{job="{job}"}}',
        "values": gap + " ".join(map(repr, efficiency)),
    }
