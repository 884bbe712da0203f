"""A readable page of an answer: sections, tables, and why a number is missing."""

from __future__ import annotations

from html import escape
from typing import Any

__all__ = ["page"]

_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;margin:0 auto;max-width:62rem;padding:1rem 1.5rem 4rem;color:#1a1a1a}
h1{font-size:1.4rem}h2{font-size:1.1rem;margin:1.6rem 0 .3rem;border-bottom:1px solid #ccc}
h3{font-size:1rem;margin:1rem 0 .2rem}table{border-collapse:collapse;width:100%}
th,td{text-align:left;vertical-align:top;padding:.2rem .6rem .2rem 0;font-weight:400}
th{width:18rem;color:#555}td.note,.note{color:#666;font-size:.9em}
.healthy{color:#176d2c}.degraded{color:#8a5a00}.unhealthy{color:#a51220}
.warning{background:#fff4d6;padding:.4rem .8rem}
@media(prefers-color-scheme:dark){body{background:#16181b;color:#e6e6e6}th,td.note,.note{color:#a4a8ad}
h2{border-color:#444}.healthy{color:#6fce85}.degraded{color:#e7b75a}.unhealthy{color:#ff8490}.warning{background:#443a1c}}
"""
#: Shown beside the values that they are about, or above everything.
_ASIDE = ("provenance", "problems", "degraded", "source")


def page(title: str, answer: dict[str, Any]) -> str:
    """The page.

    Args:
        title: What it is about.
        answer: The JSON answer; its ``provenance`` is shown beside each value.
    """
    about = answer.get("provenance") or {}
    parts = [f"<h1>{escape(title)}</h1>"]
    source = answer.get("source")
    if isinstance(source, dict):
        parts.append(f'<p class="note">{escape(str(source.get("description", "")))}</p>')
    parts += [f'<p class="warning">{escape(str(each))}</p>' for each in answer.get("problems") or ()]
    rest = {name: value for name, value in answer.items() if name not in _ASIDE}
    parts.append(_table({n: v for n, v in rest.items() if not isinstance(v, dict)}, "", about))
    parts += [
        _section(name, value, name, about, 2) for name, value in rest.items() if isinstance(value, dict)
    ]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>{''.join(parts)}</body></html>"
    )


def _section(name: str, value: dict[str, Any], path: str, about: dict[str, Any], level: int) -> str:
    heading = f"<h{level}>{escape(name.replace('_', ' '))}</h{level}>"
    if path in about:
        heading += _note(about[path])
    plain = {key: each for key, each in value.items() if not isinstance(each, dict)}
    deeper = {key: each for key, each in value.items() if isinstance(each, dict)}
    inner = [_section(key, each, f"{path}.{key}", about, min(level + 1, 4)) for key, each in deeper.items()]
    return heading + _table(plain, path, about) + "".join(inner)


def _table(values: dict[str, Any], path: str, about: dict[str, Any]) -> str:
    rows = []
    for name, value in values.items():
        known = about.get(f"{path}.{name}" if path else name)
        rows.append(
            f'<tr><th scope="row">{escape(name.replace("_", " "))}</th><td>{_shown(value)}</td>'
            f'<td class="note">{_note(known) if known else ""}</td></tr>'
        )
    return f"<table>{''.join(rows)}</table>" if rows else ""


def _note(known: dict[str, Any]) -> str:
    """A value's unit, source and window, or why there is none; what it means, for who points at it."""
    meaning = f' title="{escape(str(known["meaning"]))}"' if known.get("meaning") else ""
    if known.get("reason"):
        return f'<span class="note"{meaning}>no value: {escape(str(known["reason"]))}</span>'
    window = known.get("window_seconds")
    parts = [known.get("unit"), known.get("source"), f"{window:g} s" if window else None]
    return f'<span class="note"{meaning}>{escape(", ".join(str(part) for part in parts if part))}</span>'


def _shown(value: Any) -> str:
    if value is None:
        return "&ndash;"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:,.6g}"
    if isinstance(value, list):
        return "<br>".join(_shown(each) for each in value) or "&ndash;"
    if isinstance(value, dict):
        return ", ".join(f"{escape(str(key))}: {_shown(each)}" for key, each in value.items())
    text = escape(str(value))
    return f'<span class="{text}">{text}</span>' if value in ("healthy", "degraded", "unhealthy") else text
