"""Runner for users' programs under the launcher, and the metrics that a real Collector gets from them."""

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
    """The series of one service in the Collector: name, labels and value of each series."""

    rows: tuple[tuple[str, Mapping[str, str], float], ...]

    def sum(self, name: str, **labels: str) -> float:
        """Return the sum of the series with these labels; 0 without such a series."""
        return sum(v for n, own, v in self.rows if n == name and labels.items() <= own.items())

    def by(self, name: str, *keys: str, **labels: str) -> dict[tuple[str, ...], float]:
        """Return sums of the series that are not 0, by the values of some labels."""
        values: dict[tuple[str, ...], float] = {}
        for n, own, value in self.rows:
            if n == name and labels.items() <= own.items() and value:
                key = tuple(own.get(label, "") for label in keys)
                values[key] = values.get(key, 0.0) + value
        return values


@dataclass(frozen=True)
class Ran:
    """The result of an ended program, and its series."""

    returncode: int
    stdout: str
    stderr: str
    series: Series


def variables(collector: Collector, service: str, **more: str) -> dict[str, str]:
    """Return the environment variables of a program that exports to the Collector."""
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
        environment: The environment with the libraries.
        program: The source of the program.
        folder: The folder for the program's file.
        arguments: The arguments of the program.
        more: Further environment variables.
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
    """Return the series of one service from a page in the Prometheus or OpenMetrics format."""
    rows = []
    for line in page.splitlines():
        match = None if line.startswith("#") else _LINE.match(line)
        if match is not None:
            labels = dict(_LABEL.findall(match[2] or ""))
            if labels.get("job") == service:
                rows.append((match[1], labels, float(match[3])))
    return Series(tuple(rows))
