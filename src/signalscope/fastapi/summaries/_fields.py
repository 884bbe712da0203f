"""Picking the fields of an answer out of facts, and noting where each comes from."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from signalscope.fastapi.summaries._models import Provenance, Source
from signalscope.fastapi.values import Facts
from signalscope.insight.vector import Labels, only, summed

__all__ = ["Fields"]

Combine = Callable[[Iterable[float]], float]
Where = Mapping[str, str]


class Fields:
    """Makes the fields of one answer.

    Args:
        facts: Every series that the answer needs.
    """

    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        self.provenance: dict[str, Provenance] = {}

    def number(
        self,
        path: str,
        key: str,
        unit: str,
        *,
        factor: float = 1.0,
        how: Combine = math.fsum,
        where: Where | None = None,
    ) -> float | None:
        """One number.

        Args:
            path: The field's dotted path.
            key: The series.
            unit: The number's unit.
            factor: From the series' unit to the number's.
            how: How several values become one.
            where: Only values with these labels; an empty text for values without the label.
        """
        vector = only(self.facts.get(key).vector, **(where or {}))
        self.note(path, key, unit, missing=not vector)
        return how(vector.values()) * factor if vector else None

    def by(
        self,
        path: str,
        key: str,
        label: str,
        unit: str,
        *,
        factor: float = 1.0,
        how: Combine = math.fsum,
        most: int | None = None,
        where: Where | None = None,
    ) -> dict[str, float] | None:
        """Numbers by the value of a label, the greatest first.

        Args:
            path: As for `number`.
            key: As for `number`.
            label: The label.
            unit: As for `number`.
            factor: As for `number`.
            how: As for `number`.
            most: How many to keep.
            where: As for `number`.
        """
        vector = summed(only(self.facts.get(key).vector, **(where or {})), label, how=how)
        named = {
            dict(found)[label]: value * factor for found, value in vector.items() if dict(found).get(label)
        }
        self.note(path, key, unit, missing=not named)
        ordered = sorted(named.items(), key=lambda each: (-each[1], each[0]))[:most]
        return dict(ordered) if named else None

    def vector(self, path: str, key: str, unit: str) -> dict[Labels, float]:
        """The whole series, for a field that is made of it."""
        found = self.facts.get(key).vector
        self.note(path, key, unit, missing=not found)
        return dict(found)

    def note(self, path: str, key: str, unit: str, *, missing: bool, reason: str | None = None) -> None:
        """Say where a field comes from.

        Args:
            path: As for `number`.
            key: As for `number`.
            unit: As for `number`.
            missing: Whether it has no value.
            reason: Why, where the series does not know.
        """
        fact = self.facts.get(key)
        why = (reason or fact.reason or "there is no value for it") if missing else None
        self.provenance[path] = Provenance(
            source=fact.source,
            series=fact.series,
            unit=unit,
            window_seconds=None if fact.window_seconds is None else round(fact.window_seconds, 3),
            reason=why,
        )

    def head(self) -> dict[str, Any]:
        """What every answer has."""
        return {
            "timestamp": datetime.fromtimestamp(self.facts.at, UTC),
            "source": Source(name=self.facts.source, description=self.facts.describe()),
            "degraded": self.facts.degraded,
            "problems": list(self.facts.problems),
            "provenance": self.provenance,
        }
