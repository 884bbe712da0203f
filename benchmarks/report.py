"""The table of results, as text and as JSON."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

__all__ = ["DOCS", "RESULTS", "Result", "machine", "markdown", "show", "write", "write_docs"]

RESULTS = Path(__file__).parent / "results.json"
DOCS = Path(__file__).parents[1] / "docs" / "recording.md"
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
    """A line of the table.

    Args:
        case: The measured case.
        added_ns: Nanoseconds that it adds to one call; None if it could not be measured.
        baseline: The baseline of the comparison.
        ratio: The measured value divided by that of the baseline.
        target: The greatest ratio (for throughput the least) that is good enough; None for a comparison.
        met: True if the ratio meets the target; None for a comparison.
        note: Why the number is missing, or how it was measured.
    """

    case: str
    added_ns: float | None
    baseline: str
    ratio: float | None = None
    target: float | None = None
    met: bool | None = None
    note: str = ""


def write(results: Sequence[Result], rounds: int) -> None:
    """Write benchmarks/results.json: each result with the versions and the machine."""
    circumstances = {"rounds": rounds, "versions": _versions(), "machine": machine()}
    rows = [{**asdict(result), **circumstances} for result in results]
    RESULTS.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


def show(results: Sequence[Result]) -> None:
    """Print the table."""
    table = Table(
        title="Added time of one call", caption=f"{machine()['cpu']}, Python {_versions()['python']}"
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


def markdown(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return the table as Markdown, from the rows of benchmarks/results.json."""
    lines = [
        "| case | adds | compared with | ratio | target | met |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for row in rows:
        added = "-" if row["added_ns"] is None else _duration(row["added_ns"])
        ratio = "" if row["ratio"] is None else f"{row['ratio']:.3f}"
        target = "" if row["target"] is None else f"{row['target']:g}"
        met = row["note"] if row["met"] is None else ("yes" if row["met"] else "**no**")
        baseline = "" if row["baseline"] == "-" else row["baseline"]
        lines.append(f"| {row['case']} | {added} | {baseline} | {ratio} | {target} | {met} |")
    versions = ", ".join(f"{name} {release}" for name, release in rows[0]["versions"].items())
    return "\n".join([*lines, "", f"{rows[0]['machine']['cpu']}; {versions}.", ""])


def write_docs() -> None:
    """Put the table of benchmarks/results.json into docs/recording.md."""
    write_measured(DOCS, "make bench", markdown(json.loads(RESULTS.read_text(encoding="utf-8"))))


def write_measured(page: Path, command: str, text: str) -> None:
    """Replace the measured part of a page.

    Args:
        page: The page; a comment with the command begins its measured part.
        command: The command that measures.
        text: What it has measured, in Markdown.

    Raises:
        ValueError: The page has no such part.
    """
    begin, end = f"<!-- measured: written by `{command}` -->\n", "<!-- measured: end -->\n"
    before, rest = page.read_text(encoding="utf-8").split(begin)
    _, after = rest.split(end, 1)
    page.write_text(f"{before}{begin}{text}{end}{after}", encoding="utf-8")


def _duration(nanoseconds: float) -> str:
    if abs(nanoseconds) < 1_000:
        return f"{nanoseconds:.0f} ns"
    if abs(nanoseconds) < 1_000_000:
        return f"{nanoseconds / 1e3:.2f} µs"
    return f"{nanoseconds / 1e6:.2f} ms"


def _versions() -> dict[str, str]:
    versions = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            versions[package] = "absent"
    return versions


def machine() -> dict[str, Any]:
    """Return the processor and the system of the measurement."""
    cpu = platform.processor() or platform.machine()
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                cpu = line.partition(":")[2].strip()
                break
    except OSError:
        pass
    return {"cpu": cpu, "system": platform.system(), "release": platform.release()}
