"""The command line: what people read."""

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
    """And so does --help, of it and of each command."""
    for arguments in ((), ("--help",)):
        done = _run(*arguments)
        for command in ("contract", "generate", "demo", "fault"):
            assert command in done.stdout
    for command in ("contract", "generate", "demo", "fault"):
        assert "Usage: signalscope" in _run(command, "--help").stdout


def test_the_contract_is_printed_in_three_ways() -> None:
    """A table, the committed Markdown, and a registry that has every metric."""
    table = _run("contract").stdout
    assert "signal_service_greeks_calculation_seconds" in table
    registry = yaml.safe_load(_run("contract", "--format", "semconv").stdout)
    names = {group.get("metric_name") for group in registry["groups"]}
    assert {instrument.name for instrument in BUILT_IN} <= names
    committed = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text(encoding="utf-8")
    assert _run("contract", "--format", "markdown").stdout == committed


def test_generate_writes_and_checks(tmp_path: Path) -> None:
    """Files go below the folder; a second run changes nothing; an edit is noticed."""
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
        (("fault", "coffee", "on"), "error: unknown fault 'coffee'; there are: ticker-down"),
        (("fault", "config-down"), "error: say what to do with it: signalscope fault config-down on"),
        (("fault", "config-down", "on"), "error: no demo is running; start one with `make demo`"),
        (
            ("demo", "--endpoints", "/nowhere/at/all.json"),
            "error: --endpoints /nowhere/at/all.json: there is no folder",
        ),
        (
            ("demo", "--endpoints", "/no[red]where/all.json"),
            "error: --endpoints /no[red]where/all.json: there is no",
        ),
        (("demo", "--endpoints", "/"), "error: --endpoints /: no file can be written there"),
        (("demo", "--load", "inf"), "error: --load inf: give a number of requests per second"),
        (("generate", "--config", "none.toml"), "error: none.toml: No such file or directory"),
    ],
)
def test_mistakes_are_one_line(tmp_path: Path, arguments: tuple[str, ...], message: str) -> None:
    """Each names the thing and the way out, and there is no traceback."""
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
        ("import nothing_there", r"error: --import mine: there is no module 'nothing_there' here or installed"),
        ("from signalscope import contract\ncontract.Instrument('Orders', contract.Kind.COUNTER, '', 'x', 'me')",
         r"error: instrument 'Orders': use dotted lower-case words"),
    ],
)  # fmt: skip
def test_a_broken_module_of_the_user_s_is_named(tmp_path: Path, code: str, message: str) -> None:
    """With its file, line and reason, in one line."""
    (tmp_path / "mine.py").write_text(code, encoding="utf-8")
    command = [sys.executable, "-m", "signalscope", "--import", "mine", "contract"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert re.fullmatch(f"{message}.*\n", done.stderr), done.stderr


def test_a_demo_that_could_not_be_noted_is_not_started() -> None:
    """The folder and the way out are named before anything is started."""
    done = _run("demo", "--duration", "1", XDG_STATE_HOME="/proc/none")
    assert done.returncode == 1
    assert re.fullmatch(r"error: /proc/none/signalscope: .* set XDG_STATE_HOME to a folder .*\n", done.stderr)
    assert done.stdout == ""


def test_a_package_that_is_missing_is_named_with_its_extra() -> None:
    """In brackets, as pip wants it."""
    code = (
        "import sys; sys.modules['grafana_foundation_sdk'] = None; sys.argv[1:] = ['generate', '--check']; "
        "from signalscope.__main__ import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert (
        done.stderr
        == "error: grafana_foundation_sdk.builders is not installed; pip install 'signalscope[mixin]'\n"
    )


@pytest.mark.parametrize("columns", ["80", "160"])
def test_faults_are_listed_with_what_to_expect(columns: str) -> None:
    """All of them, each alert whole and beside its time, also where the terminal is narrow."""
    listed = _run("fault", "list", COLUMNS=columns).stdout
    for fault in FAULTS.values():
        assert re.search(rf"^{fault.name} ", listed, re.MULTILINE)
        for alert in fault.alerts:
            assert re.search(rf" {alert} within \d+ s *$", listed, re.MULTILINE)


def test_a_taken_port_is_left_alone() -> None:
    """A usual one is replaced, and said; one that was asked for is an error that names the option."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with (
            pytest.raises(
                PortError, match=rf"--service-port {port}: something else listens there; choose another"
            ),
            choose({"service": port}),
        ):
            pass
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with contextlib.suppress(OSError):  # an Alertmanager of this machine has it
            taken.bind(("127.0.0.1", 9093))
            taken.listen()
        with choose() as (ports, notes):
            pass
    assert ports.alertmanager != 9093
    assert f"port 9093 is taken; alertmanager uses {ports.alertmanager}" in notes


def test_a_demo_that_has_ended_is_not_taken_for_a_running_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its note may be left after a crash; its token is for the user's eyes only."""
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
    state.forget()  # another process' note stays
    assert list(path.parent.iterdir()) == [newer]
    newer.unlink()
    with pytest.raises(state.NoDemoError):
        state.read()


def test_two_demos_that_start_at_once_choose_different_ports() -> None:
    """Before anything listens on them."""
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
    """By this process too; a mistake in one option gives back those that were chosen before it."""
    with choose() as (first, _):
        with choose() as (second, notes):
            assert set(astuple(first)).isdisjoint(astuple(second))
            assert len(notes) == len(astuple(second))
        with pytest.raises(PortError, match="a number from 1 to 65535"), choose({"health": 0}):
            pass
    twice: dict[str, int | None] = {"service": first.service, "console": first.service}
    with pytest.raises(PortError, match="another part has it; give each one of its own"), choose(twice):
        pass
    with choose(asdict(first)) as (again, _):
        assert again == first
