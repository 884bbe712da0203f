"""The table of results, on the screen and as JSON."""

from __future__ import annotations

import json
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

__all__ = ["Result", "show", "write"]

RESULTS = Path(__file__).parent / "results.json"
_PACKAGES = (
    "opentelemetry-api",
    "opentelemetry-sdk",
    "opentelemetry-instrumentation-fastapi",
    "fastapi",
    "numpy",
    "prometheus_client",
)


@dataclass(frozen=True, slots=True)
class Result:
    """One line of the table.

    Args:
        case: What was measured.
        added_ns: Nanoseconds that it adds to one call; None where it could not be measured.
        baseline: What it is compared with.
        ratio: Ours over the baseline.
        target: The greatest ratio (or least, for throughput) that is good enough; None for a comparison.
        met: Whether it is; None for a comparison.
        note: Why there is no number, or how it was obtained.
    """

    case: str
    added_ns: float | None
    baseline: str
    ratio: float | None = None
    target: float | None = None
    met: bool | None = None
    note: str = ""


def write(results: Sequence[Result], rounds: int) -> None:
    """Write benchmarks/results.json: the results, each with the versions and the machine."""
    circumstances = {"rounds": rounds, "versions": _versions(), "machine": _machine()}
    rows = [{**asdict(result), **circumstances} for result in results]
    RESULTS.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


def show(results: Sequence[Result]) -> None:
    """Print the table."""
    table = Table(
        title="Added time of one call", caption=f"{_machine()['cpu']}, Python {_versions()['python']}"
    )
    for heading in ("case", "adds", "compared with", "ratio", "target", "met"):
        table.add_column(heading, justify="right" if heading in {"adds", "ratio", "target"} else "left")
    for result in results:
        table.add_row(
            result.case,
            "-" if result.added_ns is None else _duration(result.added_ns),
            result.baseline,
            "-" if result.ratio is None else f"{result.ratio:.3f}",
            "" if result.target is None else f"{result.target:g}",
            result.note if result.met is None else ("yes" if result.met else "[red]NO[/red]"),
        )
    Console().print(table)


def _duration(nanoseconds: float) -> str:
    if abs(nanoseconds) < 1_000:
        return f"{nanoseconds:.0f} ns"
    if abs(nanoseconds) < 1_000_000:
        return f"{nanoseconds / 1e3:.2f} µs"
    return f"{nanoseconds / 1e6:.2f} ms"


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "absent"
    return found


def _machine() -> dict[str, Any]:
    cpu = platform.processor() or platform.machine()
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                cpu = line.partition(":")[2].strip()
                break
    except OSError:
        pass
    return {"cpu": cpu, "system": platform.system(), "release": platform.release()}
