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

from signalscope.config import Config, _environment
from signalscope.derived import Facts
from signalscope.derived._vector import Vector, only, summed
from signalscope.fastapi.monitoring._answer import Answer, Provenance

__all__ = [
    "ALL_TIERS_ONLY",
    "Binding",
    "Builder",
    "Computed",
    "EachTier",
    "NoValue",
    "OfProcess",
    "Series",
    "by_label",
    "fill",
    "keys",
]

AnswerT = TypeVar("AnswerT", bound=Answer)
#: Why a value is null when one tier was asked for.
ALL_TIERS_ONLY = "it is known of all tiers together: ask without `tier`"


@dataclass(frozen=True, slots=True)
class Builder:
    """The state while one answer is filled.

    Attributes:
        results: The query results of all series that the answer needs.
        parameters: Values of fields that are not bound, and what the request asks for.
        tier: The only tier to include; None for all.
        provenance: What has been recorded so far, by the dotted path of the field.
    """

    results: Facts
    parameters: Mapping[str, Any]
    tier: str | None = None
    provenance: dict[str, Provenance] = field(default_factory=dict)

    @property
    def config(self) -> Config:
        """The thresholds and selectors."""
        return _environment.config()

    def vector(self, key: str) -> Vector:
        """Return the values of a series by labels; empty without data."""
        return self.results.get(key).vector

    def note(
        self,
        path: str,
        key: str,
        unit: str,
        *,
        missing: bool,
        reason: str | None = None,
        where: Mapping[str, str] | None = None,
        window: float | None = None,
        also: Iterable[str] = (),
        meaning: str | None = None,
    ) -> None:
        """Record the provenance of a value.

        Args:
            path: The dotted path of the field.
            key: The series.
            unit: The unit of the value.
            missing: Whether there is no value.
            reason: Why there is none, where the query result does not say so.
            where: The labels that were selected.
            window: Seconds that it looks back, where they are not those of the series.
            also: Other series that the value is computed from.
            meaning: What the value means, where it is not what the series means.
        """
        result = self.results.get(key)
        seconds = result.window_seconds if window is None else window
        self.provenance[path] = Provenance(
            source=result.source,
            series=", ".join((result.series, *(self.results.get(other).series for other in also))),
            unit=unit,
            window_seconds=None if seconds is None else round(seconds, 3),
            meaning=meaning or result.meaning,
            reason=(reason or result.reason or _no_value_for(where or {})) if missing else None,
        )

    def note_process(
        self,
        path: str,
        series: str,
        unit: str,
        meaning: str,
        *,
        window: float | None = None,
        reason: str | None = None,
    ) -> None:
        """Record that a value is of this process, whatever the source of the others is; see `note`."""
        self.provenance[path] = Provenance(
            source="process", series=series, unit=unit, window_seconds=window, meaning=meaning, reason=reason
        )


class Binding:
    """An annotation of a field of an answer: where its value comes from."""

    def keys(self) -> Iterable[str]:
        """Return the keys of the series that are needed."""
        return ()

    def value(self, builder: Builder, path: str, about: FieldInfo) -> Any:
        """Compute the value, and record its provenance.

        Args:
            builder: The state of the answer.
            path: The dotted path of the field.
            about: The field.
        """
        raise NotImplementedError


@dataclass(frozen=True, slots=True, eq=False)
class Series(Binding):
    """The value is that of a derived series: a number, or numbers by the value of a label, the greatest first.

    Attributes:
        key: The series.
        unit: The unit of the value.
        by: The label whose values name the numbers.
        where: Include only values with these labels; an empty text is for values without the label.
        factor: From the unit of the series to the unit of the value.
        combine: Makes one number of several.
        most: How many numbers to keep.
        window: Seconds that it looks back, where they are not those of the series.
        tier: The series that has the label user_tier, to be used for one tier; without it the value is null then.
        units: Units of single numbers, by name, where they have another one.
    """

    key: str
    unit: str
    by: str | None = None
    where: Mapping[str, str | Callable[[Builder], str]] = field(default_factory=dict)
    factor: float = 1.0
    combine: Callable[[Iterable[float]], float] = math.fsum
    most: int | None = None
    window: float | None = None
    tier: str | None = None
    units: Mapping[str, str] = field(default_factory=dict)

    def keys(self) -> Iterable[str]:
        """Return the keys of the series that are needed."""
        return (self.key,) if self.tier is None else (self.key, self.tier)

    def labels(self, builder: Builder) -> dict[str, str]:
        """Return the labels that are selected."""
        labels = {name: text(builder) if callable(text) else text for name, text in self.where.items()}
        return labels if builder.tier is None else {**labels, "user_tier": builder.tier}

    def value(self, builder: Builder, path: str, about: FieldInfo | None = None) -> Any:
        """Compute the value; see `Binding`."""
        key = self.key if builder.tier is None else self.tier
        if key is None:
            builder.note(path, self.key, self.unit, missing=True, reason=ALL_TIERS_ONLY)
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


class Computed(Binding):
    """The value is computed from several series, or is more than numbers.

    Args:
        compute: Gets the configuration and the vector of each series; returns the value, None or `NoValue`.
        *series: The keys of the series.
        unit: The unit of the value.
    """

    def __init__(self, compute: Callable[..., Any], *series: str, unit: str) -> None:
        self._compute = compute
        self._series = series
        self._unit = unit

    def keys(self) -> Iterable[str]:
        """Return the keys of the series that are needed."""
        return self._series

    def value(self, builder: Builder, path: str, about: FieldInfo) -> Any:
        """Compute the value; see `Binding`."""
        key, *also = self._series
        found = self._compute(builder.config, *map(builder.vector, self._series))
        reason = found.reason if isinstance(found, NoValue) else None
        found = None if isinstance(found, NoValue) else found
        meaning = about.description if also else None
        builder.note(path, key, self._unit, missing=found is None, reason=reason, also=also, meaning=meaning)
        return found


class OfProcess(Binding):
    """The value is given to `fill` by name, and is of the process that answers.

    Args:
        series: What it is read from.
        unit: Its unit.
        meaning: What it means.
    """

    def __init__(self, series: str, unit: str, meaning: str) -> None:
        self._about = series, unit, meaning

    def value(self, builder: Builder, path: str, about: FieldInfo) -> Any:
        """Return the value; see `Binding`."""
        builder.note_process(path, *self._about)
        return builder.parameters[path]


class EachTier(Binding):
    """The value is one model for each tier that is included.

    Args:
        model: The model; its series have the label user_tier.
        tiers: Returns all tiers.
    """

    def __init__(self, model: type[BaseModel], tiers: Callable[[], Iterable[str]]) -> None:
        self._model = model
        self._tiers = tiers

    def keys(self) -> Iterable[str]:
        """Return the keys of the series that are needed."""
        return keys(self._model)

    def value(self, builder: Builder, path: str, about: FieldInfo) -> Any:
        """Compute the value; see `Binding`."""
        tiers = self._tiers() if builder.tier is None else (builder.tier,)
        return {tier: _values(self._model, replace(builder, tier=tier), f"{path}.{tier}") for tier in tiers}


def keys(model: type[BaseModel], kind: type[Binding] = Binding) -> tuple[str, ...]:
    """Return the keys of the series that an answer needs.

    Args:
        model: The answer, or a part of it.
        kind: Include only fields that are bound in this way.
    """
    found: dict[str, None] = {}
    for about in model.model_fields.values():
        binding = _binding(about)
        if isinstance(binding, kind):
            found |= dict.fromkeys(binding.keys())
        elif binding is None and (part := _part(about)) is not None:
            found |= dict.fromkeys(keys(part, kind))
    return tuple(found)


def fill(model: type[AnswerT], results: Facts, *, tier: str | None = None, **parameters: Any) -> AnswerT:
    """Make an answer.

    Args:
        model: The answer.
        results: The query results of `keys(model)`.
        tier: The only tier to include; None for all.
        **parameters: The values of fields that are not bound, by name, and what bindings need.
    """
    builder = Builder(results, parameters | {"tier": tier}, tier)
    values = _values(model, builder, "")
    return model.model_validate(values | Answer.head(results, builder.provenance))


def _values(model: type[BaseModel], builder: Builder, path: str) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, about in model.model_fields.items():
        inside = f"{path}.{name}" if path else name
        binding = _binding(about)
        if binding is not None:
            values[name] = binding.value(builder, inside, about)
        elif name in builder.parameters:
            values[name] = builder.parameters[name]
        elif name not in Answer.model_fields and (part := _part(about)) is not None:
            values[name] = _values(part, builder, inside)
    return values


def by_label(
    vector: Vector, label: str, combine: Callable[[Iterable[float]], float] = math.fsum
) -> dict[str, float]:
    """Return numbers by the value of a label, the greatest first."""
    numbers = {
        name: number
        for labels, number in summed(vector, label, how=combine).items()
        if (name := dict(labels).get(label))
    }
    return dict(sorted(numbers.items(), key=lambda pair: (-pair[1], pair[0])))


def _binding(about: FieldInfo) -> Binding | None:
    return next((each for each in about.metadata if isinstance(each, Binding)), None)


def _part(about: FieldInfo) -> type[BaseModel] | None:
    """Return the model of a field that is a part of the answer with fields of its own."""
    model = about.annotation
    return model if isinstance(model, type) and issubclass(model, BaseModel) else None


def _no_value_for(labels: Mapping[str, str]) -> str:
    selected = [f"{name} {value!r}" if value else f"all of {name}" for name, value in labels.items()]
    return f"there is no value for {' and '.join(selected)}" if selected else "there is no value for it"
