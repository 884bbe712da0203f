"""`/monitoring/performance-summary`: how well the service works, now and over a window."""

from __future__ import annotations

import math
from collections.abc import Mapping

from signalscope.derived._vector import Labels
from signalscope.derived.read import Facts
from signalscope.fastapi.monitoring import _parts
from signalscope.fastapi.monitoring._fields import Fields
from signalscope.fastapi.monitoring._models import Number, PerformanceSummary, Statistics

__all__ = ["KEYS", "OVER_TIME", "performance_summary"]

#: What is also shown over the window: field, series, unit, and the labels of the one value that is meant.
_STATISTICS: Mapping[str, tuple[tuple[str, str, str, Mapping[str, str]], ...]] = {
    "api": (
        ("requests_per_second", "API_REQUESTS", "requests/s", {}),
        ("error_rate_percentage", "ERROR_RATE", "%", {"endpoint": ""}),
        ("slow_requests_percentage", "API_SLOW", "%", {}),
        ("mean_seconds", "API_MEAN", "s", {}),
        ("p50_seconds", "API_P50", "s", {}),
        ("p95_seconds", "API_P95", "s", {}),
        ("p99_seconds", "API_P99", "s", {}),
    ),
    "greeks": (
        ("options_per_second", "GREEKS_OPTIONS", "options/s", {}),
        ("vectorized_share", "VECTORIZED_SHARE", "ratio", {"calculation_type": ""}),
        ("vectorized_p90_seconds", "GREEKS_P90", "s", {"vectorized": "true"}),
        ("vectorized_speedup", "VECTORIZED_SPEEDUP", "times", {}),
        ("invalid_ratio", "GREEKS_INVALID_RATIO", "ratio", {}),
    ),
    "signals": (
        ("signals_per_second", "SIGNALS", "signals/s", {}),
        ("mean_seconds", "SIGNAL_MEAN", "s", {}),
        ("p95_seconds", "SIGNAL_P95", "s", {}),
    ),
}
OVER_TIME = tuple(dict.fromkeys(key for rows in _STATISTICS.values() for _, key, _, _ in rows))
KEYS = (
    *OVER_TIME, "API_REQUESTS_ENDPOINT", "API_P95_ENDPOINT", "CACHE_HITS", "QUEUE_BACKPRESSURE",
    "DEPENDENCY_UP", "DEPENDENCY_P95", "DEPENDENCY_ERROR_RATIO", *_parts.KPI_KEYS,
)  # fmt: skip
_MOST_ROWS = 50

#: Values over time by labels: what a range query gives.
Over = Mapping[Labels, list[tuple[float, float]]]


def performance_summary(
    facts: Facts, window: str, seconds: float, over_time: Mapping[str, Over] | str
) -> PerformanceSummary:
    """The answer.

    Args:
        facts: The series of `KEYS`.
        window: The window's name.
        seconds: Its length.
        over_time: The series of `OVER_TIME` over the window; those that are missing have no statistics. Or why
            there are none.
    """
    fields = Fields(facts)
    found = {
        group: {
            name: _statistics(fields, f"{group}.{name}", (key, unit, labels), over_time, seconds)
            for name, key, unit, labels in rows
        }
        for group, rows in _STATISTICS.items()
    }
    return PerformanceSummary(
        window=window,
        api=found["api"],
        greeks=found["greeks"],
        signals=found["signals"],
        endpoints=_table(
            fields, "endpoints", "endpoint",
            requests_per_second=("API_REQUESTS_ENDPOINT", "requests/s"),
            p95_seconds=("API_P95_ENDPOINT", "s"),
            error_rate_percentage=("ERROR_RATE", "%"),
        ),
        caches=fields.by("caches", "CACHE_HITS", "cache_type", "ratio"),
        queues=fields.by("queues", "QUEUE_BACKPRESSURE", "queue_type", "ratio", how=max),
        dependencies=_table(
            fields, "dependencies", "service_name",
            healthy=("DEPENDENCY_UP", ""),
            p95_seconds=("DEPENDENCY_P95", "s"),
            error_ratio=("DEPENDENCY_ERROR_RATIO", "ratio"),
        ),
        kpis=_parts.kpis(fields, "kpis", "technical", "operational"),
        **fields.head(),
    )  # fmt: skip


def _statistics(
    fields: Fields,
    path: str,
    row: tuple[str, str, Mapping[str, str]],
    over_time: Mapping[str, Over] | str,
    seconds: float,
) -> Statistics:
    key, unit, labels = row
    now = fields.number(path, key, unit, where=labels)
    over, reason = ({}, over_time) if isinstance(over_time, str) else (over_time.get(key, {}), None)
    values = [
        value
        for each, pairs in over.items()
        if all(dict(each).get(name, "") == wanted for name, wanted in labels.items())
        for _, value in pairs
    ]
    for name in ("lowest", "mean", "highest"):
        missing = reason or "Prometheus has no value for it in the window"
        fields.note(f"{path}.{name}", key, unit, missing=not values, reason=missing, window=seconds)
    if not values:
        return Statistics(now=now)
    return Statistics(now=now, lowest=min(values), mean=math.fsum(values) / len(values), highest=max(values))


def _table(fields: Fields, path: str, label: str, **columns: tuple[str, str]) -> dict[str, dict[str, Number]]:
    """A row for each value of a label, a column for each series; the first column's greatest come first."""
    found = {
        name: fields.by(f"{path}.{name}", key, label, unit, how=max) or {}
        for name, (key, unit) in columns.items()
    }
    every = [*dict.fromkeys(row for column in found.values() for row in column)]
    names = every[:_MOST_ROWS]
    if len(every) > len(names):
        fields.facts.problems.append(f"{path}: {len(names)} of {len(every)} are shown")
    for name, (key, unit) in columns.items():
        for row in names:
            if row not in found[name]:
                fields.note(f"{path}.{row}.{name}", key, unit, missing=True, where={label: row})
    return {row: {name: column.get(row) for name, column in found.items()} for row in names}
