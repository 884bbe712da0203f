"""The rolling windows of a process: the covered time, missing snapshots and the limits of memory."""

from __future__ import annotations

import os

import pytest

from signalscope import recording
from signalscope.config import Config
from signalscope.derived import _windows
from signalscope.derived._process import Process
from signalscope.derived._vector import labels
from signalscope.derived._windows import NoDataError, Snapshot, Windows
from signalscope.recording._store import Totals
from signalscope.testing import FakeClock, capture

NAME = "signal_service.feature_usage"
FREE = labels(feature="chain", user_tier="free")


class Scripted(Windows):
    """Windows with artificial snapshots of a counter that grows by one per second."""

    def __init__(self, clock: FakeClock, began: float) -> None:
        super().__init__()
        self.clock, self.began = clock, began

    def reduced(self) -> Snapshot:
        """Return the snapshot at the present time."""
        total = self.clock() - self.began
        return Snapshot(self.clock(), self.began, {NAME: {FREE: Totals(1, total, (0,))}}, {}, frozenset())


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> Scripted:
    """Return windows of a process that began to record at 100 s and has its first snapshot at 5,000 s."""
    windows = Scripted(FakeClock(5_000.0), began=100.0)
    monkeypatch.setattr("signalscope.recording._snapshot.snapshot", lambda _: None)
    monkeypatch.setattr(_windows, "reduced", lambda _snapshot, _previous: windows.reduced())
    return windows


def _watch(windows: Scripted, seconds: int) -> None:
    for _ in range(seconds // 5):
        windows.take()
        windows.clock.advance(5)


def test_a_window_is_the_difference_of_two_snapshots(scripted: Scripted) -> None:
    """The window has the requested length within half a step, and the counter grows by one per second."""
    _watch(scripted, 4_000)
    for seconds in (60.0, 300.0, 3_600.0):
        window = scripted.window(seconds, scripted.take())
        assert window.seconds == pytest.approx(seconds, abs=31 if seconds > 600 else 3)
        assert window.increase(NAME) == {FREE: pytest.approx(window.seconds)}


def test_a_window_without_snapshots_has_no_value(scripted: Scripted) -> None:
    """If the first snapshot is newer than the start of the window, the reason says how long snapshots exist."""
    _watch(scripted, 30)
    with pytest.raises(
        NoDataError, match=r"\(30 s\); the window of 300 s will be complete at .* UTC, in 270 s"
    ):
        scripted.window(300, scripted.take())


def test_a_young_process_has_a_window_since_its_start(scripted: Scripted) -> None:
    """All counters were zero at the start of the process, so the window is complete."""
    scripted.began = scripted.clock() - 12
    window = scripted.window(300, scripted.take())
    assert (window.seconds, window.then) == (12, None)
    assert window.increase(NAME) == {FREE: 12}


def test_what_is_kept_is_bounded(scripted: Scripted) -> None:
    """All snapshots of ten minutes and one per minute of an hour are kept, for any running time and request rate."""
    for _ in range(2_000):
        scripted.take()
        scripted.take()
        scripted.clock.advance(5)
    assert len(scripted._fine) == 120
    assert len(scripted._coarse) <= 62
    assert scripted.clock() - scripted._coarse[0].at <= 4_400


def test_another_recording_begins_anew(scripted: Scripted) -> None:
    """A window does not begin with a snapshot from before a fork, or of another provider."""
    _watch(scripted, 600)
    scripted.began = scripted.clock()
    scripted.clock.advance(10)
    assert scripted.window(300, scripted.take()).then is None
    assert len(scripted._fine) == 1


def test_labels_that_nothing_needs_are_added_up() -> None:
    """Series that did not change are stored once."""
    with capture():
        requests = recording.get_instrument("signal_service.api.requests")
        requests.series("/a", "GET", "200", "free").record(2)
        requests.series("/a", "POST", "200", "free").record(3)
        windows = Windows()
        first = windows.take()
        key = labels(endpoint="/a", status_code="200", user_tier="free")
        assert first.totals["signal_service.api.requests"][key].total == 5
        assert (
            windows.take().totals["signal_service.api.requests"][key]
            is (first.totals["signal_service.api.requests"][key])
        )


def test_the_health_of_dependencies_is_the_mean_of_five_minutes(scripted: Scripted) -> None:
    """As in the recording rules, a service that was down for a part of the time has a lower health."""
    health = {"a": 1.0, "b": 0.0}

    def reduced() -> Snapshot:
        gauges = {labels(service_name=name, criticality="high"): value for name, value in health.items()}
        name = "signal_service.external_service.health"
        return Snapshot(scripted.clock(), scripted.began, {}, {name: gauges}, frozenset())

    scripted.reduced = reduced  # type: ignore[method-assign]  # a gauge instead of a counter
    _watch(scripted, 400)
    health["b"] = 1.0
    _watch(scripted, 150)
    process = Process(scripted, Config())
    assert process.row("DEPENDENCY_SCORE")[()] == pytest.approx(75, abs=1)
    assert process.watched(300) == pytest.approx(300, abs=5)


def test_a_forked_child_forgets() -> None:
    """The child has no snapshots of the parent, and not its thread."""
    windows = _windows.shared
    with capture():
        windows.start()
        windows.take()
        assert windows._fine
        child = os.fork()
        if child == 0:
            os._exit(0 if not windows._fine and windows._thread is None else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    windows.clear()
