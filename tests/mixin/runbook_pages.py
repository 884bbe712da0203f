"""The pages of docs/runbooks, and the queries on them."""

from __future__ import annotations

import re
from pathlib import Path

from signalscope import binaries

__all__ = ["RUNBOOKS", "queries_of"]

RUNBOOKS = binaries.ROOT / "docs" / "runbooks"


def queries_of(page: Path) -> list[str]:
    """Every PromQL block of a page."""
    return re.findall(r"```promql\n(.*?)\n```", page.read_text(encoding="utf-8"), re.DOTALL)
