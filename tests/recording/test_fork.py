"""A forked child starts at zero and never hangs, regardless of the parent's threads."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from opentelemetry import metrics
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.resources import Resource

from signalscope import recording
from signalscope.exposition import _reader as _pull
from signalscope.recording import _process_state
from signalscope.recording import _state as _live

_HERE = Path(__file__).parent
_ENVIRONMENT = {
    **os.environ,
    "PYTHONPATH": os.pathsep.join(str(_HERE.parents[1] / folder) for folder in (".", "src")),
}


@pytest.mark.parametrize(
    ("script", "forks", "whose"),
    [
        ("fork_storm.py", 300, "ours"),
        ("fork_storm_sdk.py", 150, "ours"),
        ("fork_storm_sdk.py", 75, "foreign"),
        pytest.param("fork_storm.py", 4000, "ours", marks=pytest.mark.long),
        pytest.param("fork_storm_sdk.py", 2000, "ours", marks=pytest.mark.long),
        pytest.param("fork_storm_sdk.py", 1000, "foreign", marks=pytest.mark.long),
    ],
)
def test_many_forks_while_threads_record_and_collect(script: str, forks: int, whose: str) -> None:
    """Every child counts its own calls exactly, also through the whole SDK with its exporters."""
    run = subprocess.run(
        [sys.executable, str(_HERE / script), str(forks), whose],
        env=_ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=270,
        check=False,
    )
    assert (run.returncode, run.stdout.strip()) == (0, str(forks)), run.stderr


def _in_child(check: Callable[[], bool]) -> bool:
    """Return True if a condition holds in a forked child, which has a minute to answer."""
    pid = os.fork()
    if pid == 0:
        signal.alarm(60)
        status = 3
        try:
            status = 0 if check() else 1
        finally:
            os._exit(status)
    return os.waitpid(pid, 0)[1] == 0


def test_a_child_can_be_scraped_although_the_parent_was_just_being_scraped() -> None:
    """The lock that serialises scrapes is free in the child."""
    reader = _pull.PullReader()
    provider = MeterProvider([reader], shutdown_on_exit=False)
    live = _live.live
    before = live.on, live.fast_path, live.meter
    scraping, done = threading.Event(), threading.Event()

    def scrape() -> None:
        with _pull._current.lock:  # the lock that a scrape holds
            scraping.set()
            done.wait(30)

    thread = threading.Thread(target=scrape)
    try:
        recording.initialise(provider, [reader])
        series = recording.get_instrument("signal_service.background_task").series("forked", "low", "success")
        series.record(0.5)
        thread.start()
        assert scraping.wait(10)

        def check() -> bool:
            series.record(0.5)
            page = _pull.render()
            return page is not None and b'task_type="forked"} 1.0' in page[0]

        assert _in_child(check)
    finally:
        done.set()
        thread.join()
        reader.shutdown()
        live.on, live.fast_path, live.meter = before


def test_one_thing_that_fails_in_a_child_does_not_stop_the_others(caplog: pytest.LogCaptureFixture) -> None:
    """An exception in a child is counted, since no caller could catch it; the owner of a function may be deleted."""

    class Subject:
        pass

    done: list[str] = []
    before = len(_process_state._in_children)
    subjects = [Subject(), Subject(), Subject()]
    _process_state.in_children(lambda: done.append("first"), owner=subjects[0])
    _process_state.in_children(lambda: 1 / 0, owner=subjects[1])
    _process_state.in_children(lambda: done.append("last"), owner=subjects[2])
    assert _in_child(lambda: done == ["first", "last"])
    del subjects[:]
    assert len(_process_state._in_children) == before


def test_a_provider_of_the_program_starts_at_zero_in_a_child(monkeypatch: pytest.MonkeyPatch) -> None:
    """The child does not have the parent's counts; its counters start at zero, with its own instance id."""
    reader = InMemoryMetricReader()
    resource = Resource({"service.instance.id": "parent"})
    provider = MeterProvider([reader], resource, shutdown_on_exit=False)
    live = _live.live
    before = live.on, live.fast_path, live.meter
    monkeypatch.setattr(metrics, "get_meter_provider", lambda: provider)
    series = recording.get_instrument("signal_service.feature_usage").series("forked", "free")
    try:
        recording.initialise()
        for _ in range(5):
            series.record(1)

        def told() -> tuple[float, object]:
            data = reader.get_metrics_data()
            assert data is not None
            (of_resource,) = data.resource_metrics
            points = {
                tuple((point.attributes or {}).values()): point
                for metric in of_resource.scope_metrics[0].metrics
                if metric.name == "signal_service.feature_usage"
                for point in metric.data.data_points
            }
            value: float = points["forked", "free"].value  # type: ignore[union-attr]  # a counter's
            return value, of_resource.resource.attributes["service.instance.id"]

        def check() -> bool:
            at_first, instance = told()
            series.record(1)
            return (at_first, told()[0], instance != "parent") == (0, 1, True)

        assert _in_child(check)
        assert told() == (5, "parent")
    finally:
        live.on, live.fast_path, live.meter = before
