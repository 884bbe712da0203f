"""The HTML report: verdicts, charts, and a table for each run; a single file that loads nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from html import escape
from pathlib import Path

from signalscope.cli._errors import UserError
from signalscope.demo.gameday import _charts
from signalscope.demo.gameday._judge import Check, by_fault, judge
from signalscope.demo.gameday._model import AlertTimes, Report, Result, Run
from signalscope.demo.gameday._table import COLUMNS, UNITS, cells
from signalscope.demo.gameday._targets import Targets

_LEAD = "The lead is the time from the notification to the first harm; if it is negative, users saw the fault first."
_HEAD = (
    '<!doctype html><html lang="en"><head><meta charset="utf-8">'
    '<meta name="viewport" content="width=device-width,initial-scale=1"><title>Game day</title>'
)
_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;margin:0 auto;max-width:64rem;padding:1rem 1.5rem 2rem;color:#1a1a1a}
h1{font-size:1.4rem}h2{font-size:1.1rem;margin-top:2rem}figure{margin:1rem 0}figcaption{font-weight:600}
.wide{overflow-x:auto}.wide>svg{min-width:44rem;width:100%}table{border-collapse:collapse;width:100%;margin:.8rem 0}
td:first-child{white-space:nowrap}
th,td{text-align:left;vertical-align:top;padding:.2rem .8rem .2rem 0;border-bottom:1px solid var(--line)}
td.number,th.number{text-align:right}.note,.tick,.legend{color:var(--soft);font-size:.9em}
.legend span{margin-right:1.2rem}
.key{vertical-align:-3px}.yes{color:#176d2c}.no{color:#a51220;font-weight:600}
svg text{font:12px system-ui,sans-serif;fill:currentColor}
.tick{text-anchor:middle}.name{text-anchor:end}.grid{stroke:var(--line)}
.promise{fill:var(--promise)}.alert{fill:var(--alert)}.page{fill:var(--page)}.late,.harm,.false{fill:var(--harm)}
.on{fill:var(--on)}.resolving{fill:var(--resolving)}
:root{--alert:#0072b2;--page:#b35900;--harm:#a51220;--promise:#dbe7ef;--on:#5b6b7a;--resolving:#c3ccd4;--line:#ddd;--soft:#666}
@media(prefers-color-scheme:dark){body{background:#16181b;color:#e6e6e6}.yes{color:#6fce85}.no{color:#ff8490}
:root{--alert:#56b4e9;--page:#e69f00;--harm:#ff8490;--promise:#26323b;--on:#9aa7b3;--resolving:#46505a;--line:#3a3d42;--soft:#a4a8ad}}
"""


def write(report: Report, targets: Targets, path: Path) -> None:
    """Write a report as HTML to a path, and as JSON beside it.

    Raises:
        UserError: A file cannot be written.
    """
    try:
        for target, text in (
            (path.with_suffix(".json"), report.model_dump_json(indent=1) + "\n"),
            (path, page(report, targets)),
        ):
            partial = target.with_name(f".{target.name}.partial")
            partial.write_text(text, encoding="utf-8")
            partial.replace(target)  # in one step: an interrupted run must not leave half a report
    except OSError as error:
        raise UserError(
            f"{path}: {error.strerror}; give a file that you may write to with --report [SS765]"
        ) from None


def page(report: Report, targets: Targets) -> str:
    """Return a report as an HTML page."""
    faults = by_fault(report)
    parts = [
        "<h1>Game day</h1>",
        f'<p class="note">{escape(_about(report))}</p>',
        _checks(judge(report, targets)),
        _charts.detection(faults) if faults else "<p>No fault was measured.</p>",
        "<h2>Each fault</h2>",
        _table(COLUMNS, (cells(*row) for row in faults.items()), numbers=range(2, len(COLUMNS))),
        f'<p class="note">{UNITS} {_LEAD}</p>',
        *(_run(run) for run in report.runs),
    ]
    return f"{_HEAD}<style>{_STYLE}</style></head><body>{''.join(parts)}</body></html>"


def _about(report: Report) -> str:
    versions = ", ".join(sorted({run.version for run in report.runs}))
    return f"{len(report.runs)} {'run' if len(report.runs) == 1 else 'runs'}; signalscope {versions}"


def _checks(checks: Iterable[Check]) -> str:
    words = {True: "yes", False: "no", None: "-"}
    rows = "".join(
        f'<tr><td>{escape(check.what)}</td><td>{escape(check.value)}</td><td class="{words[check.is_met]}">'
        f"{words[check.is_met]}</td></tr>"
        for check in checks
    )
    return f"<table><tr><th>target</th><th>measured</th><th>met</th></tr>{rows}</table>"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], numbers: Iterable[int] = ()) -> str:
    number = [' class="number"' if column in set(numbers) else "" for column in range(len(head))]
    lines = [
        "".join(f"<{tag}{kind}>{escape(cell)}</{tag}>" for cell, kind in zip(row, number, strict=True))
        for tag, row in (("th", head), *(("td", row) for row in rows))
    ]
    return f'<div class="wide"><table>{"".join(f"<tr>{line}</tr>" for line in lines)}</table></div>'


def _run(run: Run) -> str:
    started = datetime.fromtimestamp(run.started, UTC).isoformat(" ", "minutes")
    alarms = [
        (alarm.alert, f"{alarm.fired - run.started:.0f}", ", ".join(alarm.faults_on) or "none")
        for alarm in run.false_alarms
    ]
    parts = [
        f"<h2>Run of {started[:16]} UTC</h2>",
        f'<p class="note">{escape(run.state)}; {run.cores} cores; signalscope {escape(run.version)}</p>',
        _charts.timeline(run) if run.results else "",
        _table(
            ("fault", "alert", "promised", "fired", "notified", "ended", "receiver or reason"),
            (_alert(result, at) for result in run.results for at in result.alerts),
            numbers=(2, 3, 4, 5),
        ),
        _table(
            ("fault", "run together with", "harm to users", "other alerts"),
            (
                (
                    result.fault,
                    ", ".join(result.together_with) or "-",
                    _harm(result),
                    ", ".join(f"{other.alert} ({other.fired_seconds:.0f} s)" for other in result.collateral)
                    or "none",
                )
                for result in run.results
            ),
        ),
        _table(("false alarm", "fired", "faults on"), alarms, numbers=(1,))
        if alarms
        else "<p>No false alarm.</p>",
    ]
    return "".join(parts)


def _alert(result: Result, at: AlertTimes) -> tuple[str, ...]:
    times = (at.fired_seconds, at.paged_seconds, at.resolved_seconds)
    shown = ("-" if seconds is None else f"{seconds:.0f}" for seconds in times)
    why = "; ".join(filter(None, (at.receiver, at.reason)))
    return result.fault, at.alert, f"{at.promised_seconds}", *shown, why


def _harm(result: Result) -> str:
    return result.harm if result.harm_seconds is None else f"{result.harm_seconds:.0f} s: {result.harm}"
