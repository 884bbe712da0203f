"""Bind the fields of an answer to derived series, and fill an answer from query results.

A model declares where the value of each field comes from::

    by_tier: Annotated[ByName, Series("SUBSCRIPTIONS", "subscriptions", by="user_tier")]

`keys` returns the series that the answer needs.

`fill` computes the value of each field, and records its provenance under the dotted path of the field.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, NamedTuple, TypeVar

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from signalscope import contract
from signalscope.config import Config, _environment
from signalscope.derived._expressions import Instrument, Quantile
from signalscope.derived._registry import get
from signalscope.derived._vector import Vector, only, summed
from signalscope.derived.read import QueryResults
from signalscope.fastapi.monitoring._answer import Answer, Block, Provenance, Source

#: The reason of a null value if the request names one tier.
ALL_TIERS_ONLY = "this value exists for all tiers together only: omit `tier` in the request"
AnswerT = TypeVar("AnswerT", bound=Answer)
Combine = Callable[[Iterable[float]], float]


@dataclass(frozen=True, slots=True)
class Builder:
    """The state during the computation of one answer.

    Attributes:
        results: The query results of all series that the answer needs.
        parameters: By name: the values of fields without a binding, and other inputs of bindings.
        tier: The only tier to include; None for all tiers.
        provenance: The provenance recorded so far, by the dotted path of the field.
    """

    results: QueryResults
    parameters: Mapping[str, Any]
    tier: str | None
    provenance: dict[str, Provenance]

    @property
    def config(self) -> Config:
        """The configuration of signalscope, with thresholds and selectors."""
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
        is_lower_bound: bool = False,
    ) -> None:
        """Record the provenance of a value that comes from a series.

        Args:
            path: The dotted path of the field.
            key: The series.
            unit: The unit of the value.
            missing: True if the value is null.
            reason: The reason why it is null; by default the reason in the query result.
            where: The labels that the value was selected with.
            window: Seconds that the value covers; by default those of the series.
            also: Other series from which the value is computed.
            meaning: The meaning of the value; by default the meaning of the series.
            is_lower_bound: True for a quantile that is the highest bucket boundary.
        """
        result = self.results.get(key)
        seconds = result.window_seconds if window is None else window
        self.provenance[path] = Provenance(
            source=result.source,
            series=", ".join((result.series, *(self.results.get(name).series for name in also))),
            unit=unit,
            window_seconds=None if seconds is None else round(seconds, 3),
            meaning=meaning or result.meaning,
            reason=(reason or result.reason or _no_value_for(where or {})) if missing else None,
            is_lower_bound=is_lower_bound,
        )

    def note_process(self, path: str, **provenance: Any) -> None:
        """Record the provenance of a value that comes from this process, even if others are from Prometheus."""
        self.provenance[path] = Provenance(source="process", **({"window_seconds": None} | provenance))


def _no_value_for(labels: Mapping[str, str]) -> str:
    selected = [f"{name} {value!r}" if value else f"the total over {name}" for name, value in labels.items()]
    return f"the source has no value for {' and '.join(selected) or 'this field'}"


class Binding:
    """The annotation of a field of an answer with a function that computes its value.

    Args:
        value: Gets the builder, the dotted path and the field; records the provenance and returns the value.
        *keys: The series that the function needs.
    """

    def __init__(self, value: Callable[[Builder, str, FieldInfo], Any], *keys: str) -> None:
        self.value = value
        self.keys = keys


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """The annotation of a field whose value is a derived series.

    The value is one number or, with ``by``, a mapping from the values of a label to numbers, the greatest first.

    Attributes:
        key: The series.
        unit: The unit of the value.
        by: The label whose values become the keys of the mapping; of several labels, the values are joined.
        where: Include only values with these labels; an empty string selects values without the label.
        factor: The factor from the unit of the series to the unit of the value.
        combine: The function that combines several numbers into one.
        limit: The maximum number of entries of the mapping.
        window: Seconds that the value covers; by default those of the series.
        tier: The series with the label user_tier, for requests that name a tier. Without it, the value is null for
            these requests.
        units: By key of the mapping: a unit that differs from ``unit``.
    """

    key: str
    unit: str
    by: str | tuple[str, ...] | None = None
    where: Mapping[str, str | Callable[[Builder], str]] = field(default_factory=dict)
    factor: float = 1.0
    combine: Combine = math.fsum
    limit: int | None = None
    window: float | None = None
    tier: str | None = None
    units: Mapping[str, str] = field(default_factory=dict)

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of the series that the value needs."""
        return (self.key,) if self.tier is None else (self.key, self.tier)

    def labels(self, builder: Builder) -> dict[str, str]:
        """Return the labels that select the values, with the tier of the request."""
        labels = {name: text(builder) if callable(text) else text for name, text in self.where.items()}
        return labels if builder.tier is None else labels | {"user_tier": builder.tier}

    def is_lower_bound(self, value: float) -> bool:
        """Return True if a value is a quantile in the last bucket, which has no upper boundary."""
        boundary = highest_boundary(self.key)
        return boundary is not None and value >= boundary * self.factor

    def value(self, builder: Builder, path: str, _: FieldInfo | None = None) -> Any:
        """Compute the value and record its provenance."""
        key = self.key if builder.tier is None else self.tier
        if key is None:
            reason = ALL_TIERS_ONLY
            builder.note(path, self.key, self.unit, missing=True, reason=reason, window=self.window)
            return None
        where = self.labels(builder)
        vector = only(builder.vector(key), **where)
        value: Any = None
        if self.by is not None:
            numbers = by_label(vector, self.by, self.combine)
            value = {name: number * self.factor for name, number in [*numbers.items()][: self.limit]} or None
        elif vector:
            value = self.combine(vector.values()) * self.factor
        bounded = isinstance(value, float) and self.is_lower_bound(value)
        builder.note(
            path,
            key,
            self.unit,
            missing=value is None,
            where=where,
            window=self.window,
            is_lower_bound=bounded,
        )
        for name, number in value.items() if isinstance(value, dict) else ():
            if self.is_lower_bound(number):
                builder.note(f"{path}.{name}", key, self.unit, missing=False, is_lower_bound=True)
        for name, unit in self.units.items():
            if value and name in value:
                builder.note(f"{path}.{name}", key, unit, missing=False)
        return value


@functools.cache
def highest_boundary(key: str) -> float | None:
    """Return the highest bucket boundary of the histogram of a quantile; None if the series is not a quantile."""
    row = get(key)
    if not any(isinstance(node, Quantile) for node in row.nodes(Config())):
        return None
    names = {node.name for node in row.reads(Config()) if isinstance(node, Instrument)}
    return max((contract.get(name).buckets or (math.inf,))[-1] for name in names)


class NoValue(NamedTuple):
    """The return value of a computation without a result, with the specific reason."""

    reason: str


def computed(compute: Callable[..., Any], *series: str, unit: str) -> Binding:
    """Bind a field to a function of one or more series.

    Args:
        compute: Gets the configuration and the vector of each series; returns the value, None or `NoValue`.
        *series: The keys of the series.
        unit: The unit of the value.
    """
    key, *also = series

    def value(builder: Builder, path: str, field_info: FieldInfo) -> Any:
        result: Any = compute(builder.config, *map(builder.vector, series))
        result, reason = (None, result.reason) if isinstance(result, NoValue) else (result, None)
        meaning = field_info.description if also else None
        builder.note(path, key, unit, missing=result is None, reason=reason, also=also, meaning=meaning)
        return result

    return Binding(value, *series)


def of_process(series: str, unit: str, meaning: str) -> Binding:
    """Bind a field to a value of this process; `fill` gets the value as a parameter with the name of the field."""

    def value(builder: Builder, path: str, _: FieldInfo) -> Any:
        builder.note_process(path, series=series, unit=unit, meaning=meaning)
        return builder.parameters[path]

    return Binding(value)


def each_tier(model: type[BaseModel], tiers: Callable[[], Iterable[str]]) -> Binding:
    """Bind a field to a mapping from tier to model; `tiers` returns the tiers for requests without a tier."""

    def value(builder: Builder, path: str, _: FieldInfo) -> Any:
        included = tiers() if builder.tier is None else (builder.tier,)
        return {tier: _values(model, replace(builder, tier=tier), f"{path}.{tier}") for tier in included}

    return Binding(value, *keys(model))


def keys(model: type[BaseModel], kind: type[Binding | Series] | None = None) -> list[str]:
    """Return the keys of the series that a model needs; with `kind`, only those of bindings of this class."""
    needed: dict[str, None] = {}
    for field_info in model.model_fields.values():
        binding, part = _binding(field_info), _part(field_info)
        if binding is None:
            needed |= dict.fromkeys(keys(part, kind) if part is not None else ())
        elif kind is None or isinstance(binding, kind):
            needed |= dict.fromkeys(binding.keys)
    return list(needed)


def fill(
    model: type[AnswerT], results: QueryResults, *, tier: str | None = None, **parameters: Any
) -> AnswerT:
    """Compute an answer from query results.

    Args:
        model: The model of the answer.
        results: The query results of `keys(model)`.
        tier: The only tier to include; None for all tiers.
        **parameters: By name: the values of fields without a binding, and other inputs of bindings.
    """
    provenance: dict[str, Provenance] = {}
    head = {
        "timestamp": datetime.fromtimestamp(results.at, UTC),
        "source": Source(name=results.source, description=results.describe()),
        "degraded": results.degraded,
        "problems": results.problems,
        "provenance": provenance,
    }
    builder = Builder(results, {**parameters, **head, "tier": tier}, tier, provenance)
    return model.model_validate(_values(model, builder, ""))


def _values(model: type[BaseModel], builder: Builder, path: str) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, field_info in model.model_fields.items():
        inside = f"{path}.{name}" if path else name
        if (binding := _binding(field_info)) is not None:
            values[name] = binding.value(builder, inside, field_info)
        elif name in builder.parameters:
            values[name] = builder.parameters[name]
        elif name == "window_seconds":
            continue
        elif (part := _part(field_info)) is not None:
            values[name] = _values(part, builder, inside)
    if issubclass(model, Block):
        values["window_seconds"] = _windows(model, values, builder, path)
    return values


def _windows(
    model: type[BaseModel], values: Mapping[str, Any], builder: Builder, path: str
) -> dict[str, float]:
    """Return the windows of the values of a block, by field; a column of a table has the name `table.column`."""
    prefix = f"{path}." if path else ""
    return {
        inside.removeprefix(prefix): entry.window_seconds
        for inside, entry in builder.provenance.items()
        if inside.startswith(prefix)
        and entry.window_seconds is not None
        and entry.reason is None
        and _is_field(inside.removeprefix(prefix), values, model)
    }


def _is_field(name: str, values: Mapping[str, Any], model: type[BaseModel]) -> bool:
    """Return True for a field with a number or numbers by label, and for a column of a table."""
    field_name, _, column = name.partition(".")
    content = values.get(field_name)
    if content is None or not column or _binding(model.model_fields[field_name]) is None:
        return content is not None and not column
    rows = content.values() if isinstance(content, Mapping) else ()
    return any(isinstance(row, Mapping) and column in row and "now" not in row for row in rows)


def _binding(field_info: FieldInfo) -> Binding | Series | None:
    return next((item for item in field_info.metadata if isinstance(item, Binding | Series)), None)


def _part(field_info: FieldInfo) -> type[BaseModel] | None:
    """Return the model of a field if its type is a model."""
    model = field_info.annotation
    return model if isinstance(model, type) and issubclass(model, BaseModel) else None


def by_label(vector: Vector, label: str | tuple[str, ...], combine: Combine = math.fsum) -> dict[str, float]:
    """Combine the numbers of a vector by the values of one or more labels, and sort them, the greatest first."""
    names = (label,) if isinstance(label, str) else label
    numbers = {
        name: number
        for labels, number in summed(vector, *names, how=combine).items()
        if (name := " ".join(filter(None, map(dict(labels).get, names))))
    }
    return dict(sorted(numbers.items(), key=lambda pair: (-pair[1], pair[0])))
