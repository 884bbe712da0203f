"""Bind the fields of an answer to derived series, and fill an answer from query results.

A model declares where the value of each field comes from::

    by_tier: Annotated[ByName, Series("SUBSCRIPTIONS", "subscriptions", by="user_tier")]

`keys` then gives the series that the answer needs. `fill` walks over the model, computes every value, and records its
provenance under the dotted path of the field.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, TypeVar

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from signalscope.derived._vector import Vector, only, summed
from signalscope.derived.read import QueryResults
from signalscope.fastapi.monitoring._answer import Answer
from signalscope.fastapi.monitoring._builder import ALL_TIERS_ONLY, Builder

AnswerT = TypeVar("AnswerT", bound=Answer)
Combine = Callable[[Iterable[float]], float]


class Binding:
    """An annotation of a field of an answer: where its value comes from.

    Args:
        value: Computes the value and notes its provenance, given the builder, the dotted path and the field.
        *keys: The series that it needs.
    """

    def __init__(self, value: Callable[[Builder, str, FieldInfo], Any], *keys: str) -> None:
        self.value = value
        self.keys = keys


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """The value is that of a derived series: a number, or numbers by the value of a label, the greatest first.

    Attributes:
        key: The series.
        unit: The unit of the value.
        by: The label whose values name the numbers.
        where: Include only values with these labels; an empty text is for values without the label.
        factor: From the unit of the series to the unit of the value.
        combine: Makes one number of several.
        most: How many numbers to keep.
        window: Seconds that the value looks back; by default those of the series.
        tier: The series that has the label user_tier, to be used for one tier; without it the value is null then.
        units: Units of single numbers, by name, where they have another one.
    """

    key: str
    unit: str
    by: str | None = None
    where: Mapping[str, str | Callable[[Builder], str]] = field(default_factory=dict)
    factor: float = 1.0
    combine: Combine = math.fsum
    most: int | None = None
    window: float | None = None
    tier: str | None = None
    units: Mapping[str, str] = field(default_factory=dict)

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of the series that are needed."""
        return (self.key,) if self.tier is None else (self.key, self.tier)

    def labels(self, builder: Builder) -> dict[str, str]:
        """Return the labels that are selected."""
        labels = {name: text(builder) if callable(text) else text for name, text in self.where.items()}
        return labels if builder.tier is None else labels | {"user_tier": builder.tier}

    def value(self, builder: Builder, path: str, _: FieldInfo | None = None) -> Any:
        """Compute the value, and note its provenance."""
        key = self.key if builder.tier is None else self.tier
        if key is None:
            reason = ALL_TIERS_ONLY
            builder.note(path, self.key, self.unit, missing=True, reason=reason, window=self.window)
            return None
        where = self.labels(builder)
        vector = only(builder.vector(key), **where)
        found: Any = None
        if self.by is not None:
            numbers = by_label(vector, self.by, self.combine)
            found = {name: number * self.factor for name, number in [*numbers.items()][: self.most]} or None
        elif vector:
            found = self.combine(vector.values()) * self.factor
        builder.note(path, key, self.unit, missing=found is None, where=where, window=self.window)
        for name, unit in self.units.items():
            if found and name in found:
                builder.note(f"{path}.{name}", key, unit, missing=False)
        return found


class NoValue(NamedTuple):
    """What a computation returns when it has no value for a reason of its own."""

    reason: str


def computed(compute: Callable[..., Any], *series: str, unit: str) -> Binding:
    """Bind a field to what a function makes of some series.

    Args:
        compute: Gets the configuration and the vector of each series; returns the value, None or `NoValue`.
        *series: The keys of the series.
        unit: The unit of the value.
    """
    key, *also = series

    def value(builder: Builder, path: str, about: FieldInfo) -> Any:
        found: Any = compute(builder.config, *map(builder.vector, series))
        reason = found.reason if isinstance(found, NoValue) else None
        found = None if isinstance(found, NoValue) else found
        meaning = about.description if also else None
        builder.note(path, key, unit, missing=found is None, reason=reason, also=also, meaning=meaning)
        return found

    return Binding(value, *series)


def of_process(series: str, unit: str, meaning: str) -> Binding:
    """Bind a field to a value of the process that answers, which `fill` gets by the name of the field."""

    def value(builder: Builder, path: str, _: FieldInfo) -> Any:
        builder.note_process(path, series=series, unit=unit, meaning=meaning)
        return builder.parameters[path]

    return Binding(value)


def each_tier(model: type[BaseModel], tiers: Callable[[], Iterable[str]]) -> Binding:
    """Bind a field to one model for each tier that is included; all tiers are those that `tiers` returns."""

    def value(builder: Builder, path: str, _: FieldInfo) -> Any:
        included = tiers() if builder.tier is None else (builder.tier,)
        return {tier: _values(model, replace(builder, tier=tier), f"{path}.{tier}") for tier in included}

    return Binding(value, *keys(model))


def keys(model: type[BaseModel], kind: type[Binding | Series] | None = None) -> list[str]:
    """Return the keys of the series that an answer, or a part of it, needs; only of one kind of binding, if given."""
    found: dict[str, None] = {}
    for about in model.model_fields.values():
        binding = _binding(about)
        if binding is None:
            part = _part(about)
            found |= dict.fromkeys(keys(part, kind) if part is not None else ())
        elif kind is None or isinstance(binding, kind):
            found |= dict.fromkeys(binding.keys)
    return list(found)


def fill(
    model: type[AnswerT], results: QueryResults, *, tier: str | None = None, **parameters: Any
) -> AnswerT:
    """Make an answer.

    Args:
        model: The answer.
        results: The query results of `keys(model)`.
        tier: The only tier to include; None for all.
        **parameters: The values of fields that are not bound, by name, and what bindings need.
    """
    builder = Builder(results, {**parameters, "tier": tier}, tier)
    return model.model_validate(_values(model, builder, "") | Answer.head(results, builder.provenance))


def _values(model: type[BaseModel], builder: Builder, path: str) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, about in model.model_fields.items():
        inside = f"{path}.{name}" if path else name
        if (binding := _binding(about)) is not None:
            values[name] = binding.value(builder, inside, about)
        elif name in builder.parameters:
            values[name] = builder.parameters[name]
        elif name not in Answer.model_fields and (part := _part(about)) is not None:
            values[name] = _values(part, builder, inside)
    return values


def _binding(about: FieldInfo) -> Binding | Series | None:
    return next((each for each in about.metadata if isinstance(each, Binding | Series)), None)


def _part(about: FieldInfo) -> type[BaseModel] | None:
    """Return the model of a field that has fields of its own."""
    model = about.annotation
    return model if isinstance(model, type) and issubclass(model, BaseModel) else None


def by_label(vector: Vector, label: str, combine: Combine = math.fsum) -> dict[str, float]:
    """Return numbers by the value of a label, the greatest first."""
    numbers = {
        name: number
        for labels, number in summed(vector, label, how=combine).items()
        if (name := dict(labels).get(label))
    }
    return dict(sorted(numbers.items(), key=lambda pair: (-pair[1], pair[0])))
