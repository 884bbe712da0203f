"""Many processes of one service at once: all of them are served, every series has its last value."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.collector import wire as w
from tests.collector.hostile import Request
from tests.collector.pipeline import started
from tests.waiting import DEADLINE, eventually

pytestmark = [pytest.mark.needs("collector", "prometheus"), pytest.mark.long, pytest.mark.timeout(900)]
_PROCESSES, _SERIES, _EXPORTS = 200, 460, 3


def _export(process: int, number: int) -> Request:
    points = (w.number(float(number), {"id": str(one)}) for one in range(_SERIES))
    return Request(w.metrics("many", w.metric("many.calls", w.total(*points)), instance=f"process {process}"))


def test_two_hundred_processes_are_served(tmp_path: Path) -> None:
    """200 processes with 460 series each: no point is refused, and no scrape fails at an interval of 15 s."""
    with started(tmp_path, interval="15s") as pipeline:
        for number in range(1, _EXPORTS + 1):
            for process in range(_PROCESSES):
                assert pipeline.send(_export(process, number)) == 200
        expected = _EXPORTS * _PROCESSES * _SERIES
        eventually(
            lambda: pipeline.value('sum(many_calls_total{job="many"})') == expected,
            2 * DEADLINE,
            "every series has its last value",
        )
        assert pipeline.value('count(many_calls_total{job="many"})') == _PROCESSES * _SERIES
        assert pipeline.value('min_over_time(up{job="otel-collector"}[1h])') == 1
        assert not [key for key in pipeline.counters() if key[0] in {"refused_points", "overflow_series"}]
        pipeline.check(2 * DEADLINE)
