"""Sums of sizes by name."""

from __future__ import annotations

from collections.abc import Iterable


def known_sums(sizes: Iterable[tuple[str, float | None]]) -> dict[str, float]:
    """Return the sum of the sizes for each name, without names that have an unknown size (None)."""
    sums: dict[str, float | None] = {}
    for name, size in sizes:
        before = sums.get(name, 0.0)
        sums[name] = None if before is None or size is None else before + size
    return {name: total for name, total in sums.items() if total is not None}
