"""The HTML page of an answer: sections that fold, and tables with the reason for each missing value."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from html import escape
from typing import Any

from pydantic import BaseModel

from signalscope.fastapi.monitoring._answer import Provenance
from signalscope.fastapi.monitoring._summary import MetricLine

_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;margin:0 auto;max-width:72rem;padding:1rem 1.5rem 2rem;color:#1a1a1a}
h1{font-size:1.4rem}h2{font-size:1.1rem}h3{font-size:1rem}h2,h3,h4{margin:.8rem 0 .2rem}
summary{cursor:pointer;border-bottom:1px solid #ccc;padding:.3rem 0}summary>*{display:inline;margin:0 .6rem 0 0}
.wide{overflow-x:auto}.grid :is(th,td){width:auto;max-width:24rem;padding-right:1.2rem}
.grid :is(th){white-space:nowrap}.grid .note{min-width:14rem}table{border-collapse:collapse;width:100%}
code{font-size:.8em}
th,td{text-align:left;vertical-align:top;padding:.2rem .6rem .2rem 0;font-weight:400}
th{width:18rem;color:#555}td.note{width:45%}td.note,.note{color:#666;font-size:.9em}
.healthy{color:#176d2c}.degraded{color:#8a5a00}.unhealthy{color:#a51220}
.warning{background:#fff4d6;padding:.4rem .8rem}
@media(prefers-color-scheme:dark){body{background:#16181b;color:#e6e6e6}th,td.note,.note{color:#a4a8ad}
summary{border-color:#444}.healthy{color:#6fce85}.degraded{color:#e7b75a}.unhealthy{color:#ff8490}.warning{background:#443a1c}}
"""
ByPath = Mapping[str, Provenance]
_Record = BaseModel | Mapping[str, Any]
_SIX_DIGITS, _LONG = 1e5, 1e15
_TOP = 2
_UUID = re.compile(r"^([0-9a-f]{8})(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$")
#: Fields that are not rows of a table: they are shown at the top or next to the values that they describe.
_ASIDE = ("provenance", "problems", "degraded", "source")
#: Fields that the note of a value shows.
_IN_NOTES = ("window_seconds", "now_seconds", "lower_bounds")


def page(title: str, answer: BaseModel) -> str:
    """Return an answer as an HTML page.

    Args:
        title: The title of the page.
        answer: The answer; the ``provenance`` of a value is shown next to it.
    """
    values = _items(answer)
    parts = [f"<h1>{escape(title)}</h1>"]
    if source := values.get("source"):
        parts.append(f'<p class="note">{escape(source.description)}</p>')
    parts += [f'<p class="warning">{escape(problem)}</p>' for problem in values.get("problems", ())]
    parts.append(_content(answer, "", values.get("provenance", {}), _TOP))
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>{''.join(parts)}</body></html>"
    )


def _items(value: _Record) -> Mapping[str, Any]:
    return dict(value) if isinstance(value, BaseModel) else value


def _content(values: _Record, path: str, provenance: ByPath, level: int) -> str:
    """Return a table of the plain values, then a section for each nested value.

    Sections of the top level can be folded, and so can those of a mapping; only the first one at the top is open.
    """
    rows: list[str] = []
    sections: list[str] = []
    folds = level == _TOP or not isinstance(values, BaseModel)
    missing: dict[str, list[str]] = {}
    for name, value in _items(values).items():
        if (not path and name in _ASIDE) or (isinstance(values, BaseModel) and name in _IN_NOTES and path):
            continue
        inside = f"{path}.{name}" if path else name
        # Field names become words. Names of metrics and components stay, so that users can copy them.
        label = escape(name.replace("_", " ") if isinstance(values, BaseModel) else _short(name))
        note = _note(provenance[inside]) if inside in provenance else ""
        content = _nested(value, inside, provenance, min(level + 1, 4))
        if content is None:
            if value is None and inside in provenance and provenance[inside].reason:
                missing.setdefault(str(provenance[inside].reason), []).append(label)
                continue
            cells = f'<td>{_shown(value)}</td><td class="note">{note}</td>'
            if not note:
                cells = f'<td colspan="2">{_shown(value)}</td>'
            rows.append(f'<tr><th scope="row">{label}</th>{cells}</tr>')
            continue
        heading = f"<h{level}>{label}</h{level}>"
        if folds:
            is_open = " open" if level == _TOP and not sections else ""
            empty = sum(
                origin.reason is not None
                for key, origin in provenance.items()
                if key.startswith(f"{inside}.")
            )
            hint = f'<span class="note">{empty} without a value</span>' if empty else ""
            sections.append(f"<details{is_open}><summary>{heading}{hint}</summary>{note}{content}</details>")
        else:
            sections.append(f"{heading}{note}{content}")
    table = f"<table>{''.join(rows)}</table>" if rows else ""
    return table + _without_data(missing) + "".join(sections)


def _without_data(missing: Mapping[str, list[str]]) -> str:
    """Return one closed list of the values without data, by the reason."""
    if not missing:
        return ""
    number = sum(map(len, missing.values()))
    rows = "".join(
        f'<tr><th scope="row">{", ".join(labels)}</th><td>no value: {escape(reason)}</td></tr>'
        for reason, labels in missing.items()
    )
    values = "1 value" if number == 1 else f"{number} values"
    return f'<details><summary class="note">{values} without data</summary><table>{rows}</table></details>'


def _lines(metrics: list[MetricLine]) -> str:
    """Return a table of metrics, each with its greatest series."""
    rows = []
    for metric in metrics:
        series = "".join(
            f'<tr><th scope="row">{escape(labels)}</th><td>{escape(text)}</td></tr>'
            for labels, text in metric.series.items()
        )
        if metric.more_series:
            series += f'<tr><td colspan="2" class="note">{metric.more_series:,} more series</td></tr>'
        detail = (
            f"<details><summary>{len(metric.series)} series</summary><table>{series}</table></details>"
            if series
            else ""
        )
        rows.append(
            f'<tr><th scope="row" title="{escape(metric.name)}">{escape(metric.description)}'
            f"<br><code>{escape(metric.name)}</code></th><td>{escape(metric.text)}{detail}</td></tr>"
        )
    return f"<table>{''.join(rows)}</table>"


def _nested(value: Any, path: str, provenance: ByPath, level: int) -> str | None:
    """Return the content of the section of a value; None for a plain value, which has no section."""
    is_mapping = isinstance(value, Mapping)
    if not (is_mapping or isinstance(value, BaseModel | list)) or not value:
        return None
    if isinstance(value, list) and isinstance(value[0], MetricLine):
        return _lines(value)
    if is_mapping or isinstance(value, list):
        entries = dict(value) if is_mapping else {str(number): entry for number, entry in enumerate(value)}
        records = {name: _flat(entry) for name, entry in entries.items()}
        flat = {name: record for name, record in records.items() if record is not None}
        if len(flat) == len(records):
            return _grid(flat, path, provenance, has_names=is_mapping)
        if not is_mapping:
            return None
    return _content(value, path, provenance, level)


def _flat(value: Any) -> dict[str, Any] | None:
    """Return the cells of a row by dotted name; None if the value is not a row."""
    if not isinstance(value, BaseModel | Mapping):
        return None
    cells: dict[str, Any] = {}
    for name, cell in _items(value).items():
        if isinstance(cell, BaseModel | Mapping):
            cells |= {f"{name}.{inner}": inner_cell for inner, inner_cell in _items(cell).items()}
        elif isinstance(cell, list) and any(isinstance(entry, BaseModel | Mapping) for entry in cell):
            return None
        else:
            cells[name] = cell
    return cells


def _grid(records: Mapping[str, dict[str, Any]], path: str, provenance: ByPath, *, has_names: bool) -> str:
    """Return a table with a row for each record; columns without any value are left out."""
    columns = [
        column
        for column in dict.fromkeys(column for record in records.values() for column in record)
        if any(record.get(column) is not None for record in records.values())
    ]
    rows, has_notes = [], False
    for name, record in records.items():
        row = f"{path}.{name}"
        missing = (provenance.get(f"{row}.{column}") for column, value in record.items() if value is None)
        notes = [_note(provenance[row])] if row in provenance else []
        notes += dict.fromkeys(_note(cell) for cell in missing if cell is not None)
        has_notes = has_notes or bool(notes)
        heading = f'<th scope="row">{escape(_short(name))}</th>' if has_names else ""
        cells = "".join(
            f"<td>{_shown(record[column]) if column in record else ''}</td>" for column in columns
        )
        rows.append(f'<tr>{heading}{cells}<td class="note">{"<br>".join(notes)}</td></tr>')
    titles = "".join(
        f'<th scope="col">{escape(column.replace(".", " ").replace("_", " "))}</th>' for column in columns
    )
    heading = f"<tr>{'<td></td>' if has_names else ''}{titles}<td></td></tr>"
    text = f'<div class="wide"><table class="grid">{heading}{"".join(rows)}</table></div>'
    return (
        text if has_notes else text.replace('<td class="note"></td>', "").replace("<td></td></tr>", "</tr>")
    )


def _short(name: str) -> str:
    """Return the name of a process without the end of its UUID; another name as it is."""
    return _UUID.sub(r"\1", name)


def _note(provenance: Provenance) -> str:
    """Return the unit, source and window of a value, or the reason why it is null; the tooltip has the meaning."""
    seconds = provenance.window_seconds
    window = f"over {seconds:.4g} s" if seconds else None
    text = ", ".join(part for part in (provenance.unit, provenance.source, window) if part)
    if provenance.reason:
        text = f"no value: {provenance.reason}"
    if provenance.is_lower_bound:
        text = f"at least; the highest bucket boundary; {text}"
    return f'<span class="note" title="{escape(provenance.meaning)}">{escape(text)}</span>'


def _shown(value: Any) -> str:
    if value is None or value in ([], {}):
        return "&ndash;"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return _number(value)
    if isinstance(value, list):
        return "<br>".join(map(_shown, value))
    if isinstance(value, BaseModel | Mapping):
        return ", ".join(_pair(name, item) for name, item in _items(value).items())
    text = escape(value.isoformat(" ", "seconds") if isinstance(value, datetime) else str(value))
    return f'<span class="{text}">{text}</span>' if value in ("healthy", "degraded", "unhealthy") else text


def _pair(name: str, value: Any) -> str:
    shown = f"{{{_shown(value)}}}" if isinstance(value, Mapping) and value else _shown(value)
    return f"{escape(name)}: {shown}"


def _number(value: float) -> str:
    """Format a number: all digits of an integer, otherwise six significant digits."""
    if float(value).is_integer() and abs(value) < _LONG:
        return f"{value:,.0f}"
    return f"{value:,.2f}" if _SIX_DIGITS <= abs(value) < _LONG else f"{value:,.6g}"
