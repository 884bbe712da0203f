"""``signalscope gameday``: switch the faults of the demo on, and measure what users and the monitoring notice."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from signalscope.cli._errors import UserError, needs_extra
from signalscope.demo.faults import UnknownFaultError
from signalscope.demo.gameday._targets import DEFAULTS, Targets

app = typer.Typer(add_completion=False)


@app.command()
def gameday(  # noqa: PLR0917  # each is an option on the command line
    faults: Annotated[
        list[str] | None, typer.Option(help="Faults to run, with commas between them; default: all.")
    ] = None,
    report: Annotated[
        Path, typer.Option(help="The HTML report; the JSON report is beside it. New runs are added.")
    ] = Path("gameday.html"),
    table: Annotated[Path | None, typer.Option(help="Write the table to this Markdown page as well.")] = None,
    endpoints: Annotated[
        Path | None, typer.Option(help="The file of the demo to use; default: the running one, or a new one.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue the last run of the report.")] = False,
    merge: Annotated[
        list[Path] | None, typer.Option(help="Only add the runs of this JSON report; repeat it for more.")
    ] = None,
    plan: Annotated[bool, typer.Option("--plan", help="Only print which faults run together.")] = False,
    minutes: Annotated[float, typer.Option(min=1, help="The longest time of a run.")] = 90.0,
    detect_seconds: Annotated[
        float, typer.Option(min=0, help="Target: the median time to detect a fault that harms users.")
    ] = DEFAULTS.detect_seconds,
    broken_promises: Annotated[
        int, typer.Option(min=0, help="Target: alerts that may fire late or not at all.")
    ] = 0,
    false_alarms: Annotated[int, typer.Option(min=0, help="Target: alerts that no fault explains.")] = 0,
) -> None:
    """Switch the faults of the demo on, and measure when users and the monitoring notice each one.

    The exit status is 0 if every target is met, 3 if one is missed, and 4 if the run ended before its last fault.
    """
    with needs_extra("demo"):
        from signalscope.demo.gameday import _command, _plan  # noqa: PLC0415  # their packages are an extra

    try:
        chosen = _plan.choose(faults or ())
    except UnknownFaultError as error:
        raise UserError(str(error)) from None
    if plan:
        _command.show_plan(chosen)
        return
    status = _command.run(
        chosen, report, Targets(detect_seconds, broken_promises, false_alarms), table=table, endpoints=endpoints,
        resume=resume, merge=merge or [], minutes=minutes,
    )  # fmt: skip
    raise typer.Exit(status)
