"""The table of derived series: all rows by key and by name in Prometheus."""

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

#: The modules of the table for each file of rules: general recordings, SLOs, and anomalies with forecasts.
MODULES = {
    "recordings": (
        "api", "greeks", "signals", "cache", "queue", "dependencies", "resources", "business", "kpis",
        "now",
    ),
    "slos": ("slos",),
    "insight": ("calendar", "anomaly", "predictive", "forecast", "scaling"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class DeclaredGroup:
    """Rows that Prometheus evaluates in one group, in this order.

    Attributes:
        name: As for `Group`.
        interval: The key of ``[pipeline]`` with the seconds between two evaluations.
        rows: The rows by key.
        fixed: As for `Group`.
        together: The number of rows at the beginning whose rules alternate: the first rule of each row, then the
            second rule of each row.
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
    """Yield the row of every recorded series, in the order of the table.

    Examples:
        >>> from signalscope import derived
        >>> "API_P95" in [row.key for row in derived.all_series()]
        True
    """
    return (row for row in table()[0].values() if row.name)


def get(key: str) -> Row:
    """Return the row with a key, or with a name in Prometheus.

    Args:
        key: The key, such as ``API_P95``, or the name.

    Raises:
        ContractError: The table has no such row; the message names the most similar key.

    Examples:
        >>> from signalscope import derived
        >>> derived.get("CACHE_HITS").name
        'job_cache_type:signal_service_cache_hits:ratio5m'
    """
    rows, _ = table()
    row = rows.get(key) or _by_name().get(key)
    if row is None:
        near = difflib.get_close_matches(key, rows, 1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise ContractError(f"no recorded series {key!r}{hint} [SS250]")
    return row
