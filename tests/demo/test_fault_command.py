"""`signalscope fault` waits for the real state, tries again, and refuses what makes no sense."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread, Timer
from typing import Any

import pytest

from signalscope.cli._errors import UserError
from signalscope.demo import control
from signalscope.demo.faults import FAULTS, find


class _Demo:
    """A server with the three control ports, whose faults change late and which may not answer at first."""

    def __init__(self) -> None:
        self.states = dict.fromkeys(FAULTS, False)
        self.busy = 0
        self.late = 0.0
        self.puts = 0
        demo = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer(demo.states)

            def do_PUT(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                demo.puts += 1
                change = {self.path.rpartition("/")[2]: body["on"]}
                Timer(demo.late, demo.states.update, [change]).start()  # sleep: the late change of state
                self._answer({})

            def log_message(self, *_: object) -> None:
                pass

            def _answer(self, content: dict[str, bool]) -> None:
                demo.busy -= 1
                self.send_response(503 if demo.busy >= 0 else 200)
                self.end_headers()
                self.wfile.write(json.dumps(content).encode())

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        url = f"http://127.0.0.1:{self.server.server_port}"
        self.running: dict[str, Any] = {
            "service": url, "supervisor": url, "dependencies": {"control": url}, "logs": "/logs", "console": url,
        }  # fmt: skip

    def switch(self, name: str, on: bool) -> bool:
        """Switch a fault as the command does."""
        return control.switch(find(name), on, self.running, print)


@pytest.fixture
def demo(monkeypatch: pytest.MonkeyPatch) -> Iterator[_Demo]:
    """A demo that answers."""
    monkeypatch.setattr(control, "_PATIENCE", 5.0)
    demo = _Demo()
    Thread(target=demo.server.serve_forever, daemon=True).start()
    yield demo
    demo.server.shutdown()
    demo.server.server_close()


def test_it_waits_until_the_fault_is_really_on(demo: _Demo, capsys: pytest.CaptureFixture[str]) -> None:
    """The command repeats its requests until the state has changed, and prints the state."""
    demo.busy, demo.late = 2, 0.5
    assert demo.switch("greeks-nan", on=True)
    assert demo.states["greeks-nan"]
    assert "greeks-nan is on. Every calculation gives NaN." in capsys.readouterr().out
    assert not demo.switch("greeks-nan", on=True)
    assert "greeks-nan was already on." in capsys.readouterr().out
    assert demo.puts == 1
    assert demo.switch("greeks-nan", on=False)
    assert "greeks-nan is off." in capsys.readouterr().out


def test_a_fault_that_does_not_change_is_reported(demo: _Demo, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error has the state that is real, and where the logs are."""
    monkeypatch.setattr(control, "_PATIENCE", 0.5)
    demo.late = 3.0
    with pytest.raises(UserError, match=r"cpu-burn is still off after 0 s; see the logs in /logs \[SS736\]"):
        demo.switch("cpu-burn", on=True)


def test_a_server_that_never_answers_is_reported(demo: _Demo, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error has the URL, the reason and what to do."""
    monkeypatch.setattr(control, "_PATIENCE", 0.5)
    demo.busy = 1000
    with pytest.raises(
        UserError, match=r"has not answered .*/demo/faults: HTTP Error 503.*; repeat the command"
    ):
        demo.switch("config-down", on=True)
    assert demo.puts == 0


@pytest.mark.parametrize(
    ("active", "name", "on", "text"),
    [
        ([], "cpu-burn", False, r"cpu-burn is not on, so it cannot be switched off; no other .* \[SS743\]"),
        (["greeks-nan"], "cpu-burn", False, r"switched off; on: greeks-nan \[SS743\]"),
        (
            ["config-down"],
            "config-slow",
            True,
            r"exclude each other, .*`signalscope fault config-down off` first",
        ),
        (["service-down"], "greeks-nan", True, r"and service-down is on; .* \[SS744\]"),
        (["greeks-nan"], "service-down", True, r"`signalscope fault greeks-nan off` first \[SS744\]"),
    ],
)
def test_what_makes_no_sense_is_refused(
    demo: _Demo, active: list[str], name: str, on: bool, text: str
) -> None:
    """One line says why and gives the way out; nothing is switched."""
    demo.states |= dict.fromkeys(active, True)
    with pytest.raises(UserError, match=text) as refused:
        demo.switch(name, on)
    assert "\n" not in str(refused.value)
    assert demo.puts == 0
