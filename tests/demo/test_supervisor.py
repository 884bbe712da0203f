"""The supervisor of the demo: it reports parts that end, and ends and starts the service."""

import json
import sys
import urllib.request
from collections.abc import Iterator
from typing import Any
from urllib.error import HTTPError

import pytest
from tests.waiting import eventually

from signalscope.demo.stack._processes import Part, PartError
from signalscope.demo.stack._stack import Stack
from signalscope.demo.stack._supervisor import Supervisor
from signalscope.demo.stack.ports import Ports

_PROGRAM = "import time; print('started', flush=True); time.sleep(600)"  # sleep: until the test ends it
_WAIT = [sys.executable, "-c", _PROGRAM]


class _Stack(Stack):
    """A stack of two real processes that only wait."""

    can_start = True

    def start_service(self) -> None:
        if not self.can_start:
            raise PartError("service: not ready")
        self.parts["service"] = Part("service", _WAIT, self.data / "service.log")


class _Watched:
    def __init__(self) -> None:
        self.lines: list[str] = []
        self.restarts = 0
        self.stack = _Stack(Ports())
        self.stack.start_service()
        self.stack.parts["load"] = Part("load", _WAIT, self.stack.data / "load.log")
        self.supervisor = Supervisor(self.stack, self.lines.append, self._restarted)

    def ask(self, body: Any = None, name: str = "service-down") -> dict[str, Any]:
        """Return the answer of the control port."""
        path = "/demo/faults" if body is None else f"/demo/faults/{name}"
        data, method = (None, "GET") if body is None else (json.dumps(body).encode(), "PUT")
        request = urllib.request.Request(f"{self.supervisor.url}{path}", data, method=method)
        with urllib.request.urlopen(request, timeout=5) as answer:
            content: dict[str, Any] = json.load(answer)
        return content

    def is_down(self) -> bool:
        """Return True if the control port says that the service is down."""
        return bool(self.ask()["service-down"])

    def _restarted(self) -> None:
        self.restarts += 1


@pytest.fixture
def watched() -> Iterator[_Watched]:
    """A supervisor that serves its control port."""
    watched = _Watched()
    with watched.supervisor:
        yield watched
    watched.stack.failed.clear()
    watched.stack.close()


def test_the_service_is_ended_and_started_again(watched: _Watched) -> None:
    """Only the service gets a new process; the kill is not a failure, and the log goes on."""
    load, service = (watched.stack.parts[name].pid for name in ("load", "service"))
    log = watched.stack.data / "service.log"
    eventually(lambda: "started" in log.read_text(encoding="utf-8"), 10, "the first process")
    assert watched.ask({"on": True}) == {"service-down": False}  # not yet: `step` does it
    watched.supervisor.step()
    assert watched.is_down()
    assert not watched.stack.parts["service"].is_running
    watched.supervisor.step()
    assert watched.stack.failed == set()
    watched.ask({"on": False})
    watched.supervisor.step()
    assert not watched.is_down()
    assert watched.restarts == 1
    assert watched.stack.parts["load"].pid == load
    assert watched.stack.parts["service"].pid != service
    eventually(lambda: log.read_text(encoding="utf-8").count("started") == 2, 10, "both processes in the log")


def test_a_part_that_ends_by_itself_is_reported_once(watched: _Watched) -> None:
    """The line has the log; the logs stay after the end, and the service can be started again."""
    for name in ("load", "service"):
        watched.stack.parts[name].kill()
    watched.supervisor.step()
    watched.supervisor.step()
    assert len(watched.lines) == 2
    service, load = watched.lines
    assert f"load ended with status -9. Its log is {watched.stack.data}/load.log" in load
    assert "starts it again" not in load
    assert "`signalscope fault service-down off` starts it again" in service
    assert watched.is_down()
    watched.ask({"on": False})
    watched.supervisor.step()
    assert not watched.is_down()
    watched.stack.parts["service"].kill()
    watched.supervisor.step()
    assert sum("service ended" in line for line in watched.lines) == 2
    assert watched.stack.failed == {"load", "service"}
    watched.stack.close()
    assert {path.name for path in watched.stack.data.iterdir()} == {"load.log", "service.log"}


def test_a_service_that_does_not_start_stays_down(watched: _Watched) -> None:
    """The reason is said, the state stays on, and another off tries again."""
    watched.ask({"on": True})
    watched.supervisor.step()
    watched.stack.can_start = False
    watched.ask({"on": False})
    watched.supervisor.step()
    assert watched.lines[-1] == "service: not ready"
    assert watched.is_down()
    watched.stack.can_start = True
    watched.ask({"on": False})
    watched.supervisor.step()
    assert not watched.is_down()


@pytest.mark.parametrize(
    ("name", "body", "status", "text"),
    [
        ("coffee", {"on": True}, 404, "unknown fault 'coffee'; the faults are service-down"),
        ("service-down", {"on": "yes"}, 422, "the body must be"),
        ("service-down", [], 422, "the body must be"),
    ],
)
def test_a_wrong_request_is_refused(
    watched: _Watched, name: str, body: object, status: int, text: str
) -> None:
    """The answer says what is wrong, and nothing is switched."""
    with pytest.raises(HTTPError) as refused:
        watched.ask(body, name)
    assert refused.value.code == status
    with refused.value:
        assert text in json.load(refused.value)["detail"]
    watched.supervisor.step()
    assert not watched.is_down()
