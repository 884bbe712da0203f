"""Answers do not contradict themselves or each other, for random histories and from both sources."""

from __future__ import annotations

import asyncio
import dataclasses
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tests.fastapi.consistency import SPECIFIC, History, Phase, contradictions
from tests.fastapi.prometheus import running

from fastapi import FastAPI
from signalscope import recording
from signalscope.derived import _prometheus, _windows
from signalscope.fastapi import router
from signalscope.fastapi.monitoring import _routes
from signalscope.health import _report
from signalscope.health._registry import shared as registry
from signalscope.testing import capture

ANSWERS = ("enhanced-metrics", "performance-summary?window=5m", "business-dashboard", "capacity-planning")
_LATENCIES = st.sampled_from((0.002, 0.04, 0.3, 0.9, 3.0, 8.4, 29.0, 75.0))
_DELTAS = st.sampled_from((0.5, 2.0, float("nan"), float("inf")))


def _phases(ticks: st.SearchStrategy[int], least: int) -> st.SearchStrategy[Phase]:
    """Return random phases with at least so many requests and calculated options at each tick."""
    return st.builds(
        Phase,
        ticks=ticks,
        latencies=st.lists(_LATENCIES, min_size=least, max_size=6).map(tuple),
        failed=st.integers(0, 6),
        deltas=st.lists(_DELTAS, min_size=least, max_size=4).map(tuple),
        hits=st.integers(0, 9),
        health=st.sampled_from((0.0, 0.5, 1.0)),
    )


_patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
PHASES = st.lists(_phases(st.integers(1, 12), 0), min_size=1, max_size=4)


@contextmanager
def _process() -> Iterator[History]:
    """Yield a process without recordings, health checks and snapshots."""
    with pytest.MonkeyPatch.context() as patch, ExitStack() as stack:
        instruments: dict[str, Any] = {}
        # Before the capture, which would give the series of earlier tests to the process.
        patch.setattr(recording._known, "by_name", instruments)
        patch.setattr(recording, "_by_name", instruments)
        stack.enter_context(capture())
        patch.setattr(registry, "_make", tuple)
        patch.setattr(registry, "_built_in", ())
        patch.setattr(_windows.shared, "start", lambda: None)
        patch.setenv("SIGNALSCOPE_MONITORING_PUBLIC", "true")
        patch.setenv("SIGNALSCOPE_MONITORING_RATE", "10000")
        patch.setenv("SIGNALSCOPE_PROMETHEUS_TIMEOUT", "20")
        _report._reported.components.clear()
        _windows.shared.clear()
        history = History()
        with history.patched():
            yield history
        _windows.shared.clear()
        _report._reported.components.clear()


async def _answers() -> dict[str, Any]:
    _routes._answers.clear()
    app = FastAPI()
    app.include_router(router)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
        by_name = {}
        for name in ANSWERS:
            answer = await client.get(f"/monitoring/{name}")
            assert answer.status_code == 200, answer.text
            by_name[name.partition("?")[0]] = answer.json()
    _routes._answers.clear()
    await _prometheus.shared.close()
    return by_name


def _check_process(phases: list[Phase]) -> None:
    with _process() as history:
        history.play(phases)
        answers = asyncio.run(_answers())
    assert [*contradictions(answers)] == []


@settings(_patient, max_examples=6)
@example([Phase(3)])  # dependencies are called, but no requests are served
@given(PHASES)
def test_answers_of_a_process_agree(phases: list[Phase]) -> None:
    """Ratios, statistics, quantiles, windows, health and reasons fit together, within and between answers."""
    _check_process(phases)


@pytest.mark.long
@settings(_patient, max_examples=200)
@given(PHASES)
def test_answers_of_a_process_agree_for_many_histories(phases: list[Phase]) -> None:
    """The same for more random histories."""
    _check_process(phases)


def test_a_process_has_only_its_own_recordings() -> None:
    """Series of earlier tests would change the answers, and each would take time at every tick."""
    recording.get_instrument("signal_service.rate_limit.hits").series("/before", "per_user").record(1)
    with _process() as history:
        history.play([Phase(1)], scraped=True)
    assert history.samples
    assert not any("/before" in series for series in history.samples)


def test_a_mean_and_a_quantile_have_one_window() -> None:
    """After slow requests, the mean does not keep a high value longer than the quantiles."""
    with _process() as history:
        history.play([Phase(36, (8.4, 75.0)), Phase(30, (0.3,))])
        answers = asyncio.run(_answers())
    api = answers["performance-summary"]["api"]
    assert (api["mean_seconds"]["now"], api["p95_seconds"]["now"]) == pytest.approx((0.3, 0.35), abs=0.02)
    assert answers["enhanced-metrics"]["performance"]["api_performance"]["average_response_time_ms"] == (
        pytest.approx(300)
    )
    # The highest boundary is 30 s: a quantile above it is marked, so that the higher mean is not a contradiction.
    assert api["p95_seconds"]["highest"] == 30
    assert api["p95_seconds"]["lower_bounds"] == ["highest", "mean"]
    assert api["mean_seconds"]["highest"] == pytest.approx((8.4 + 75) / 2)
    assert api["mean_seconds"]["lower_bounds"] == []


def test_a_contradiction_is_noticed() -> None:
    """The comparison fails for answers with one wrong number each."""
    with _process() as history:
        history.play([Phase(20, (0.3, 0.9), 1, (0.5,), 3)])
        answers = asyncio.run(_answers())
    assert [*contradictions(answers)] == []
    summary, enhanced = answers["performance-summary"], answers["enhanced-metrics"]
    for block, name, value in (
        (summary["api"]["mean_seconds"], "mean", 99.0),
        (summary["api"]["p50_seconds"], "now", 99.0),
        (summary["api"]["p95_seconds"], "now_seconds", 120.0),
        (summary["greeks"]["invalid_ratio"], "now", 1.46),
        (summary["dependencies"]["ticker_service"], "healthy", 0.0),
        (enhanced["performance"]["api_performance"], "error_rate_percentage", 12.0),
        (enhanced["performance"]["api_performance"]["window_seconds"], "error_rate_percentage", 1.0),
        (enhanced["component_health"], "work_queue", 0.0),
        (enhanced["health"]["components"], "work_queue", "unhealthy"),
    ):
        right, block[name] = block[name], value
        assert [*contradictions(answers)] != [], name
        block[name] = right


_FAST = Phase(24, (0.002, 0.04, 0.3, 0.9), 1, (0.5, 0.4, float("nan")), 4, 0.5)
_SLOW = Phase(24, (8.4, 75.0, 29.0), 3, (2.0, float("inf")), 0, 0.0)
_BEFORE = [Phase(36, (0.3, 3.0), 1, (0.5,), 2)]


def _compare_sources(before: list[Phase], steady: Phase) -> None:
    """Compare the answers of a process with those of a real Prometheus that has scraped it."""
    with (
        _process() as history,
        tempfile.TemporaryDirectory() as folder,
        pytest.MonkeyPatch.context() as patch,
    ):
        # Every instrument records from the beginning: Prometheus cannot tell the increase of a new series.
        history.play([Phase(24, (0.3, 3.0), 1, (0.5,), 2), *before, steady], scraped=True)
        process = asyncio.run(_answers())
        # Samples up to some seconds from now, because Prometheus needs time to start.
        history.play([dataclasses.replace(steady, ticks=24)], scraped=True)
        with running(Path(folder), [*history.lines(time.time() + 60)]) as url:
            patch.setenv("SIGNALSCOPE_PROMETHEUS_URL", url)
            prometheus = asyncio.run(_answers())
    assert [*contradictions(process)] == []
    assert prometheus["performance-summary"]["source"]["name"] == "prometheus"
    assert [*contradictions(prometheus)] == []
    compared = 0
    for block in ("api", "greeks", "signals"):
        for name, statistics in process["performance-summary"][block].items():
            other = prometheus["performance-summary"][block][name]
            assert (statistics["now"] is None) == (other["now"] is None), (block, name)
            if statistics["now"] is not None and "p90" not in name:  # the time of real calculations varies
                assert other["now"] == pytest.approx(statistics["now"], rel=0.02), (block, name)
                compared += 1
    assert compared >= 12
    for block, name in (
        ("api_performance", "total_requests_last_minute"),
        ("signal_generation", "signals_generated_last_minute"),
    ):
        one, other = (
            answers["enhanced-metrics"]["performance"][block][name] for answers in (process, prometheus)
        )
        assert other == pytest.approx(one, rel=0.1)
    reasons = {
        entry["reason"]
        for answer in prometheus.values()
        for entry in answer["provenance"].values()
        if entry["reason"] is not None
    }
    assert [reason for reason in reasons if not SPECIFIC.search(reason)] == []


#: The last phase lasts two minutes: the present values then cover the same events in both sources.
_histories = given(
    before=st.lists(_phases(st.integers(1, 12), 0), max_size=2), steady=_phases(st.just(24), 1)
)


@pytest.mark.needs("prometheus", "promtool")
@settings(_patient, max_examples=3)
@example(before=_BEFORE, steady=_FAST)
@example(before=_BEFORE, steady=_SLOW)
@_histories
def test_both_sources_agree(before: list[Phase], steady: Phase) -> None:
    """A real Prometheus with the samples of a process gives the same present values, without contradictions."""
    _compare_sources(before, steady)


@pytest.mark.long
@pytest.mark.needs("prometheus", "promtool")
@pytest.mark.timeout(1_800)
@settings(_patient, max_examples=60)
@_histories
def test_both_sources_agree_for_many_histories(before: list[Phase], steady: Phase) -> None:
    """The same for more random histories."""
    _compare_sources(before, steady)
