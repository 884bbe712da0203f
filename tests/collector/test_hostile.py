"""Hostile inputs, one after the other, to the real Collector and Prometheus beside a good client."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.collector.hostile import CASES, GOOD, Hostile
from tests.collector.pipeline import Pipeline, started
from tests.waiting import DEADLINE, eventually

pytestmark = pytest.mark.needs("collector", "prometheus")


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    """A pipeline that has the good service's series already."""
    with started(tmp_path_factory.mktemp("hostile")) as pipeline:
        pipeline.check()
        yield pipeline


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_hostile_input(pipeline: Pipeline, case: Hostile) -> None:
    """It is answered, counted, and changes nothing for the good service."""
    before = pipeline.counted(case.counter, case.reason)
    for request in case.make():
        assert pipeline.send(request) in case.answers
    if case.reason:
        assert pipeline.counted(case.counter, case.reason) > before
        before = pipeline.counted(case.counter, case.reason)
    for request in case.make() if case.rpc else ():
        assert pipeline.call(request) in case.rpc
    if case.reason and case.rpc:
        eventually(lambda: pipeline.counted(case.counter, case.reason) > before, DEADLINE, "the counter")
    if case.gone:
        assert case.gone not in pipeline.collector.scrape()
    pipeline.check()


def test_nothing_was_lost_meanwhile(pipeline: Pipeline) -> None:
    """Every scrape succeeded, no counter of the good service was reset, and its spans are all counted."""
    pipeline.check()
    assert pipeline.value('min(min_over_time(up{job="otel-collector"}[1h]))') == 1
    assert pipeline.value(f'resets(good_calls_total{{job="{GOOD}"}}[1h])') == 0
    calls = f'traces_span_metrics_calls_total{{job="{GOOD}", span_name="good"}}'
    eventually(lambda: pipeline.value(calls) == pipeline.sent, DEADLINE, "every span of the good service")


def test_the_offender_is_named(pipeline: Pipeline) -> None:
    """Counters have the service's name, also of bodies that were refused before they were decoded."""
    _check = {case.counter for case in CASES if case.reason}
    for counter in _check:
        offenders = [labels for name, _, labels in pipeline.counters() if name == counter]
        assert any('offender="bad"' in labels for labels in offenders), counter
    assert not [labels for _, _, labels in pipeline.counters() if f'offender="{GOOD}"' in labels]
