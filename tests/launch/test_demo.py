"""`signalscope demo` as a user runs it: it starts, ends at Ctrl-C without leftovers, and explains failures."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.launch.leftovers import alive, descendants, hear_hangups
from tests.waiting import eventually

from signalscope import binaries
from signalscope.demo.stack._processes import answers, free_port, wait_until

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.needs("collector", "prometheus", "alertmanager"),
    pytest.mark.timeout(180),
]


class _Demo:
    """A demo in its own process, with its temporary files and state in a folder."""

    def __init__(self, folder: Path, *arguments: str, **environment: str) -> None:
        self.folder = folder
        self.endpoints = folder / "endpoints.json"
        (folder / "tmp").mkdir()
        self.output = folder / "output.txt"
        own = {
            **os.environ,
            "TMPDIR": str(folder / "tmp"),
            "XDG_STATE_HOME": str(folder / "state"),
            **environment,
        }
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "signalscope", "demo", "--endpoints", str(self.endpoints), *arguments],
                stdout=output, stderr=subprocess.STDOUT, env=own, preexec_fn=hear_hangups,  # noqa: PLW1509  # it is short
            )  # fmt: skip

    def ready(self, seconds: float = 90.0) -> dict[str, Any]:
        """Return the URLs of all parts, once every part is ready."""
        self.until(self.endpoints.exists, seconds)
        endpoints: dict[str, Any] = json.loads(self.endpoints.read_text(encoding="utf-8"))
        return endpoints

    def until(self, condition: Callable[[], object], seconds: float = 90.0) -> None:
        """Wait for a condition while the demo runs."""
        try:
            eventually(lambda: self.process.poll() is not None or condition(), seconds, "the demo")
        except AssertionError as error:
            raise AssertionError(f"{error}: {self.text()}") from None
        assert self.process.poll() is None, self.text()

    def text(self) -> str:
        """Return the output so far."""
        return self.output.read_text(encoding="utf-8")

    def nothing_is_left(self, pids: dict[str, int]) -> None:
        """Check that no process, no data and no state file is left."""
        assert not [name for name, pid in pids.items() if alive(pid)]
        assert list((self.folder / "tmp").iterdir()) == []
        assert list((self.folder / "state").rglob("*.json")) == []


@pytest.fixture
def demos() -> Iterator[list[_Demo]]:
    """A function that starts demos; they end with the test in any case."""
    started: list[_Demo] = []
    yield started
    for demo in started:
        if demo.process.poll() is None:
            demo.process.send_signal(signal.SIGTERM)
            demo.process.wait(60)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_runs_until_it_is_told_to_stop(tmp_path: Path, demos: list[_Demo], number: signal.Signals) -> None:
    """Every part answers; the text has the URLs and a fault to try; a signal ends all processes."""
    demo = _Demo(tmp_path)
    demos.append(demo)
    endpoints = demo.ready()
    assert {"service", "prometheus", "alertmanager", "console", "collector", "pids", "token"} <= set(
        endpoints
    )
    assert set(endpoints["collector"]) == {"otlp_grpc", "otlp_http", "prometheus", "telemetry"}
    assert len(endpoints["token"]) >= 24
    for url in (
        f"{endpoints['service']}/health", f"{endpoints['prometheus']}/-/ready",
        f"{endpoints['alertmanager']}/-/ready", endpoints["console"],
        endpoints["collector"]["prometheus"], endpoints["collector"]["telemetry"],
    ):  # fmt: skip
        assert answers(url), url
    assert all(alive(pid) for pid in endpoints["pids"].values())
    demo.process.send_signal(number)
    assert demo.process.wait(60) == 0
    for line in (endpoints["console"], "fault list", "fires within", "Ctrl-C"):
        assert line in demo.text()
    demo.nothing_is_left(endpoints["pids"])


@pytest.mark.parametrize(
    ("moment", "number"),
    [
        ("starting the external services", signal.SIGINT),
        (1, signal.SIGHUP),
        ("starting the Collector", signal.SIGTERM),
        ("the generated history: step 2", signal.SIGTERM),
        (3, signal.SIGINT),
        ("starting the reference service", signal.SIGHUP),
    ],
)
def test_it_can_be_stopped_while_it_starts(
    tmp_path: Path, demos: list[_Demo], moment: str | int, number: signal.Signals
) -> None:
    """A signal, or a closed terminal, ends all started processes without a traceback.

    The moments are lines that the demo prints, and numbers of processes that it has started.
    """
    demo = _Demo(tmp_path, *(("--history", "1d") if str(moment).startswith("the generated") else ()))
    demos.append(demo)
    demo.until(
        lambda: (
            moment in demo.text() if isinstance(moment, str) else len(descendants(demo.process.pid)) >= moment
        )
    )
    started = descendants(demo.process.pid)
    demo.process.send_signal(number)
    assert demo.process.wait(60) in (0, -number, 128 + number)
    assert "Traceback" not in demo.text()
    demo.nothing_is_left({str(pid): pid for pid in started})


@pytest.mark.timeout(420)  # the history takes half a minute more
def test_generated_history_is_there_and_named(tmp_path: Path, demos: list[_Demo]) -> None:
    """Growth is there at once, rests on the generated history, and the text and the endpoints name its end."""
    demo = _Demo(tmp_path, "--history", "2d", "--load", "5")
    demos.append(demo)
    endpoints = demo.ready(200.0)
    until = datetime.fromtimestamp(endpoints["generated_until"], UTC)
    assert f"all before {until:%Y-%m-%d %H:%M} UTC: it is not measured" in demo.text()

    def value(expression: str) -> float | None:
        query = urllib.parse.urlencode({"query": expression})
        with urllib.request.urlopen(f"{endpoints['prometheus']}/api/v1/query?{query}", timeout=10) as answer:
            result = json.load(answer)["data"]["result"]
        return float(result[0]["value"][1]) if result else None

    demo.until(lambda: value("signalscope_generated_history_end_timestamp_seconds") is not None)
    assert value("signalscope_generated_history_end_timestamp_seconds") == endpoints["generated_until"]
    at = endpoints["generated_until"]
    assert value(f'job:signal_service_active_subscriptions:growth{{period="1d"}} @ {at}') is not None
    demo.until(lambda: value("min(time() - slo:first_data:timestamp_seconds)") is not None)
    age = value("max(time() - slo:first_data:timestamp_seconds)")
    assert age is not None
    assert age < time.time() - at - 600  # the first data of a budget is measured
    demo.process.send_signal(signal.SIGINT)
    assert demo.process.wait(60) == 0
    demo.nothing_is_left(endpoints["pids"])


def _fault(demo: _Demo, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "signalscope", "fault", *arguments], check=False, text=True, capture_output=True,
        env={**os.environ, "XDG_STATE_HOME": str(demo.folder / "state"), "COLUMNS": "200"},
    )  # fmt: skip


@pytest.mark.timeout(420)  # it starts the service twice
def test_the_rest_runs_on_without_a_part_that_died(tmp_path: Path, demos: list[_Demo]) -> None:
    """The text names the part and its log, which is kept; the service can be ended and started; the status is 1."""
    demo = _Demo(tmp_path, "--load", "0")
    demos.append(demo)
    pids = demo.ready()["pids"]
    assert "load" not in pids  # the background tasks of the service give enough data
    os.kill(pids["alertmanager"], signal.SIGKILL)
    demo.until(lambda: "alertmanager ended with status -9. Its log is " in demo.text())
    assert alive(pids["service"])

    assert "is not on, so it cannot be switched off" in _fault(demo, "service-down", "off").stderr
    assert "service-down is on" in _fault(demo, "service-down", "on").stdout
    assert not alive(pids["service"])
    refused = _fault(demo, "greeks-nan", "on")
    assert (refused.returncode, "`signalscope fault service-down off` first" in refused.stderr) == (1, True)
    assert "config-down is on" in _fault(demo, "config-down", "on").stdout
    assert "config-down and config-slow" in _fault(demo, "config-slow", "on").stderr.replace(
        "config-slow and config-down", "config-down and config-slow"
    )
    assert "service-down is off" in _fault(demo, "service-down", "off").stdout
    after = demo.ready()
    assert answers(f"{after['service']}/health")
    assert after["pids"]["service"] != pids["service"]
    assert all(after["pids"][name] == pid for name, pid in pids.items() if name != "service")

    os.kill(after["pids"]["service"], signal.SIGKILL)
    demo.until(lambda: "`signalscope fault service-down off` starts it again" in demo.text())
    demo.process.send_signal(signal.SIGINT)
    assert demo.process.wait(60) == 1
    assert "error: alertmanager, service ended too early; the logs are kept in " in demo.text()
    (kept,) = (demo.folder / "tmp").iterdir()
    assert {"alertmanager.log", "service.log"} <= {path.name for path in kept.iterdir()}
    assert {path.suffix for path in kept.iterdir()} == {".log"}
    assert f"Its log is {kept}/service.log" in demo.text()
    shutil.rmtree(kept)
    demo.nothing_is_left(after["pids"])


def test_a_broken_collector_configuration_is_one_clear_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message names the Collector and the wrong key, and all processes are ended."""
    root = tmp_path / "checkout"
    (root / "collector").mkdir(parents=True)
    shutil.copy(binaries.ROOT / ".env", root)
    for name in ("rules", "deploy"):
        (root / name).symlink_to(binaries.ROOT / name)
    text = (binaries.ROOT / "collector" / "config.yaml").read_text(encoding="utf-8")
    (root / "collector" / "config.yaml").write_text(
        text.replace("check_interval", "chekc_interval"), encoding="utf-8"
    )
    code = (
        f"import pathlib; from signalscope.demo import binaries; binaries.ROOT = pathlib.Path({str(root)!r}); "
        "from signalscope.cli import run; run()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "demo"],
        env={**os.environ, "TMPDIR": str(tmp_path), "XDG_STATE_HOME": str(tmp_path)},
        capture_output=True, text=True, check=False, timeout=90,
    )  # fmt: skip
    assert done.returncode == 1
    assert "error: collector ended" in done.stderr
    assert "chekc_interval" in done.stderr
    assert "Traceback" not in done.stderr
    (kept,) = tmp_path.glob("signalscope-*")
    assert {path.suffix for path in kept.iterdir()} == {".log"}
    assert f"Its log is {kept}/collector.log" in done.stderr


def test_an_installed_package_without_a_checkout_runs_embedded(tmp_path: Path, demos: list[_Demo]) -> None:
    """The service, its metrics and the console run; a line says what is missing."""
    site = tmp_path / "site"
    shutil.copytree(binaries.ROOT / "src" / "signalscope", site / "signalscope")
    demo = _Demo(tmp_path, PYTHONPATH=str(site))
    demos.append(demo)
    endpoints = demo.ready()
    assert "prometheus" not in endpoints
    assert answers(f"{endpoints['service']}/metrics")
    assert answers(endpoints["console"])
    demo.process.send_signal(signal.SIGINT)
    assert demo.process.wait(60) == 0
    assert "Embedded: the whole pipeline runs only from a checkout, and " in demo.text()
    assert "is not one; clone the repository and run `make demo` there [SS756]." in " ".join(
        demo.text().split()
    )
    demo.nothing_is_left(endpoints["pids"])


def test_without_binaries_it_runs_embedded_and_says_so(tmp_path: Path, demos: list[_Demo]) -> None:
    """The demo runs in pull mode; its text names what is missing and promises no alert."""
    (tmp_path / "endpoints.json").write_text('{"service": "of an earlier demo"}', encoding="utf-8")
    demo = _Demo(tmp_path, PATH="/usr/bin:/bin", XDG_CACHE_HOME=str(tmp_path / "empty"))
    demos.append(demo)
    wait_until(lambda: not demo.endpoints.exists(), "the earlier demo's file to go", 20, every=0.02)
    endpoints = demo.ready()
    assert "prometheus" not in endpoints
    done = subprocess.run(
        [sys.executable, "-m", "signalscope", "fault", "config-down", "on"], check=True, text=True,
        env={**os.environ, "XDG_STATE_HOME": str(tmp_path / "state"), "COLUMNS": "160"}, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert f"no alert fires.\nWatch {endpoints['service']}/health" in done.stdout
    demo.process.send_signal(signal.SIGTERM)
    assert demo.process.wait(60) == 0
    assert "fires within" not in demo.text()
    assert "with its whole monitoring" not in demo.text()
    assert "Embedded" in demo.text()
    collector = binaries.projects_for_demo()[0]
    assert f"{collector.name} {collector.version} could be neither built nor copied" in demo.text()
    demo.nothing_is_left(endpoints["pids"])


#: A Go that waits for a file and then copies the binary that a real build would make.
_GO = """#!/bin/sh
[ "$1" = env ] && { echo go1.26.0; exit; }
while [ "$1" != -o ]; do shift; done
name=$(basename "$2")
until [ -e "$GATES/$name" ]; do sleep 0.1; done
[ -s "$GATES/$name" ] && { cat "$GATES/$name"; exit 1; }
echo "$3"
cp "$BUILT/$name" "$2"
"""


def _without_servers(folder: Path) -> dict[str, str]:
    """Return the environment of a demo that builds its servers, each once there is a file for it in ``gates``."""
    for name in ("bin", "gates", "built"):
        (folder / name).mkdir()
    for name in ("signalscope-otelcol", "prometheus", "alertmanager"):
        (folder / "built" / name).symlink_to(binaries.find(name))
    (folder / "bin" / "go").write_text(_GO, encoding="utf-8")
    (folder / "bin" / "go").chmod(0o755)
    return {
        "PATH": f"{folder / 'bin'}:/usr/bin:/bin", "XDG_CACHE_HOME": str(folder / "cache"),
        "GATES": str(folder / "gates"), "BUILT": str(folder / "built"),
    }  # fmt: skip


def _get(url: str, token: str = "") -> Any:
    request = urllib.request.Request(
        url, headers={"Authorization": f"Bearer {token}", "Accept": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.load(answer)


@pytest.mark.timeout(420)
def test_each_part_joins_when_it_is_built(tmp_path: Path, demos: list[_Demo]) -> None:
    """The console shows the process's own numbers first; later Prometheus has all counts of the same process."""
    demo = _Demo(tmp_path, **_without_servers(tmp_path))
    demos.append(demo)
    states = tmp_path / "state"
    demo.until(lambda: [*states.rglob("demo-*.json")])
    (state,) = states.rglob("demo-*.json")
    early = json.loads(state.read_text(encoding="utf-8"))
    service, token, console = early["service"], early["token"], early["console"]
    assert not {"prometheus", "alertmanager", "collector"} & early.keys()

    demo.until(lambda: "API" in _get(f"{console}/api/own").get("areas", {}))
    assert "One process only" in _get(f"{console}/api/own")["source"]["description"]
    assert _get(f"{service}/monitoring/enhanced-metrics", token)["source"]["name"] == "process"

    def estimated() -> set[str]:
        """Return the parts with an estimate; the builds have a low priority, and may begin later than the demo."""
        building = _get(f"{console}/status")["building"]
        return {part["name"] for part in building if "(estimate)" in part["text"]}

    demo.until(lambda: estimated() == {"Collector", "Prometheus", "Alertmanager"})

    (tmp_path / "gates" / "signalscope-otelcol").touch()
    demo.until(lambda: "Collector has joined, from the cache" in demo.text())
    assert _get(f"{console}/status")["prometheus"] is None
    (tmp_path / "gates" / "alertmanager").touch()
    (tmp_path / "gates" / "prometheus").touch()
    late = demo.ready()
    assert late["pids"]["service"] == early["pids"]["service"]
    assert _get(f"{console}/status")["building"] == []
    assert _get(f"{console}/api/settings")["prometheus"] == late["prometheus"]
    demo.until(
        lambda: _get(f"{service}/monitoring/enhanced-metrics", token)["source"]["name"] == "prometheus"
    )
    # Every count since the start of the process is there, not only those since the parts have joined.
    before = _get(f"{service}/demo/stats")["options"]["total"]

    def total() -> float:
        query = urllib.parse.urlencode({"query": "sum(signal_service_greeks_options_total)"})
        result = _get(f"{late['prometheus']}/api/v1/query?{query}")["data"]["result"]
        return float(result[0]["value"][1]) if result else 0.0

    demo.until(lambda: total() >= before)
    demo.process.send_signal(signal.SIGINT)
    assert demo.process.wait(60) == 0
    demo.nothing_is_left(late["pids"])


def test_the_rest_goes_on_without_a_part_that_cannot_be_built(tmp_path: Path, demos: list[_Demo]) -> None:
    """One line has the reason and the way out; the other parts join."""
    environment = _without_servers(tmp_path)
    for name in ("signalscope-otelcol", "prometheus"):
        (tmp_path / "gates" / name).touch()
    (tmp_path / "gates" / "alertmanager").write_text(
        "lookup modules.example: no such host\n", encoding="utf-8"
    )
    demo = _Demo(tmp_path, **environment)
    demos.append(demo)
    endpoints = demo.ready()
    assert "alertmanager" not in endpoints
    assert answers(f"{endpoints['prometheus']}/-/ready")
    (line,) = [line for line in demo.text().splitlines() if "Alertmanager cannot run" in line]
    assert "no such host" in line
    assert "Install Go" in line
    building = _get(f"{endpoints['console']}/status")["building"]
    assert [part["name"] for part in building] == ["Alertmanager"]
    demo.process.send_signal(signal.SIGINT)
    assert demo.process.wait(60) == 0
    demo.nothing_is_left(endpoints["pids"])


def test_a_part_whose_port_was_taken_meanwhile_is_one_line(tmp_path: Path, demos: list[_Demo]) -> None:
    """The line has the port and the way out; the other parts join, and the exit status is 1."""
    port = free_port()
    demo = _Demo(tmp_path, "--alertmanager-port", str(port), **_without_servers(tmp_path))
    demos.append(demo)
    demo.until(lambda: [*(tmp_path / "state").rglob("demo-*.json")])
    with socket.create_server(("127.0.0.1", port)):
        for name in ("signalscope-otelcol", "prometheus", "alertmanager"):
            (tmp_path / "gates" / name).touch()
        endpoints = demo.ready()
    assert "alertmanager" not in endpoints
    assert f"another program listens on its port {port} by now. End that program" in demo.text()
    demo.process.send_signal(signal.SIGINT)
    assert demo.process.wait(60) == 1
    for kept in (tmp_path / "tmp").iterdir():
        shutil.rmtree(kept)
    demo.nothing_is_left(endpoints["pids"])
