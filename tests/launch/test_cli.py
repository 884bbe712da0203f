"""The command line, and what it prints."""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import subprocess
import sys
from dataclasses import asdict, astuple
from pathlib import Path

import pytest
import yaml

from signalscope.contract._table import BUILT_IN
from signalscope.demo.faults import FAULTS
from signalscope.demo.stack import state
from signalscope.demo.stack.ports import PortError, choose


def _run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "signalscope", *arguments]
    own = {**os.environ, "COLUMNS": "160", "TERM": "dumb", **environment}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=own)


def test_without_arguments_it_says_what_it_can_do() -> None:
    """Without arguments and with --help, it prints the help of the program or the command."""
    for arguments in ((), ("--help",)):
        done = _run(*arguments)
        for command in ("contract", "generate", "demo", "fault"):
            assert command in done.stdout
    for command in ("contract", "generate", "demo", "fault"):
        assert "Usage: signalscope" in _run(command, "--help").stdout


def test_the_contract_is_printed_in_three_ways() -> None:
    """The three formats are a table, the committed Markdown, and a registry of every metric."""
    table = _run("contract").stdout
    assert "signal_service_greeks_calculation_seconds" in table
    registry = yaml.safe_load(_run("contract", "--format", "semconv").stdout)
    names = {group.get("metric_name") for group in registry["groups"]}
    assert {instrument.name for instrument in BUILT_IN} <= names
    committed = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text(encoding="utf-8")
    assert _run("contract", "--format", "markdown").stdout == committed


def test_generate_writes_and_checks(tmp_path: Path) -> None:
    """Files are written below the folder; a second run changes nothing; an edit is noticed."""
    out = ("generate", "--out", str(tmp_path))
    assert "rules/signalscope-alerts.yaml" in _run(*out).stdout
    assert "up to date" in _run(*out).stdout
    (tmp_path / "rules" / "signalscope-alerts.yaml").write_text("", encoding="utf-8")
    done = _run(*out, "--check")
    assert done.returncode == 1
    assert "not up to date: rules/signalscope-alerts.yaml" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("fault", "coffee", "on"), "error: unknown fault 'coffee'; the faults are ticker-down"),
        (("fault", "config-down"), "error: on or off is missing: signalscope fault config-down on"),
        (("fault", "config-down", "on"), "error: no demo is running; start one with `make demo`"),
        (
            ("demo", "--endpoints", "/nowhere/at/all.json"),
            "error: --endpoints /nowhere/at/all.json: /nowhere/at is not a folder",
        ),
        (
            ("demo", "--endpoints", "/no[red]where/all.json"),
            "error: --endpoints /no[red]where/all.json: /no[red]where is not a folder",
        ),
        (("demo", "--endpoints", "/"), "error: --endpoints /: this file cannot be written"),
        (("demo", "--load", "inf"), "error: --load inf: give a number of requests per second"),
        (
            ("demo", "--history", "45d"),
            "error: --history 45d: the Prometheus of the demo keeps 30 days; use --history",
        ),
        (
            ("demo", "--history", "soon"),
            "error: --history soon: write a number and h, d or w, such as --history 30d",
        ),
        (
            ("fault", "cpu-bun", "on"),
            "error: unknown fault 'cpu-bun' (did you mean cpu-burn?); the faults are",
        ),
        (("generate", "--config", "none.toml"), "error: none.toml: No such file or directory"),
    ],
)
def test_mistakes_are_one_line(tmp_path: Path, arguments: tuple[str, ...], message: str) -> None:
    """Each message names the error and what to do, without a traceback."""
    done = _run(*arguments, XDG_STATE_HOME=str(tmp_path))
    assert done.returncode != 0
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("\nx = (", r"error: --import mine: .*mine.py:2: '\(' was never closed"),
        ("\n\nraise RuntimeError('no desk')", r"error: --import mine: .*mine.py:3: RuntimeError: no desk"),
        ("import nothing_there", r"error: --import mine: there is neither a file nor a package 'nothing_there'"),
        ("from signalscope import contract\ncontract.Instrument('Orders', contract.Kind.COUNTER, '', 'x', 'me')",
         r"error: instrument 'Orders': use dotted lower-case words"),
    ],
)  # fmt: skip
def test_a_broken_module_of_the_user_s_is_named(tmp_path: Path, code: str, message: str) -> None:
    """One line has the file, the line and the reason."""
    (tmp_path / "mine.py").write_text(code, encoding="utf-8")
    command = [sys.executable, "-m", "signalscope", "--import", "mine", "contract"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert re.fullmatch(f"{message}.*\n", done.stderr), done.stderr


def test_a_demo_that_could_not_be_noted_is_not_started() -> None:
    """The message names the folder and what to do, before a process is started."""
    done = _run("demo", "--duration", "1", XDG_STATE_HOME="/proc/none")
    assert done.returncode == 1
    assert re.fullmatch(
        r"error: /proc/none/signalscope: .* set XDG_STATE_HOME to a writable folder .*\n", done.stderr
    )
    assert done.stdout == ""


def test_a_package_that_is_missing_is_named_with_its_extra() -> None:
    """The extra stands in brackets, as in the command for pip."""
    code = (
        "import sys; sys.modules['grafana_foundation_sdk'] = None; sys.argv[1:] = ['generate', '--check']; "
        "from signalscope.__main__ import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert (
        done.stderr
        == "error: grafana_foundation_sdk.builders is missing; pip install 'signalscope[mixin]' [SS701]\n"
    )


@pytest.mark.parametrize("columns", ["80", "160"])
def test_faults_are_listed_with_what_to_expect(columns: str) -> None:
    """Every fault is listed; on a narrow terminal an alert still stands whole beside its time."""
    listed = _run("fault", "list", COLUMNS=columns).stdout
    for fault in FAULTS.values():
        assert re.search(rf"^{fault.name} ", listed, re.MULTILINE)
        for alert in fault.alerts:
            assert re.search(rf" {alert} within \d+ s *$", listed, re.MULTILINE)


def test_a_taken_port_is_left_alone() -> None:
    """A default port is replaced with a note; a port that the user chose is an error with the option."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with (
            pytest.raises(
                PortError, match=rf"--service-port {port}: another program listens there; choose another"
            ),
            choose({"service": port}),
        ):
            pass
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with contextlib.suppress(OSError):  # another Alertmanager on this machine may have this port
            taken.bind(("127.0.0.1", 9093))
            taken.listen()
        with choose() as (ports, notes):
            pass
    assert ports.alertmanager != 9093
    assert f"port 9093 is taken; alertmanager uses {ports.alertmanager}" in notes


def test_a_demo_that_has_ended_is_not_taken_for_a_running_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A crash may leave the demo's file; only the user may read the token in it."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    state.write({"service": "http://127.0.0.1:1"})
    (path,) = (tmp_path / "signalscope").iterdir()
    assert path.stat().st_mode & 0o777 == 0o600
    assert state.read()["service"] == "http://127.0.0.1:1"
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    left = path.with_name(f"demo-{ended.pid}.json")
    left.write_text(json.dumps({"service": "x", "demo_pid": ended.pid}), encoding="utf-8")
    assert state.read()["service"] == "http://127.0.0.1:1"
    assert not left.exists()
    newer = path.with_name(f"demo-{os.getppid()}.json")
    newer.write_text(json.dumps({"service": "newer", "demo_pid": os.getppid()}), encoding="utf-8")
    assert state.read()["service"] == "newer"
    state.forget()  # the file of another process stays
    assert list(path.parent.iterdir()) == [newer]
    newer.unlink()
    with pytest.raises(state.NoDemoError):
        state.read()


def test_two_demos_that_start_at_once_choose_different_ports() -> None:
    """The ports differ before a process listens on them."""
    code = (
        "from signalscope.demo.stack.ports import choose\n"
        "with choose() as (ports, _):\n"
        "    print(ports, flush=True)\n"
        "    input()\n"
    )
    with contextlib.ExitStack() as stack:
        started = [
            stack.enter_context(
                subprocess.Popen(
                    [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
                )
            )
            for _ in range(2)
        ]
        chosen = [
            set(re.findall(r"=(\d+)", process.stdout.readline())) for process in started if process.stdout
        ]
        for process in started:
            process.communicate("\n")
    assert len(chosen[0]) == len(chosen[1]) == 9
    assert chosen[0].isdisjoint(chosen[1])


def test_a_port_that_a_demo_gave_back_can_be_chosen_again() -> None:
    """This holds in one process too; an error in one option releases the ports chosen before."""
    with choose() as (first, _):
        with choose() as (second, notes):
            assert set(astuple(first)).isdisjoint(astuple(second))
            assert len(notes) == len(astuple(second))
        with pytest.raises(PortError, match="a number from 1 to 65535"), choose({"health": 0}):
            pass
    twice: dict[str, int | None] = {"service": first.service, "console": first.service}
    with (
        pytest.raises(PortError, match="another part has this port; give each part a different one"),
        choose(twice),
    ):
        pass
    with choose(asdict(first)) as (again, _):
        assert again == first
