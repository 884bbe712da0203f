"""The steps of the command: read and merge reports, play a run, write the report, and judge it."""

from __future__ import annotations

import os
import time
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from signalscope import __version__
from signalscope.cli._errors import UserError
from signalscope.config import load
from signalscope.demo.faults import Fault
from signalscope.demo.gameday import _plan, _report, _table
from signalscope.demo.gameday._judge import judge
from signalscope.demo.gameday._model import Report, Run
from signalscope.demo.gameday._run import Day
from signalscope.demo.gameday._stack import demo
from signalscope.demo.gameday._targets import Targets
from signalscope.demo.stack.run import _ended_by_signals, _Terminated

_out = Console(emoji=False, highlight=False)
_CONFIG = Path(__file__).parents[1] / "service" / "signalscope.toml"
#: Exit statuses beside 0 and 1: a target is missed; a run has faults left.
MISSED, INCOMPLETE = 3, 4


def show_plan(faults: list[Fault]) -> None:
    """Print which faults run together."""
    for number, group in enumerate(_plan.groups(faults), 1):
        seconds = max(map(_plan.on_seconds, group))
        names = ", ".join(fault.name for fault in group)
        _out.print(f"group {number}, at most {seconds} s: {names}", soft_wrap=True)


def run(
    faults: list[Fault],
    report: Path,
    targets: Targets,
    *,
    table: Path | None,
    endpoints: Path | None,
    resume: bool,
    merge: list[Path],
    minutes: float,
) -> int:
    """Play a run, or merge reports; write the report and the table, and return the exit status.

    Args:
        faults: The faults of a new run.
        report: The HTML file of the report.
        targets: The targets to judge by.
        table: A page for the table; None for none.
        endpoints: The file of the demo to use; None to look for one.
        resume: True to continue the last run of the report instead of a new one.
        merge: Reports whose runs are added, without a new run.
        minutes: The longest time of the run.

    Raises:
        UserError: The game day cannot run, or a file cannot be read or written.
    """
    runs = _runs(report, resume, merge)
    if not merge:
        if not resume:
            names = [fault.name for fault in faults]
            cores = os.cpu_count() or 1
            runs.runs.append(Run(started=time.time(), version=__version__, cores=cores, faults=names))
        _play(runs, report, targets, endpoints, minutes)
        if not runs.runs:
            return INCOMPLETE
    _report.write(runs, targets, report)
    if table is not None:
        _table.write(runs, targets, table)
    return _tell(runs, targets, report)


def _runs(report: Path, resume: bool, merge: list[Path]) -> Report:
    """Return the runs so far: those of the report, and those to merge.

    Raises:
        UserError: A report cannot be read, or has no run to continue.
    """
    path = report.with_suffix(".json")
    if report.suffix == ".json" or not report.absolute().parent.is_dir():
        raise UserError(f"--report {report}: give an HTML file in a folder that exists [SS765]")
    runs = Report.read(path) if path.exists() else Report()
    for other in merge:
        runs.merge(Report.read(other))
    if resume and not (runs.runs and runs.runs[-1].left):
        raise UserError(f"{path}: no run has faults left; run the command without --resume [SS768]")
    return runs


def _play(runs: Report, report: Path, targets: Targets, endpoints: Path | None, minutes: float) -> None:
    """Run what is left of the last run."""
    begun = time.monotonic()
    run = runs.runs[-1]

    def say(line: str) -> None:
        minutes, seconds = divmod(time.monotonic() - begun, 60)
        _out.print(f"[dim]{minutes:3.0f}:{seconds:02.0f}[/dim]  {escape(line)}", soft_wrap=True)

    def save() -> None:
        _report.write(runs, targets, report)

    try:
        with _ended_by_signals(), demo(endpoints, say) as running, _out.status("") as status:
            day = Day(
                running, load(_CONFIG), run, 60 * minutes, say=say, save=save,
                show=lambda text: status.update(escape(text)),
            )  # fmt: skip
            day.play()
    except (KeyboardInterrupt, _Terminated):
        _out.print("The game day was interrupted; --resume runs what is left.")
    finally:
        if not run.results and run.state == "running":
            runs.runs.remove(run)  # it did not begin


def _tell(runs: Report, targets: Targets, report: Path) -> int:
    """Print the verdicts, and return the exit status."""
    checks = judge(runs, targets)
    shown = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in ("target", "measured", "met"):
        shown.add_column(heading)
    words = {True: "[green]yes[/green]", False: "[red]no[/red]", None: "-"}
    for check in checks:
        shown.add_row(escape(check.what), escape(check.value), words[check.is_met])
    _out.print(shown)
    _out.print(f"Open {report}; the numbers are in {report.with_suffix('.json')}", soft_wrap=True)
    if any(run.left for run in runs.runs):
        return INCOMPLETE
    return MISSED if any(check.is_met is False for check in checks) else 0
