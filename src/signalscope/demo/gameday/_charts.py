"""The charts of a report, as inline SVG without scripts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Literal

from signalscope.demo.gameday._model import Result, Run

_WIDTH, _LEFT, _ROW, _TOP = 960, 190, 22, 26
_STEPS = (10, 15, 30, 60, 120, 300, 600, 900, 1800)
#: What a mark shows: its class in the style sheet and in the legend.
Kind = Literal["promise", "alert", "late", "page", "harm", "on", "resolving", "false"]
LEGEND: dict[Kind, str] = {
    "promise": "promised time",
    "alert": "alert fires",
    "late": "alert fires after its promised time",
    "page": "notification received",
    "harm": "first user harmed",
    "on": "fault on",
    "resolving": "until the last alert ended",
    "false": "false alarm",
}


@dataclass(frozen=True, slots=True)
class Mark:
    """A mark in a row of a chart: a bar if it has an end, otherwise a point."""

    kind: Kind
    start: float
    end: float | None = None
    text: str = ""


def detection(results: Mapping[str, Sequence[Result]]) -> str:
    """Return a chart of the times from each fault to its alerts, notifications and harm, a point for each run."""
    rows: dict[str, list[Mark]] = {}
    for fault, runs in results.items():
        promised = {at.alert: at.promised_seconds for result in runs for at in result.alerts}
        marks = [Mark("promise", 0, max(promised.values()), f"promised: {max(promised.values())} s")]
        for result in runs:
            for at in result.alerts:
                if at.fired_seconds is not None:
                    text = (
                        f"{at.alert} fires after {at.fired_seconds:.0f} s (promised: {at.promised_seconds} s)"
                    )
                    marks.append(Mark("alert" if at.is_kept else "late", at.fired_seconds, text=text))
            if result.page_seconds is not None:
                marks.append(
                    Mark("page", result.page_seconds, text=f"notified after {result.page_seconds:.0f} s")
                )
            if result.harm_seconds is not None:
                text = f"users harmed after {result.harm_seconds:.0f} s: {result.harm}"
                marks.append(Mark("harm", result.harm_seconds, text=text))
        rows[fault] = marks
    return _chart(rows, "Seconds from the fault to its alerts, notification and harm")


def timeline(run: Run) -> str:
    """Return a chart of one run: when each fault was on, until when its alerts fired, and the false alarms."""
    rows: dict[str, list[Mark]] = {}
    for result in sorted(run.results, key=lambda result: result.on):
        on, off = result.on - run.started, result.off - run.started
        marks = [Mark("on", on, off, f"{result.fault} on for {off - on:.0f} s")]
        if result.resolve_seconds is not None:
            text = f"the last alert ended after {result.resolve_seconds:.0f} s"
            marks.append(Mark("resolving", off, off + result.resolve_seconds, text))
        rows[result.fault] = marks
    if run.false_alarms:
        rows["false alarms"] = [
            Mark("false", alarm.fired - run.started, text=alarm.alert) for alarm in run.false_alarms
        ]
    return _chart(rows, "Seconds since the start of the run: when each fault was on")


def _chart(rows: Mapping[str, Sequence[Mark]], title: str) -> str:
    last = max((mark.end or mark.start for marks in rows.values() for mark in marks), default=0) or 1
    step = next((step for step in _STEPS if last / step <= 12), 3600)
    height = _TOP + _ROW * len(rows) + 4

    def x(seconds: float) -> float:
        return round(_LEFT + seconds / last * (_WIDTH - _LEFT - 20), 1)

    parts = [
        f'<line class="grid" x1="{x(tick)}" x2="{x(tick)}" y1="{_TOP - 6}" y2="{height}"/>'
        f'<text class="tick" x="{x(tick)}" y="14">{tick:,}</text>'
        for tick in range(0, int(last) + 1, step)
    ]
    for number, (name, marks) in enumerate(rows.items()):
        middle = _TOP + _ROW * number + _ROW / 2
        parts.append(f'<text class="name" x="{_LEFT - 8}" y="{middle + 4:.0f}">{escape(name)}</text>')
        parts += [
            f'<g class="{mark.kind}"><title>{escape(mark.text)}</title>{_shape(mark, x, middle)}</g>'
            for mark in marks
        ]
    used = dict.fromkeys(mark.kind for marks in rows.values() for mark in marks)
    legend = "".join(
        f'<span><svg class="key" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true"><g class="{kind}">'
        f"{_shape(Mark(kind, 1, 15) if kind in _BARS else Mark(kind, 8), float, 8)}</g></svg> {LEGEND[kind]}</span>"
        for kind in used
    )
    return (
        f'<figure><figcaption>{escape(title)}</figcaption><p class="legend">{legend}</p>'
        f'<div class="wide"><svg viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{escape(title)}">'
        f"{''.join(parts)}</svg></div></figure>"
    )


_BARS = {"promise", "on", "resolving"}


def _shape(mark: Mark, x: Callable[[float], float], y: float) -> str:
    at = x(mark.start)
    if mark.end is not None:
        return f'<rect x="{at}" y="{y - 7}" width="{max(1.0, x(mark.end) - at):.1f}" height="14" rx="2"/>'
    if mark.kind in {"alert", "late"}:
        return f'<circle cx="{at}" cy="{y}" r="5"/>'
    if mark.kind == "page":
        return f'<polygon points="{at},{y - 6} {at + 6:.1f},{y + 5} {at - 6:.1f},{y + 5}"/>'
    return f'<polygon points="{at},{y - 6} {at + 6:.1f},{y} {at},{y + 6} {at - 6:.1f},{y}"/>'
