"""The table of derived series as a whole: each row by its key and by its name in Prometheus."""

from __future__ import annotations

import dataclasses
import difflib
import functools
import importlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from signalscope.contract import ContractError

if TYPE_CHECKING:
    from signalscope.derived._rows import Row

#: The modules of the table by the file of rules: what everything reads, the objectives, and what looks ahead.
MODULES = {
    "recordings": (
        "api", "greeks", "signals", "cache", "queue", "dependencies", "resources", "business", "kpis",
    ),
    "slos": ("slos",),
    "insight": ("calendar", "anomaly", "predictive", "forecast", "scaling"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class DeclaredGroup:
    """Rows that are recorded one after the other.

    Attributes:
        name: As for `Group`.
        interval: The key of ``[pipeline]`` that says how often.
        rows: By key.
        fixed: As for `Group`.
        together: How many rows at the beginning have their rules side by side: the first of each, then the second.
    """

    name: str
    interval: str
    rows: Mapping[str, Row]
    fixed: bool = False
    together: int = 0


@functools.cache
def table() -> tuple[dict[str, Row], dict[str, list[DeclaredGroup]]]:
    """Return every row by its key, and the groups by the file of rules."""
    rows: dict[str, Row] = {}
    groups: dict[str, list[DeclaredGroup]] = {}
    for file, modules in MODULES.items():
        for section in modules:
            module = importlib.import_module(f"signalscope.derived.table.{section}")
            for group in module.GROUPS:
                keyed = {
                    key: dataclasses.replace(
                        row,
                        key=key,
                        section=section,
                        interval=group.interval,
                        is_shared=file == "recordings" and not group.fixed,
                    )
                    for key, row in group.rows.items()
                }
                rows.update(keyed)
                groups.setdefault(file, []).append(dataclasses.replace(group, rows=keyed))
            for key, row in getattr(module, "ASKED", {}).items():
                rows[key] = dataclasses.replace(row, key=key, section=section)
    return rows, groups


@functools.cache
def _by_name() -> dict[str, Row]:
    return {row.name: row for row in all_series()}


def all_series() -> Iterator[Row]:
    """Yield every recorded series, in the order of the table."""
    return (row for row in table()[0].values() if row.name)


def get(key: str) -> Row:
    """Return the row of that key, or of that name in Prometheus.

    Args:
        key: Such as ``API_P95``.

    Raises:
        ContractError: There is none; the message names the nearest.
    """
    rows, _ = table()
    row = rows.get(key) or _by_name().get(key)
    if row is None:
        near = difflib.get_close_matches(key, rows, 1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise ContractError(f"no recorded series {key!r}{hint}")
    return row
