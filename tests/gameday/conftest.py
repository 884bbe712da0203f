"""Short times for game days on fakes."""

from __future__ import annotations

import pytest

from signalscope.demo import control
from signalscope.demo.faults import Fault
from signalscope.demo.gameday import _plan, _probe, _run

#: The promise of every alert on fakes, and how long after it the game day gives up, in seconds.
PROMISED, LATE = 15, 0.5


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every alert is promised within some seconds, and everything is looked at more often."""

    def promises(fault: Fault) -> dict[str, int]:
        return dict.fromkeys(fault.alerts, PROMISED)

    monkeypatch.setattr(_plan, "promises", promises)
    monkeypatch.setattr(_plan, "LATE", LATE)
    monkeypatch.setattr(_plan, "NOTIFY", 2)
    monkeypatch.setattr(_probe, "EVERY", 0.1)
    monkeypatch.setattr(_run, "LEAST_ON", 1.0)
    monkeypatch.setattr(_run, "TICK", 0.05)
    monkeypatch.setattr(control, "POLL_SECONDS", 0.1)
    monkeypatch.setattr(control, "_PATIENCE", 5.0)
