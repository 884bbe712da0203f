"""The table of derived series: a process computes the values that the rules record, which promtool evaluates."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.derived.scenario import (
    CONFIG,
    JOB,
    SECONDS,
    Scenario,
    Watched,
    claims,
    of_instance_a,
    promtool,
)

from signalscope import derived
from signalscope.derived._process import Process
from signalscope.mixin.generate import generate

pytestmark = [pytest.mark.needs("promtool"), pytest.mark.timeout(180)]

#: Series whose values in a process differ from the rules on purpose, with the reason (docs/monitoring-api.md).
DIFFERENT = {
    "RETENTION": "a process keeps no history of days, so it has the stickiness only",
    "KPI_VALUE": "some KPIs need history of days", "KPI_ATTAINMENT": "some KPIs need history of days",
}  # fmt: skip


@pytest.mark.parametrize("seed", [1, 2])
def test_the_process_computes_what_the_rules_record(tmp_path: Path, seed: int) -> None:
    """Every series that a process can compute has the same labels and values, from random instruments."""
    scenario = Scenario(seed)
    generate(CONFIG, tmp_path)
    process = Process(Watched(scenario), CONFIG)
    keys = [
        row.key
        for row in derived.all_series()
        if row.is_local(CONFIG) and row.key not in DIFFERENT and row.section != "slos"
    ]
    computed = {key: of_instance_a(process.row(key)) for key in keys}
    assert sum(bool(vector) for vector in computed.values()) > 0.9 * len(keys)
    wanted = [claim for key in keys for claim in claims(key, JOB, computed[key], SECONDS)]
    rules = tmp_path / "rules" / "signalscope-recordings.yaml"
    promtool(tmp_path, rules, list(scenario.input_series()), wanted)


def test_a_wrong_number_is_noticed(tmp_path: Path) -> None:
    """The comparison fails for values that are one percent too high."""
    scenario = Scenario(1)
    generate(CONFIG, tmp_path)
    right = Process(Watched(scenario), CONFIG).row("API_MEAN")
    wrong = {labels: value * 1.01 for labels, value in right.items()}
    rules = tmp_path / "rules" / "signalscope-recordings.yaml"
    wanted = list(claims("API_MEAN", JOB, wrong, SECONDS))
    with pytest.raises(AssertionError, match="signal_service_api_request_duration_seconds:mean"):
        promtool(tmp_path, rules, list(scenario.input_series()), wanted)
