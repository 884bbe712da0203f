"""Picking the fields of an answer out of facts, and noting where each comes from."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from signalscope.derived._vector import Labels, only, summed
from signalscope.derived.read import Facts
from signalscope.fastapi.monitoring._models import Provenance, Source

__all__ = ["OF_ALL_TIERS", "Fields"]

#: Why a field is null when one tier alone was asked for.
OF_ALL_TIERS = "it is known of all tiers together: ask without `tier`"

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
        window: float | None = None,
    ) -> float | None:
        """One number.

        Args:
            path: The field's dotted path.
            key: The series.
            unit: The number's unit.
            factor: From the series' unit to the number's.
            how: How several values become one.
            where: Only values with these labels; an empty text for values without the label.
            window: As for `note`.
        """
        vector = only(self.facts.get(key).vector, **(where or {}))
        self.note(path, key, unit, missing=not vector, where=where, window=window)
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
        self.note(path, key, unit, missing=not named, where=where)
        ordered = sorted(named.items(), key=lambda each: (-each[1], each[0]))[:most]
        return dict(ordered) if named else None

    def vector(self, path: str, key: str, unit: str) -> dict[Labels, float]:
        """The whole series, for a field that is made of it."""
        found = self.facts.get(key).vector
        self.note(path, key, unit, missing=not found)
        return dict(found)

    def note(
        self,
        path: str,
        key: str,
        unit: str,
        *,
        missing: bool,
        reason: str | None = None,
        where: Where | None = None,
        window: float | None = None,
        also: Iterable[str] = (),
        meaning: str | None = None,
    ) -> None:
        """Say where a field comes from.

        Args:
            path: As for `number`.
            key: As for `number`.
            unit: As for `number`.
            missing: Whether it has no value.
            reason: Why, where the series does not know.
            where: As for `number`.
            window: How far it looks back, where that is not the series' own.
            also: Other series that it is made of.
            meaning: What it means, where that is not what the series means.
        """
        fact = self.facts.get(key)
        seconds = fact.window_seconds if window is None else window
        self.provenance[path] = Provenance(
            source=fact.source,
            series=", ".join((fact.series, *(self.facts.get(each).series for each in also))),
            unit=unit,
            window_seconds=None if seconds is None else round(seconds, 3),
            meaning=meaning or fact.meaning,
            reason=(reason or fact.reason or _none_with(where or {})) if missing else None,
        )

    def of_process(self, path: str, series: str, unit: str, meaning: str, **more: Any) -> None:
        """Say of a field that it is this process', wherever the others come from.

        Args:
            path: As for `number`.
            series: What gives it.
            unit: As for `number`.
            meaning: What it means.
            more: Others of `Provenance`.
        """
        about = {"window_seconds": None, "reason": None, **more}
        self.provenance[path] = Provenance(
            source="process", series=series, unit=unit, meaning=meaning, **about
        )

    def of_all_tiers(self, path: str, key: str, unit: str) -> None:
        """Say of a field that it is null because one tier alone was asked for."""
        self.note(path, key, unit, missing=True, reason=OF_ALL_TIERS)

    def head(self) -> dict[str, Any]:
        """What every answer has."""
        return {
            "timestamp": datetime.fromtimestamp(self.facts.at, UTC),
            "source": Source(name=self.facts.source, description=self.facts.describe()),
            "degraded": self.facts.degraded,
            "problems": list(self.facts.problems),
            "provenance": self.provenance,
        }


def _none_with(labels: Where) -> str:
    wanted = [f"{name} {value!r}" if value else f"all of {name}" for name, value in labels.items()]
    return f"there is no value for {' and '.join(wanted)}" if wanted else "there is no value for it"
