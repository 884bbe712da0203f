"""A short game day with the real parts, on a demo of its own: two faults together."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from signalscope.demo.gameday._judge import judge
from signalscope.demo.gameday._model import Report
from signalscope.demo.gameday._targets import Targets


@pytest.mark.e2e
@pytest.mark.long
@pytest.mark.needs("collector", "prometheus", "alertmanager")
@pytest.mark.timeout(2_400)
def test_two_faults_are_measured_and_nothing_is_left(tmp_path: Path) -> None:
    """Each alert fires, ends, and is notified or inhibited; one fault harms users; the status fits.

    Promises and false alarms are not checked: both depend on what else the machine does.
    """
    (tmp_path / "tmp").mkdir()
    environment = {
        "XDG_STATE_HOME": str(tmp_path / "state"),
        "TMPDIR": str(tmp_path / "tmp"),
        "COLUMNS": "200",
    }
    done = subprocess.run(
        [
            sys.executable, "-m", "signalscope", "gameday", "--faults", "greeks-nan,subscription-surge",
            "--report", str(tmp_path / "g.html"),
        ],
        check=False, text=True, capture_output=True, env={**os.environ, **environment},
    )  # fmt: skip
    print(done.stdout, done.stderr)
    report = Report.read(tmp_path / "g.json")
    missed = any(check.is_met is False for check in judge(report, Targets()))
    assert done.returncode == (3 if missed else 0)
    (run,) = report.runs
    assert (run.state, run.left) == ("complete", [])
    results = {result.fault: result for result in run.results}
    assert results["greeks-nan"].together_with == ["subscription-surge"]
    for result in run.results:
        for at in result.alerts:
            assert at.fired_seconds is not None, at
            assert at.resolved_seconds is not None, at
            assert at.paged_seconds is not None or (at.reason or "").startswith("inhibited by "), at
        assert result.page_seconds is not None
    assert results["greeks-nan"].harm_seconds is not None
    assert list((tmp_path / "tmp").iterdir()) == []
    assert list((tmp_path / "state").rglob("*.json")) == []
