"""The table of a report in Markdown."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

from signalscope.cli._errors import UserError
from signalscope.demo.gameday._judge import by_fault, judge, middle
from signalscope.demo.gameday._model import Report, Result
from signalscope.demo.gameday._targets import Targets

BEGIN, END = "<!-- measured: written by `make gameday` -->\n", "<!-- measured: end -->"
COLUMNS = ("fault", "promises kept", "detect", "page", "users harmed", "lead", "resolve")
UNITS = "Times in seconds, medians of the runs."


def cells(fault: str, results: list[Result]) -> tuple[str, ...]:
    """Return the cells of a fault, in the order of the columns."""
    kept = sum(result.is_kept for result in results)
    values = (
        middle(results, lambda result: result.detect_seconds),
        middle(results, lambda result: result.page_seconds),
        middle(results, lambda result: result.harm_seconds),
        middle(results, lambda result: result.lead_seconds),
        middle(results, lambda result: result.resolve_seconds),
    )
    return fault, f"{kept} of {len(results)}", *("-" if value is None else f"{value:.0f}" for value in values)


def table(report: Report, targets: Targets) -> str:
    """Return the verdicts and a row for each fault, as Markdown."""
    lines = [_about(report), "", "| target | measured | met |", "| --- | --- | --- |"]
    lines += [
        f"| {check.what} | {check.value} | {'-' if check.is_met is None else 'yes' if check.is_met else '**no**'} |"
        for check in judge(report, targets)
    ]
    lines += ["", UNITS, "", f"| {' | '.join(COLUMNS)} |", f"| --- | --- |{' ---: |' * (len(COLUMNS) - 2)}"]
    lines += [f"| {' | '.join(cells(*row))} |" for row in by_fault(report).items()]
    return "\n".join(lines) + "\n"


def _about(report: Report) -> str:
    days = sorted({datetime.fromtimestamp(run.started, UTC).date().isoformat() for run in report.runs})
    cores = sorted({run.cores for run in report.runs})
    versions = ", ".join(sorted({run.version for run in report.runs}))
    number = len(report.runs)
    return (
        f"{number} {'run' if number == 1 else 'runs'} of version {versions} "
        f"on {' to '.join(dict.fromkeys((days[0], days[-1])))}, {', '.join(map(str, cores))} cores."
    )


def write(report: Report, targets: Targets, path: Path) -> None:
    """Write the table between the two marks of a page.

    Raises:
        UserError: The page cannot be read or written, or does not have the marks.
    """
    try:
        text = path.read_text(encoding="utf-8")
        written, number = re.subn(
            rf"({re.escape(BEGIN)}).*?({re.escape(END)})",
            lambda marks: f"{marks[1]}\n{table(report, targets)}\n{marks[2]}",
            text,
            flags=re.DOTALL,
        )
        if number != 1:
            raise UserError(f"{path}: the page needs the lines {BEGIN.strip()} and {END} once [SS764]")
        path.write_text(written, encoding="utf-8")
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}; give a page that you may write to [SS764]") from None
