"""What an integration says about itself: the versions it supports, and what it measures.

The table in docs/instrumentation.md is made from this, and so is the check of the installed version.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Library"]


@dataclass(frozen=True, slots=True)
class Library:
    """One integrated library.

    Args:
        name: The name of the instrumentor's entry point: what ``OTEL_PYTHON_DISABLED_INSTRUMENTATIONS`` takes.
        title: What people call the library.
        kind: greeks, cache, queue, breaker, dependency, task, database, api or any.
        supports: Requirements on its distributions, such as ``vollib >= 1.0.7, < 2``. One that is installed and
            fits is enough; a part of the standard library has none.
        tested: The oldest and the newest version that the tests run with.
        measures: OpenTelemetry names of the metrics it feeds, as in the contract.
        spans: Which spans it makes, in a sentence.
        unit: What is one calculation, operation, item or call, in a sentence.
        not_measured: What is not measured, one sentence each.
        delegated: The official instrumentor that makes the spans, where there is one.
        notes: What else there is to know, one sentence each.
    """

    name: str
    title: str
    kind: str
    supports: tuple[str, ...]
    tested: tuple[str, str] | None
    measures: tuple[str, ...]
    spans: str
    unit: str
    not_measured: tuple[str, ...]
    delegated: str = ""
    notes: tuple[str, ...] = ()
