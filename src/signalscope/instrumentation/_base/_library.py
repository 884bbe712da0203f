"""The description of an integration: the versions it supports, and the metrics it records.

The table in docs/instrumentation.md is generated from it, and the check of the installed version uses it.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Library:
    """One integrated library.

    Args:
        name: The name of the instrumentor's entry point: what ``OTEL_PYTHON_DISABLED_INSTRUMENTATIONS`` takes.
        title: The usual name of the library.
        kind: greeks, cache, queue, breaker, dependency, task, database, api or any.
        supports: Requirements on its distributions, such as ``vollib >= 1.0.7, < 2``. One that is installed and
            matches is enough; a part of the standard library has none.
        tested: The oldest and the newest version that the tests run with.
        measures: OpenTelemetry names of the metrics it records, as in the contract.
        spans: The spans it makes, in a sentence.
        unit: What counts as one calculation, operation, item or call, in a sentence.
        not_measured: Parts that are not measured, one sentence each.
        delegated: The official instrumentor that makes the spans, where there is one.
        notes: Further notes, one sentence each.
    """

    name: str
    title: str
    kind: str
    supports: tuple[str, ...]
    tested: tuple[str, str] | None = None
    measures: tuple[str, ...]
    spans: str = "None."
    unit: str
    not_measured: tuple[str, ...]
    delegated: str = ""
    notes: tuple[str, ...] = ()
