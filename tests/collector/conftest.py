"""A real Collector with the committed configuration, on free ports."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.ports import free_port
from tests.waiting import DEADLINE

from signalscope import binaries
from signalscope.demo.stack._processes import Part, answers, wait_until

CONFIG = binaries.ROOT / "collector" / "config.yaml"
LIMITS = binaries.ROOT / "deploy" / "collector" / "limits.yaml"


@dataclass
class Collector:
    """A running Collector."""

    http: str
    grpc: str
    page: str
    telemetry: str
    traces: Path
    part: Part

    def send(self, signal: str, body: dict[str, Any]) -> None:
        """Send OTLP as JSON: ``metrics`` or ``traces``."""
        request = urllib.request.Request(
            f"{self.http}/v1/{signal}", json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        urllib.request.urlopen(request, timeout=5).close()

    def scrape(self) -> str:
        """Return the page that Prometheus would get, in OpenMetrics."""
        accept = {"Accept": "application/openmetrics-text; version=1.0.0"}
        request = urllib.request.Request(self.page, headers=accept)
        with urllib.request.urlopen(request, timeout=DEADLINE) as response:
            return str(response.read().decode())

    def when(self, is_so: Callable[[], bool], what: str) -> None:
        """Wait for something."""
        wait_until(is_so, what, DEADLINE, [self.part])


@pytest.fixture
def collector(tmp_path: Path) -> Iterator[Collector]:
    """A Collector that keeps every trace, in a file."""
    with running(tmp_path) as started:
        yield started


@contextmanager
def running(folder: Path, **variables: str) -> Iterator[Collector]:
    """A Collector that keeps every trace, in a file in a folder; with more variables than that needs."""
    ports = {
        name: free_port()
        for name in ("OTLP_GRPC_ENDPOINT", "OTLP_HTTP_ENDPOINT", "PROMETHEUS_ENDPOINT", "HEALTH_ENDPOINT")
    }
    environment = (
        {name: f"127.0.0.1:{port}" for name, port in ports.items()}
        | {
            "TELEMETRY_PORT": str(free_port()),
            "TRACES_FILE": str(folder / "traces.jsonl"),
            "TRACE_SAMPLING_PERCENT": "100",
            "TAIL_SAMPLING_WAIT": "1s",
            "SIGNALSCOPE_HASH_SALT": "salt-",
        }
        | variables
    )
    log = folder / "collector.log"
    command: list[str | Path] = [
        binaries.find("signalscope-otelcol"),
        f"--config={CONFIG}",
        f"--config={LIMITS}",
    ]
    part = Part("collector", command, log, environment)
    try:
        wait_until(
            lambda: answers(f"http://127.0.0.1:{ports['HEALTH_ENDPOINT']}"), "the collector", DEADLINE, [part]
        )
        yield Collector(
            f"http://127.0.0.1:{ports['OTLP_HTTP_ENDPOINT']}",
            environment["OTLP_GRPC_ENDPOINT"],
            f"http://127.0.0.1:{ports['PROMETHEUS_ENDPOINT']}/metrics",
            f"http://127.0.0.1:{environment['TELEMETRY_PORT']}/metrics",
            folder / "traces.jsonl",
            part,
        )
    finally:
        part.stop()
