"""The real processes of a chaos run: a service, the Collector, Prometheus, a trace backend, and Alertmanager."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
import urllib.parse
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.chaos.network import Network
from tests.collector.conftest import CONFIG, LIMITS
from tests.ports import free_port
from tests.waiting import DEADLINE, eventually, get

from signalscope import binaries
from signalscope.demo.stack._processes import Part, answers

ROOT = binaries.ROOT
#: Seconds that the Collector waits for the spans of a trace.
DECISION_WAIT = 2
COUNTER = 'signal_service_feature_usage_total{job="chaos"}'
_RULES = {
    "groups": [
        {
            "name": "chaos",
            "interval": "1s",
            "rules": [{"alert": "ChaosCalls", "expr": f"{COUNTER} > 200", "labels": {"severity": "warning"}}],
        }
    ]
}


@dataclass
class Server:
    """A process that can be started again on the same ports.

    Attributes:
        ready: A URL that answers when it is ready.
    """

    name: str
    command: Sequence[str | Path]
    folder: Path
    ready: str
    environment: Mapping[str, str] = field(default_factory=dict)
    part: Part | None = None

    def start(self) -> None:
        """Start the process, and wait until it is ready."""
        self.part = part = Part(self.name, self.command, self.folder / f"{self.name}.log", self.environment)

        def is_ready() -> bool:
            part.check()
            return answers(self.ready)

        eventually(is_ready, DEADLINE, f"{self.name} is ready")

    def stop(self) -> None:
        """Send SIGTERM, and wait for the end."""
        if self.part is not None:
            self.part.stop(DEADLINE)

    def kill(self) -> float:
        """Send SIGKILL, and return the moment on the monotonic clock."""
        assert self.part is not None
        moment = time.monotonic()
        self.part.kill()
        return moment


class Stack:
    """All processes, in a folder.

    Args:
        folder: For configuration, data and logs.
        network: How the service reaches the Collector.
        queue: The directory of the Collector's queue.
        variables: More variables of the Collector.
    """

    def __init__(self, folder: Path, network: Network, queue: Path, variables: Mapping[str, str]) -> None:
        self.folder, self.network = folder, network
        self.clock, self.ledger = folder / "clock", folder / "ledger.jsonl"
        self.clock.write_text("0", encoding="utf-8")
        self.ledger.touch()
        self.stored = folder / "stored.jsonl"
        ports = {
            name: free_port() for name in ("otlp", "page", "telemetry", "health", "backend", "prometheus")
        }
        ports |= {name: free_port() for name in ("grpc", "backend_health", "alertmanager")}
        self.ports = ports
        local = {name: f"127.0.0.1:{port}" for name, port in ports.items()}
        self.url = f"http://{local['prometheus']}"
        collector = binaries.find("signalscope-otelcol")
        self.collector = Server(
            "collector",
            [collector, *(f"--config={path}" for path in (CONFIG, LIMITS))],
            folder,
            f"http://{local['health']}",
            {
                "OTLP_HTTP_ENDPOINT": f"0.0.0.0:{ports['otlp']}",
                "OTLP_GRPC_ENDPOINT": local["grpc"],
                "PROMETHEUS_ENDPOINT": local["page"],
                "TELEMETRY_PORT": str(ports["telemetry"]),
                "HEALTH_ENDPOINT": local["health"],
                "TRACES_EXPORTER": "otlp/traces",
                "TRACES_ENDPOINT": local["backend"],
                "TRACES_QUEUE_STORAGE": "queue_storage",
                "TRACES_QUEUE_DIRECTORY": str(queue),
                "TRACE_SAMPLING_PERCENT": "0",
                "SLOW_TRACE_MS": "600000",
                "TAIL_SAMPLING_WAIT": f"{DECISION_WAIT}s",
                **variables,
            },
        )  # fmt: skip
        self.backend = Server(
            "backend",
            [collector, f"--config={self._write('backend.yaml', self._backend(local))}"],
            folder,
            f"http://{local['backend_health']}",
        )
        self._write("rules.json", _RULES)
        self.prometheus = Server(
            "prometheus",
            [
                binaries.find("prometheus"),
                f"--config.file={self._write('prometheus.yml', self._prometheus(local))}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address={local['prometheus']}",
                "--rules.alert.resend-delay=2s",
            ],
            folder,
            f"{self.url}/-/ready",
        )
        self.alertmanager: Server | None = None
        self.service: Part | None = None

    def _write(self, name: str, content: object) -> Path:
        path = self.folder / name
        path.write_text(json.dumps(content), encoding="utf-8")
        return path

    def _backend(self, local: Mapping[str, str]) -> object:
        return {
            "extensions": {"health_check": {"endpoint": local["backend_health"]}},
            "receivers": {"otlp": {"protocols": {"grpc": {"endpoint": local["backend"]}}}},
            "exporters": {"file": {"path": str(self.stored), "append": True, "flush_interval": "200ms"}},
            "service": {
                "extensions": ["health_check"],
                "telemetry": {"metrics": {"level": "none"}},
                "pipelines": {"traces": {"receivers": ["otlp"], "exporters": ["file"]}},
            },
        }

    def _prometheus(self, local: Mapping[str, str]) -> object:
        jobs = {"otel-collector": "page", "otel-collector-telemetry": "telemetry"}
        return {
            "global": {"scrape_interval": "1s", "scrape_timeout": "1s"},
            "rule_files": ["rules.json"],
            "alerting": {"alertmanagers": [{"static_configs": [{"targets": [local["alertmanager"]]}]}]},
            "scrape_configs": [
                {"job_name": job, "honor_labels": True, "static_configs": [{"targets": [local[port]]}]}
                for job, port in jobs.items()
            ],
        }

    def start_alertmanager(self, webhook: str) -> Server:
        """Start Alertmanager, which notifies a webhook at once."""
        route = {"receiver": "chaos", "group_wait": "1s", "group_interval": "1s"}
        config = {"route": route, "receivers": [{"name": "chaos", "webhook_configs": [{"url": webhook}]}]}
        address = f"127.0.0.1:{self.ports['alertmanager']}"
        self.alertmanager = Server(
            "alertmanager",
            [
                binaries.find("alertmanager"),
                f"--config.file={self._write('alertmanager.yml', config)}",
                f"--storage.path={self.folder / 'alerts'}",
                f"--web.listen-address={address}",
                "--cluster.listen-address=",
            ],
            self.folder,
            f"http://{address}/-/ready",
        )
        self.alertmanager.start()
        return self.alertmanager

    def start_service(self, rate: float, padding: int) -> None:
        """Start the service, and wait until Prometheus has its first calls."""
        command: list[str | Path] = [
            sys.executable,
            "-m",
            "tests.chaos.service",
            self.ledger,
            self.clock,
            str(rate),
            str(padding),
        ]
        environment = {
            "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}",
            "OTEL_EXPORTER_OTLP_ENDPOINT": self.network.endpoint(self.ports["otlp"]),
            "OTEL_BSP_SCHEDULE_DELAY": "500",
        }
        self.service = Part(
            "service", self.network.command(command), self.folder / "service.log", environment
        )
        eventually(lambda: self.value(COUNTER), DEADLINE, "the first calls")

    def value(self, query: str) -> float | None:
        """Return the only value of an instant query; None if there is none, or Prometheus is down."""
        try:
            series = get(f"{self.url}/api/v1/query?{urllib.parse.urlencode({'query': query})}")["data"][
                "result"
            ]
        except OSError:
            return None
        assert len(series) <= 1, (query, series)
        return float(series[0]["value"][1]) if series else None

    def end_calls(self) -> None:
        """End the calls of the service, and wait until it has exported what it can."""
        assert self.service is not None
        os.kill(self.service.pid, signal.SIGUSR1)
        eventually(
            lambda: '"calls"' in self.ledger.read_text(encoding="utf-8"), 2 * DEADLINE, "the last export"
        )

    def stop(self) -> None:
        """End every process, the senders first."""
        if self.service is not None:
            self.service.stop()
        for server in (self.collector, self.backend, self.prometheus, self.alertmanager):
            if server is not None:
                server.stop()


@contextmanager
def started(stack: Stack, rate: float, padding: int) -> Iterator[Stack]:
    """Start everything but Alertmanager, and end it afterwards.

    Args:
        stack: The processes.
        rate: Calls of the service per second.
        padding: Bytes in an attribute of each of its spans.
    """
    try:
        for server in (stack.backend, stack.collector, stack.prometheus):
            server.start()
        stack.start_service(rate, padding)
        yield stack
    finally:
        stack.stop()
