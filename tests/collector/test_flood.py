"""One service floods the Collector with series, spans and empty messages: the others are served all the time."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from tests.collector import wire as w
from tests.collector.conftest import LIMITS
from tests.collector.hostile import GOOD, Request
from tests.collector.pipeline import Pipeline, started
from tests.waiting import DEADLINE, eventually

from signalscope import binaries

pytestmark = [pytest.mark.needs("collector", "prometheus"), pytest.mark.long, pytest.mark.timeout(1200)]
#: Points in a body, and spans.
_POINTS, _SPANS = 5_000, 2_000
_COMPOSE = yaml.safe_load((binaries.ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]


def _series(number: int) -> Request:
    points = (w.number(1.0, {"id": str(number * _POINTS + one), "side": "buy"}) for one in range(_POINTS))
    return Request(w.metrics("bad", w.metric("bad.flood", w.total(*points))))


def _spans(number: int) -> Request:
    spans = (w.span(f"name {number} {one}", trace=number * _SPANS + one + 1) for one in range(_SPANS))
    return Request(w.traces("bad", *spans, instance=f"process {number}"), "traces")


def _empty(_: int) -> Request:
    return Request(w.metrics("bad", w.metric("bad.empty", w.message(5, b"\x0a\x00" * 390_000))))


def _send(pipeline: Pipeline, requests: Iterator[Request]) -> None:
    for number, request in enumerate(requests):
        # As an SDK does: again, when the Collector asks for it.
        eventually(lambda r=request: pipeline.send(r) != 503, 4 * DEADLINE, "an answer", every=1)  # type: ignore[misc]
        if number % 5 == 0:
            pipeline.good()


@pytest.mark.parametrize("interval", ["60s", "5s"])
def test_a_flood_costs_the_others_nothing(tmp_path: Path, interval: str) -> None:
    """200,000 series, 200,000 kinds of spans, and bodies of empty messages stay within the container's memory.

    With the short interval, scrapes follow each other without a pause.
    """
    limit = _COMPOSE["otel-collector"]["mem_limit"]
    assert limit == "1g"
    memory = {"GOMEMLIMIT": _COMPOSE["otel-collector"]["environment"]["GOMEMLIMIT"]}
    most = yaml.safe_load(LIMITS.read_text(encoding="utf-8"))["processors"]["page_guard"]["series"]
    with started(tmp_path, interval=interval, **memory) as pipeline:
        pipeline.check(2 * DEADLINE)
        for flood, number in ((_series, 40), (_spans, 100), (_empty, 20)):
            _send(pipeline, map(flood, range(number)))
        pipeline.check(4 * DEADLINE)
        assert pipeline.value('min_over_time(up{job="otel-collector"}[1h])') == 1
        assert pipeline.value(f'resets(good_calls_total{{job="{GOOD}"}}[1h])') == 0
        series = pipeline.value('count({job="bad"})')
        assert series is not None
        assert most * 0.9 < series <= most + 1  # with target_info
        for reason in ("service", "span_kinds"):
            assert pipeline.counted("overflow_series", reason) > 0
        status = Path(f"/proc/{pipeline.collector.part.pid}/status").read_text(encoding="utf-8")
        peak = int(re.findall(r"VmHWM:\s+(\d+) kB", status)[0])
        print(
            f"peak {peak >> 10} MiB; scrape {pipeline.value('max_over_time(scrape_duration_seconds[1h])')} s"
        )
        assert peak < 1 << 20
