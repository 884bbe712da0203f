"""The queue of traces on a volume: refused at the start if it cannot be used, set aside if it is corrupted."""

from __future__ import annotations

import subprocess
import urllib.request
from collections.abc import Mapping
from pathlib import Path

import pytest
from tests.collector.conftest import CONFIG, LIMITS, running
from tests.ports import free_port
from tests.waiting import DEADLINE

from signalscope import binaries

pytestmark = pytest.mark.needs("collector")
_STORAGE, _DIRECTORY = "TRACES_QUEUE_STORAGE", "TRACES_QUEUE_DIRECTORY"


def _on(folder: Path) -> Mapping[str, str]:
    """Return the variables for a queue in a folder."""
    return {
        _STORAGE: "queue_storage",
        _DIRECTORY: str(folder),
        "TRACES_EXPORTER": "otlp/traces",
        "TRACES_ENDPOINT": f"127.0.0.1:{free_port()}",
    }


def _refusal(variables: Mapping[str, str]) -> str:
    """Return the output of a Collector that does not start."""
    command: list[str | Path] = [
        binaries.find("signalscope-otelcol"),
        f"--config={CONFIG}",
        f"--config={LIMITS}",
    ]
    names = ("OTLP_GRPC_ENDPOINT", "OTLP_HTTP_ENDPOINT", "PROMETHEUS_ENDPOINT", "HEALTH_ENDPOINT")
    ports = {name: f"127.0.0.1:{free_port()}" for name in names} | {"TELEMETRY_PORT": str(free_port())}
    done = subprocess.run(
        command, env={**ports, **variables}, capture_output=True, text=True, timeout=DEADLINE, check=False
    )
    assert done.returncode == 1
    return done.stderr


@pytest.mark.parametrize("kind", ["missing", "a file", "empty", "without storage"])
def test_a_queue_that_cannot_be_used_is_refused(kind: str, tmp_path: Path) -> None:
    """The message has the name of the variable, the reason and the way out."""
    folder = tmp_path / "queue"
    variables = dict(_on(folder))
    if kind == "a file":
        folder.touch()
    elif kind == "empty":
        del variables[_DIRECTORY]
    elif kind == "without storage":
        folder.mkdir()
        del variables[_STORAGE]
    message = _refusal(variables)
    for part in (_DIRECTORY, _STORAGE, "in memory", "[SS790]"):
        assert part in message


def test_a_corrupted_file_is_set_aside(tmp_path: Path) -> None:
    """The Collector starts, says so, counts the file, and keeps it under another name."""
    folder = tmp_path / "queue"
    folder.mkdir()
    (folder / "exporter_otlp_traces_traces").write_bytes(b"\xa5" * 65_536)
    with running(tmp_path, **_on(folder)) as collector:
        (kept,) = folder.glob("*.corrupt-*")
        assert kept.read_bytes() == b"\xa5" * 65_536
        log = (tmp_path / "collector.log").read_text(encoding="utf-8")
        assert "[SS791]" in log
        assert str(kept) in log
        with urllib.request.urlopen(collector.telemetry, timeout=DEADLINE) as answer:
            page = answer.read().decode()
        assert "signalscope_collector_queue_files_set_aside_total 1" in page
    with running(tmp_path, **_on(folder)) as collector:
        assert list(folder.glob("*.corrupt-*")) == [kept]
