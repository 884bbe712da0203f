"""Helpers that read the pages of docs/runbooks and their queries."""

from __future__ import annotations

import re
from pathlib import Path

from signalscope import binaries

__all__ = ["RUNBOOKS", "queries_of", "query", "section"]

RUNBOOKS = binaries.ROOT / "docs" / "runbooks"


def queries_of(page: Path) -> list[str]:
    """Return all PromQL blocks of a page."""
    return re.findall(r"```promql\n(.*?)\n```", page.read_text(encoding="utf-8"), re.DOTALL)


def query(alert: str, title: str) -> str:
    """Return the query with that title on the page of an alert."""
    text = (RUNBOOKS / f"{alert}.md").read_text(encoding="utf-8")
    return text.partition(f"\n{title}:\n\n```promql\n")[2].partition("\n```")[0]


def section(page: str, heading: str) -> str:
    """Return the text of a section of a page."""
    return page.partition(f"## {heading}\n")[2].partition("\n## ")[0].strip()
