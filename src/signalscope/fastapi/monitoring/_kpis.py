"""KPIs in an answer."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

from pydantic import BaseModel, Field
from pydantic.fields import FieldInfo

from signalscope.derived._vector import Vector
from signalscope.fastapi.monitoring._answer import Number
from signalscope.fastapi.monitoring._binding import ALL_TIERS_ONLY, Binding, Builder
from signalscope.mixin.recordings.kpis import Kpi as Declared
from signalscope.mixin.recordings.kpis import kpis as declared

__all__ = ["Kpi", "Kpis"]


class Kpi(BaseModel):
    """One KPI."""

    name: str
    category: str
    cache_type: str | None
    meaning: str | None = Field(description="What the value is, and of which time; null of a KPI of others.")
    unit: str | None = Field(description="Of value and target.")
    value: Number
    target: Number
    direction: Literal["above", "below"] | None
    attainment: Number = Field(description="How near the target is, 0 to 1.")
    reason: str | None = Field(description="Why value, target or attainment is null.")


_VALUE, _TARGET = "KPI_VALUE", "KPI_TARGET"
#: By field of a KPI: the series that has it.
_NUMBERS = {"value": _VALUE, "target": _TARGET, "attainment": "KPI_ATTAINMENT"}
Identity = tuple[str, str, str]


class Kpis(Binding):
    """The value is a list of the KPIs of some categories; None without any.

    Args:
        *categories: The categories.
    """

    def __init__(self, *categories: str) -> None:
        self._categories = categories

    def keys(self) -> Iterable[str]:
        """Return the keys of the series that are needed."""
        return _NUMBERS.values()

    def value(self, builder: Builder, path: str, about: FieldInfo) -> list[dict[str, Any]] | None:
        """Compute the value; see `Binding`."""
        if builder.tier is not None:
            builder.note(path, _VALUE, "of the KPI", missing=True, reason=ALL_TIERS_ONLY)
            return None
        numbers = {name: _by_kpi(builder.vector(key)) for name, key in _NUMBERS.items()}
        directions = {_identity(dict(each)): dict(each).get("direction") for each in builder.vector(_TARGET)}
        known: dict[Identity, Declared] = {
            (each.name, each.category, each.cache_type): each for each in declared(builder.config)
        }
        found = []
        for identity in sorted({*numbers["target"], *numbers["value"]}):
            name, category, cache_type = identity
            if category not in self._categories:
                continue
            own = {number: values.get(identity) for number, values in numbers.items()}
            missing = [number for number, value in own.items() if value is None]
            declaration = known.get(identity)
            found.append(
                {
                    "name": name,
                    "category": category,
                    "cache_type": cache_type or None,
                    "meaning": declaration.meaning if declaration else None,
                    "unit": declaration.unit if declaration else None,
                    **own,
                    "direction": directions.get(identity),
                    "reason": f"Prometheus has no {' and no '.join(missing)} of it" if missing else None,
                }
            )
        has_values = bool(numbers["value"])
        reason = f"Prometheus has no KPI that is {' or '.join(self._categories)}" if has_values else None
        builder.note(path, _VALUE, "of the KPI", missing=not (has_values and found), reason=reason)
        return found or None


def _identity(labels: dict[str, str]) -> Identity:
    return labels.get("kpi", ""), labels.get("category", ""), labels.get("cache_type", "")


def _by_kpi(vector: Vector) -> dict[Identity, float]:
    return {_identity(dict(labels)): value for labels, value in vector.items()}
