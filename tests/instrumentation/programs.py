"""Programs as strangers write them, run under the launcher, and what a real Collector then has of them."""

from __future__ import annotations

import os
import re
import subprocess
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.collector.conftest import Collector
from tests.instrumentation.environments import Environment

__all__ = ["Ran", "Series", "launch", "parse", "variables"]

_LINE = re.compile(r'([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{((?:[^"}]|"(?:[^"\\]|\\.)*")*)\})? ([^ ]+)')
_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"')


@dataclass(frozen=True)
class Series:
    """What the Collector has of one service: series by name, each with its labels and value."""

    rows: tuple[tuple[str, Mapping[str, str], float], ...]

    def sum(self, name: str, **labels: str) -> float:
        """The sum of the series with these labels; 0 when there are none."""
        return sum(v for n, own, v in self.rows if n == name and labels.items() <= own.items())

    def by(self, name: str, *keys: str, **labels: str) -> dict[tuple[str, ...], float]:
        """Sums of the series that are not 0, by the values of some labels."""
        values: dict[tuple[str, ...], float] = {}
        for n, own, value in self.rows:
            if n == name and labels.items() <= own.items() and value:
                key = tuple(own.get(label, "") for label in keys)
                values[key] = values.get(key, 0.0) + value
        return values


@dataclass(frozen=True)
class Ran:
    """A program that has ended, and its series."""

    returncode: int
    stdout: str
    stderr: str
    series: Series


def variables(collector: Collector, service: str, **more: str) -> dict[str, str]:
    """The environment of a program that exports to the Collector."""
    own = {k: v for k, v in os.environ.items() if not k.startswith(("OTEL_", "SIGNALSCOPE_", "PYTHON"))}
    return (
        own
        | {
            "OTEL_SERVICE_NAME": service,
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.http,
        }
        | more
    )


def launch(
    collector: Collector, environment: Environment, program: str, folder: Path, *arguments: str, **more: str
) -> Ran:
    """Run a program under `opentelemetry-instrument`, and read its metrics from the Collector.

    Args:
        collector: A running Collector.
        environment: Where the libraries are.
        program: Its source.
        folder: Where to write it.
        arguments: Its arguments.
        more: More environment variables.
    """
    service = f"program-{uuid.uuid4().hex[:8]}"
    path = folder / "program.py"
    path.write_text(program, encoding="utf-8")
    done = subprocess.run(
        [environment.launcher, environment.python, path, *arguments],
        env=variables(collector, service, **more), capture_output=True, text=True, check=False, timeout=120,
        cwd=folder,
    )  # fmt: skip
    if more.get("OTEL_METRICS_EXPORTER") != "none":
        collector.when(
            lambda: bool(parse(collector.scrape(), service).rows), f"metrics of {service}: {done.stderr}"
        )
    return Ran(done.returncode, done.stdout, done.stderr, parse(collector.scrape(), service))


def parse(page: str, service: str) -> Series:
    """The series of one service on a page in the Prometheus or OpenMetrics format."""
    rows = []
    for line in page.splitlines():
        match = None if line.startswith("#") else _LINE.match(line)
        if match is not None:
            labels = dict(_LABEL.findall(match[2] or ""))
            if labels.get("job") == service:
                rows.append((match[1], labels, float(match[3])))
    return Series(tuple(rows))
