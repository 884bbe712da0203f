"""The command: its options, its errors of one line, its exit status, and Ctrl-C."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.gameday.fakes import FakeDemo
from tests.waiting import eventually

from signalscope.cli._errors import UserError
from signalscope.demo.gameday import _stack
from signalscope.demo.gameday._model import AlertTimes, FalseAlarm, Report, Result, Run


@pytest.fixture
def fake(tmp_path: Path) -> Iterator[FakeDemo]:
    """A fake demo without alerts, and its endpoints file."""
    demo = FakeDemo(tmp_path, {})
    (tmp_path / "endpoints.json").write_text(json.dumps(demo.running), encoding="utf-8")
    yield demo
    demo.close()


def _command(folder: Path, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "signalscope", "gameday", "--report", str(folder / "g.html"), *arguments]


def _environment(folder: Path) -> dict[str, str]:
    return {**os.environ, "COLUMNS": "200", "XDG_STATE_HOME": str(folder / "state"), "TMPDIR": str(folder)}


def _gameday(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        _command(folder, *arguments), check=False, text=True, capture_output=True,
        env=_environment(folder) | environment,
    )  # fmt: skip


def _write(
    path: Path, started: float, fired: float | None, *, left: bool = False, alarm: bool = False
) -> None:
    at = AlertTimes(alert="A", promised_seconds=60, fired_seconds=fired)
    result = Result(
        fault="cpu-burn", together_with=[], on=started, off=started + 9, alerts=[at], collateral=[],
        harm_seconds=None, harm="no user was harmed in 9 s",
    )  # fmt: skip
    run = Run(
        started=started, version="0", cores=1, results=[result], state="complete",
        faults=["cpu-burn", *(["config-down"] if left else [])],
        false_alarms=[FalseAlarm(alert="B", labels={}, fired=started, faults_on=[])] if alarm else [],
    )  # fmt: skip
    path.write_text(Report(runs=[run]).model_dump_json(), encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (
            ["--faults", "config-dwn"],
            r"unknown fault 'config-dwn' (did you mean config-down?); the faults are",
        ),
        (
            ["--report", "/nowhere/g.html"],
            "--report /nowhere/g.html: give an HTML file in a folder that exists",
        ),
        (["--report", "g.json"], "--report g.json: give an HTML file"),
        (["--resume"], "g.json: no run has faults left; run the command without --resume [SS768]"),
        (["--merge", "missing.json"], "missing.json: No such file or directory; give the JSON file"),
        (
            ["--endpoints", "missing.json"],
            "--endpoints missing.json: No such file or directory; give the file",
        ),
    ],
)
def test_bad_input_is_one_line(tmp_path: Path, arguments: list[str], text: str) -> None:
    """The message has a code and the way out, the status is 1, and no report is written."""
    done = _gameday(tmp_path, *arguments)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1), done.stderr
    assert text in done.stderr
    assert "[SS7" in done.stderr
    assert not list(tmp_path.glob("g.*"))


def test_a_demo_without_prometheus_is_refused(tmp_path: Path, fake: FakeDemo) -> None:
    """An embedded demo has no alerts."""
    running = {name: url for name, url in fake.running.items() if name not in {"prometheus", "alertmanager"}}
    (tmp_path / "endpoints.json").write_text(json.dumps(running), encoding="utf-8")
    done = _gameday(tmp_path, "--endpoints", str(tmp_path / "endpoints.json"))
    assert done.returncode == 1
    assert (
        "this demo has no prometheus, alertmanager, which a game day needs; wait until they are built"
        in done.stderr
    )


def test_without_a_checkout_no_demo_is_started(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message says why the pipeline cannot run."""
    monkeypatch.setattr(_stack, "missing_parts", lambda: ("this is not a checkout [SS756]", False))
    with (
        pytest.raises(
            UserError, match=r"^this is not a checkout \[SS756\]; a game day needs the whole pipeline"
        ),
        _stack._own(print),
    ):
        pass


def test_a_second_game_day_on_the_same_demo_is_refused(tmp_path: Path, fake: FakeDemo) -> None:
    """The message has the process of the first."""
    with (tmp_path / "gameday.lock").open("w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.write("4711")
        lock.flush()
        done = _gameday(tmp_path, "--endpoints", str(tmp_path / "endpoints.json"))
    assert done.returncode == 1
    assert "another game day (process 4711) runs on this demo; wait until it ends [SS767]" in done.stderr
    assert fake.switched == []


def test_merged_runs_are_judged_together(tmp_path: Path) -> None:
    """The status is 0 if every target is met, 3 if one is missed, 4 if a run has faults left."""
    for name, *values in (("one", 1.0, 10.0), ("two", 2.0, 20.0), ("late", 3.0, None)):
        _write(tmp_path / f"{name}.json", *values)
    _write(tmp_path / "left.json", 4.0, 10.0, left=True)
    _write(tmp_path / "alarm.json", 5.0, 10.0, alarm=True)
    merge = ["--merge", str(tmp_path / "one.json"), "--merge", str(tmp_path / "two.json")]
    done = _gameday(tmp_path, *merge)
    assert (done.returncode, done.stderr) == (0, "")
    assert "2 of 2 alerts fired in time; runs: 2" in done.stdout
    assert len(Report.read(tmp_path / "g.json").runs) == 2
    assert _gameday(tmp_path, "--merge", str(tmp_path / "late.json")).returncode == 3
    assert _gameday(tmp_path, *merge, "--broken-promises", "1").returncode == 0
    assert (
        _gameday(tmp_path, "--merge", str(tmp_path / "alarm.json"), "--broken-promises", "1").returncode == 3
    )
    assert _gameday(tmp_path, *merge, "--broken-promises", "1", "--false-alarms", "1").returncode == 0
    assert _gameday(tmp_path, "--merge", str(tmp_path / "left.json")).returncode == 4


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_switches_every_fault_off(tmp_path: Path, fake: FakeDemo, number: signal.Signals) -> None:
    """The report is written, the routes are as before, and the status is 4."""
    before = fake.config
    arguments = ["--endpoints", str(tmp_path / "endpoints.json"), "--faults", "config-down,cpu-burn"]
    with (tmp_path / "output").open("w+") as output:
        process = subprocess.Popen(
            _command(tmp_path, *arguments),
            env=_environment(tmp_path),
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        eventually(lambda: len(fake.on) == 2, 60, "two faults")
        assert fake.config != before
        process.send_signal(number)
        assert process.wait(60) == 4
        output.seek(0)
        text = output.read()
    assert fake.on == {}
    assert fake.config == before
    assert "config-down is switched off before its end, and is not measured." in text
    assert "--resume runs what is left" in text
    (run,) = Report.read(tmp_path / "g.json").runs
    assert (run.state, run.left) == ("interrupted", ["config-down", "cpu-burn"])


def test_the_plan_runs_nothing(tmp_path: Path) -> None:
    """It prints the groups and their longest time."""
    done = _gameday(tmp_path, "--plan", "--faults", "config-down,config-slow")
    assert (done.returncode, len(done.stdout.splitlines())) == (0, 2)
    assert "group 1, at most " in done.stdout
