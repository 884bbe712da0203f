"""The KPIs in the answers of the monitoring API."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from pydantic import BaseModel, Field
from pydantic.fields import FieldInfo

from signalscope.derived._process import HISTORY
from signalscope.derived._vector import Labels
from signalscope.derived.table.kpis import kpis as declarations
from signalscope.fastapi.monitoring._answer import Number
from signalscope.fastapi.monitoring._binding import ALL_TIERS_ONLY, Binding, Builder


class Kpi(BaseModel):
    """The value, the target and the attainment of one KPI."""

    name: str = Field(description="The name of the KPI.")
    category: str = Field(description="business, technical or operational.")
    cache_type: str | None = Field(description="The cache, for a KPI of one cache.")
    meaning: str | None = Field(description="The meaning and the period of the value, or null.")
    unit: str | None = Field(description="The unit of value and target.")
    value: Number = Field(description="The present value.")
    target: Number = Field(description="The target of the configuration.")
    direction: Literal["above", "below"] | None = Field(description="The good side of the target.")
    attainment: Number = Field(description="How far the target is reached, 0 to 1.")
    reason: str | None = Field(description="The reason why value, target or attainment is null.")


_VALUE, _TARGET = "KPI_VALUE", "KPI_TARGET"
#: By field of a KPI: the series with its value.
_NUMBERS = {"value": _VALUE, "target": _TARGET, "attainment": "KPI_ATTAINMENT"}
Identity = tuple[str, str, str]


def every_kpi(*categories: str) -> Binding:
    """Bind a field to the list of KPIs of these categories; the value is None if there are none."""

    def value(builder: Builder, path: str, _: FieldInfo) -> list[dict[str, Any]] | None:
        kpis: list[dict[str, Any]] = []
        has_values = bool(builder.vector(_VALUE))
        if builder.tier is not None or builder.results.source == "process":
            # A process could compute the targets and a few values, but a KPI is about the whole service.
            reason: str | None = HISTORY if builder.tier is None else ALL_TIERS_ONLY
        else:
            kpis = [kpi for kpi in _every(builder) if kpi["category"] in categories]
            reason = f"Prometheus has no {' or '.join(categories)} KPI" if has_values else None
        builder.note(path, _VALUE, "of the KPI", missing=not (has_values and kpis), reason=reason)
        return kpis or None

    return Binding(value, *_NUMBERS.values())


def _every(builder: Builder) -> Iterator[dict[str, Any]]:
    """Yield all KPIs with a value or a target."""
    numbers = {
        name: {_identity(labels): number for labels, number in builder.vector(key).items()}
        for name, key in _NUMBERS.items()
    }
    directions = {_identity(labels): dict(labels).get("direction") for labels in builder.vector(_TARGET)}
    declared = {_identity(tuple(kpi.labels.items())): kpi for kpi in declarations(builder.config)}
    for identity in sorted({*numbers["target"], *numbers["value"]}):
        name, category, cache_type = identity
        own = {number: values.get(identity) for number, values in numbers.items()}
        missing = [number for number, value in own.items() if value is None]
        declaration = declared.get(identity)
        yield {
            "name": name,
            "category": category,
            "cache_type": cache_type or None,
            "meaning": declaration.meaning if declaration else None,
            "unit": declaration.unit if declaration else None,
            **own,
            "direction": directions.get(identity),
            "reason": f"Prometheus has no {' and no '.join(missing)} for this KPI" if missing else None,
        }


def _identity(labels: Labels) -> Identity:
    names = dict(labels)
    return names.get("kpi", ""), names.get("category", ""), names.get("cache_type", "")
