"""The first minutes of a healthy demo: no alert fires, and no error budget is shown before it means something."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.browser import Browser
from tests.ports import free_ports
from tests.waiting import eventually

from signalscope import derived
from signalscope.demo.stack._stack import Stack

_MINUTES = 15
_FIRED = f'count_over_time(ALERTS{{alertstate="firing", alertname!="Watchdog"}}[{_MINUTES + 2}m])'


@pytest.mark.e2e
@pytest.mark.long
@pytest.mark.needs("collector", "prometheus", "alertmanager", "chromium")
@pytest.mark.timeout(1_500)
def test_no_alert_fires_in_the_first_minutes_of_a_healthy_demo(tmp_path: Path) -> None:
    """For fifteen minutes, with a browser open on the console, no alert but the Watchdog fires."""
    since = f"time() - max({derived.get('SLO_SINCE').name})"
    with Stack(free_ports(), say=print) as stack, Browser(tmp_path / "profile") as browser:
        stack.wait_for_data()
        browser.open(stack.url("console"))

        def age() -> float:
            return max((float(result["value"][1]) for result in stack.query(since)), default=0.0)

        eventually(
            lambda: age() >= 60 * _MINUTES, 60 * (_MINUTES + 5), "the age of the youngest SLO", every=5
        )
        fired = {result["metric"]["alertname"]: result["metric"] for result in stack.query(_FIRED)}
        assert not fired, f"{', '.join(sorted(fired))}: {fired}"
        assert stack.query(derived.get("SLO_BURN").name), "the SLOs have events"
        assert not stack.query(derived.get("SLO_REMAINING").name)
