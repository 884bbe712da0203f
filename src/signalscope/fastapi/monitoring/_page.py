"""The HTML page of an answer: sections and tables, with the reason for each missing value."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from html import escape
from typing import Any

from pydantic import BaseModel

from signalscope.fastapi.monitoring._answer import Provenance
from signalscope.fastapi.monitoring._summary import MetricLine

_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;margin:0 auto;max-width:62rem;padding:1rem 1.5rem 4rem;color:#1a1a1a}
h1{font-size:1.4rem}h2{font-size:1.1rem;margin:1.6rem 0 .3rem;border-bottom:1px solid #ccc}
h3{font-size:1rem;margin:1rem 0 .2rem}summary{cursor:pointer}summary h2{display:inline-block;width:95%}
code{font-size:.8em}
table{border-collapse:collapse;width:100%}
th,td{text-align:left;vertical-align:top;padding:.2rem .6rem .2rem 0;font-weight:400}
th{width:18rem;color:#555}td.note{width:45%}td.note,.note{color:#666;font-size:.9em}
.healthy{color:#176d2c}.degraded{color:#8a5a00}.unhealthy{color:#a51220}
.warning{background:#fff4d6;padding:.4rem .8rem}
@media(prefers-color-scheme:dark){body{background:#16181b;color:#e6e6e6}th,td.note,.note{color:#a4a8ad}
h2{border-color:#444}.healthy{color:#6fce85}.degraded{color:#e7b75a}.unhealthy{color:#ff8490}.warning{background:#443a1c}}
"""
ByPath = Mapping[str, Provenance]
_SIX_DIGITS, _LONG = 1e5, 1e15
#: The level of the headings whose sections a reader can close.
_COLLAPSIBLE = 2
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
    parts.append(_content(answer, "", values.get("provenance", {}), 2))
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>{''.join(parts)}</body></html>"
    )


def _items(value: BaseModel | Mapping[str, Any]) -> Mapping[str, Any]:
    return dict(value) if isinstance(value, BaseModel) else value


def _content(values: BaseModel | Mapping[str, Any], path: str, provenance: ByPath, level: int) -> str:
    """Return a table of the plain values, then a section for each nested model or mapping."""
    rows, sections = [], []
    missing: dict[str, list[str]] = {}
    for name, value in _items(values).items():
        if (not path and name in _ASIDE) or (isinstance(values, BaseModel) and name in _IN_NOTES and path):
            continue
        inside = f"{path}.{name}" if path else name
        # Field names become words. Names of metrics and components stay, so that users can copy them.
        label = escape(name.replace("_", " ") if isinstance(values, BaseModel) else name)
        note = _note(provenance[inside]) if inside in provenance else ""
        if isinstance(value, BaseModel | Mapping) and _items(value):
            content = _content(value, inside, provenance, min(level + 1, 4))
            sections.append(_section(label, note + content, level))
        elif isinstance(value, list) and value and all(isinstance(item, MetricLine) for item in value):
            sections.append(_section(label, _lines(value), level))
        elif value is None and inside in provenance and provenance[inside].reason:
            missing.setdefault(str(provenance[inside].reason), []).append(label)
        else:
            cells = f'<td>{_shown(value)}</td><td class="note">{note}</td>'
            if not note:
                cells = f'<td colspan="2">{_shown(value)}</td>'
            rows.append(f'<tr><th scope="row">{label}</th>{cells}</tr>')
    table = f"<table>{''.join(rows)}</table>" if rows else ""
    return table + _without_data(missing) + "".join(sections)


def _section(label: str, content: str, level: int) -> str:
    """Return a section that a reader can close; only the first level is a section of its own."""
    if level > _COLLAPSIBLE:
        return f"<h{level}>{label}</h{level}>{content}"
    return f"<details open><summary><h{level}>{label}</h{level}></summary>{content}</details>"


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
