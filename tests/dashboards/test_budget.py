"""The panel of the error budget in a young system and in an old one, evaluated by a real Prometheus."""

from __future__ import annotations

import time
import urllib.parse
from pathlib import Path

import pytest
from tests.fastapi.prometheus import running
from tests.waiting import get

from signalscope import derived
from signalscope.config import Config
from signalscope.mixin.dashboards._shared import budget

_SINCE, _REMAINING = derived.get("SLO_SINCE").name, derived.get("SLO_REMAINING").name


@pytest.mark.needs("prometheus", "promtool")
@pytest.mark.parametrize(
    ("budgets", "shown"),
    [
        ((0.8, 0.6), {"over 1.2 days seen": 0.6}),
        ((0.8, None), {"over 30 days seen": 0.8}),
        ((None, None), {"not enough history yet, since": "the first data"}),
    ],
)
def test_the_budget_has_the_days_seen_or_the_time_of_the_first_data(
    tmp_path: Path, budgets: tuple[float | None, ...], shown: dict[str, object]
) -> None:
    """The days are those of the youngest SLO with a budget, at most the period; without a budget, the first data."""
    now = int(time.time())
    ages = (40.0, 1.2)
    samples = []
    for slo, (age, remaining) in enumerate(zip(ages, budgets, strict=True)):
        labels = f'{{job="signal-service",sloth_id="{slo}",sloth_slo="{slo}"}}'
        for at in range(now - 600, now + 1, 30):
            samples.append(f"{_SINCE}{labels} {now - age * 86_400} {at}")
            if remaining is not None:
                samples.append(f"{_REMAINING}{labels} {remaining} {at}")
    samples.sort(key=lambda sample: sample.partition("{")[0])
    answers = {}
    with running(tmp_path, samples) as url:
        for query in budget(Config()).queries:
            expr = query.expr.replace("$job", "signal-service")
            parameters = urllib.parse.urlencode({"query": expr, "time": now})
            for result in get(f"{url}/api/v1/query?{parameters}")["data"]["result"]:
                value = float(result["value"][1])
                legend = query.legend.replace("{{days}}", result["metric"].get("days", ""))
                answers[legend] = "the first data" if value == 1000 * (now - 40 * 86_400) else value
    assert answers == shown
