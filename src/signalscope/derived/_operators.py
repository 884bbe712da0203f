"""Aggregations and binary operators, with PromQL's matching of labels."""

from __future__ import annotations

import math
import operator
import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Literal

from signalscope.derived import _vector as vectors
from signalscope.derived._expressions import Constant, Expr, LabelNames, Parens, Setting
from signalscope.derived._promql import Promql
from signalscope.derived._vector import Labels, Vector

if TYPE_CHECKING:
    from signalscope.derived._process import Process


@dataclass(frozen=True, slots=True, init=False)
class _Aggregation(Expr):
    """One value for each set of the labels that are kept; ``job`` always is."""

    inner: Expr
    by: tuple[str, ...]
    function: ClassVar[str]
    combined: ClassVar[Callable[..., float]]

    def __init__(self, inner: Expr, *by: str) -> None:
        object.__setattr__(self, "inner", inner)
        object.__setattr__(self, "by", by)

    def promql(self, ask: Promql) -> str:
        return self._around(ask, self.inner.promql(ask))

    def _around(self, ask: Promql, text: str) -> str:
        # Buckets are series in classic histograms only.
        kept = ask.by(*(label for label in self.by if label != "le" or not ask.native))
        return f"{self.function} {kept} ({text})"

    def value(self, process: Process) -> Vector:
        vector = vectors.summed(self.inner.value(process), *self.by, how=type(self).combined)
        return process.named(vector) if "instance" in self.by else vector

    def labels(self) -> LabelNames:
        always, some = self.inner.labels()
        optional = tuple(label for label in self.by if label in some and label not in always)
        return tuple(label for label in self.by if label not in optional), optional


class Sum(_Aggregation):
    """The sum; of parts of native histograms, the part of their sum."""

    function = "sum"
    combined = staticmethod(math.fsum)

    def promql(self, ask: Promql) -> str:
        return self.inner.promql_around(ask, partial(self._around, ask))


class Max(_Aggregation):
    """The greatest value."""

    function = "max"
    combined = staticmethod(max)


class Min(_Aggregation):
    """The least value."""

    function = "min"
    combined = staticmethod(min)


class Avg(_Aggregation):
    """The mean."""

    function = "avg"
    combined = staticmethod(statistics.fmean)


@dataclass(frozen=True, slots=True)
class Lowest(Expr):
    """The series with the least value."""

    inner: Expr

    def promql(self, ask: Promql) -> str:
        return f"bottomk {ask.by()} (1, {self.inner.promql(ask)})"

    def value(self, process: Process) -> Vector:
        vector = self.inner.value(process)
        return dict([min(vector.items(), key=lambda item: (item[1], item[0]))]) if vector else {}


@dataclass(frozen=True, slots=True)
class On:
    """The labels by which two sides are matched, beside ``job``; by default all labels.

    Attributes:
        labels: The labels.
        group: The side that may have several series for one series of the opposite side.
    """

    labels: tuple[str, ...] = ()
    group: Literal["", "left", "right"] = ""

    def promql(self, ask: Promql) -> str:
        """Return the clause in PromQL, with a blank at its end."""
        group = f"group_{self.group} () " if self.group else ""
        return f"{ask.on(*self.labels)} {group}"


def _divided(dividend: float, divisor: float) -> float:
    if divisor:
        return dividend / divisor
    return math.nan if not dividend or math.isnan(dividend) else math.copysign(math.inf, dividend)


_ARITHMETIC: Mapping[str, tuple[int, Callable[[float, float], float]]] = {
    "*": (7, operator.mul),
    "/": (7, _divided),
    "+": (6, operator.add),
    "-": (6, operator.sub),
}
_BINDINGS = {sign: binding for sign, (binding, _) in _ARITHMETIC.items()} | {">": 5, "unless": 4, "or": 3}


@dataclass(frozen=True, slots=True)
class _Binary(Expr):
    """Two sides and an operator."""

    sign: str
    left: Expr
    right: Expr
    on: On | None = None

    @property
    def binding(self) -> int:  # type: ignore[override]  # it follows from the operator
        """As PromQL binds it."""
        return _BINDINGS[self.sign]

    def promql(self, ask: Promql) -> str:
        on = self.on.promql(ask) if self.on is not None else ""
        left, right = self._side(self.left, ask, 0), self._side(self.right, ask, 1)
        return f"{left} {self.sign} {on}{right}"

    def _side(self, side: Expr, ask: Promql, more: int) -> str:
        text = side.promql(ask)
        return text if side.binding >= self.binding + more else f"({text})"

    def value(self, process: Process) -> Vector:
        left, right = self.left.value(process), self.right.value(process)
        if self.sign == "or":
            known = {self._key(labels) for labels in left}
            added = {labels: value for labels, value in right.items() if self._key(labels) not in known}
            return {**left, **added}
        if self.sign == "unless":
            known = {self._key(labels) for labels in right}
            return {labels: value for labels, value in left.items() if self._key(labels) not in known}
        if self.sign == ">":
            return {labels: value for labels, value in left.items() if value > right[()]}
        calculate = _ARITHMETIC[self.sign][1]
        if isinstance(self.left, Constant):
            return {labels: calculate(left[()], value) for labels, value in right.items()}
        if isinstance(self.right, Constant):
            return {labels: calculate(value, right[()]) for labels, value in left.items()}
        group = self.on.group if self.on is not None else "left"
        one_side, many = (left, right) if group == "right" else (right, left)
        partners = {self._key(labels): value for labels, value in one_side.items()}
        results: dict[Labels, float] = {}
        for labels, value in many.items():
            key = self._key(labels)
            if key in partners:
                sides = (partners[key], value) if group == "right" else (value, partners[key])
                results[labels if group else key] = calculate(*sides)
        return results

    def _key(self, labels: Labels) -> Labels:
        return labels if self.on is None else tuple(pair for pair in labels if pair[0] in self.on.labels)

    def labels(self) -> LabelNames:
        if self.sign == "or":
            left, right = self.left.labels(), self.right.labels()
            every = tuple(dict.fromkeys((*left[0], *left[1], *right[0], *right[1])))
            always = tuple(label for label in every if label in left[0] and label in right[0])
            return always, tuple(label for label in every if label not in always)
        if isinstance(self.left, Constant):
            return self.right.labels()
        if self.on is None or self.on.group == "left" or self.sign == "unless":
            return self.left.labels()
        return self.right.labels() if self.on.group == "right" else (self.on.labels, ())


Number = float | Setting


def Scale(inner: Expr, factor: Number = 1.0, *, by: Number | None = None) -> Expr:  # noqa: N802  # reads as a node
    """Values times a factor; or, with `by`, divided by one."""
    return _Binary("*", Constant(factor), inner) if by is None else _Binary("/", inner, Constant(by))


def ratio_to(target: Number, inner: Expr) -> Expr:
    """A target divided by the values."""
    return _Binary("/", Constant(target), inner)


#: Products and sums, and the series of the left side that the right side does not have.
Times, Plus, Unless = (partial(_Binary, sign) for sign in ("*", "+", "unless"))


def Per(dividend: Expr, divisor: Expr, on: On | None = None) -> Expr:  # noqa: N802  # reads as a node
    """Quotients; absent where there is no divisor above zero."""
    return _Binary("/", dividend, Above(divisor, 0), on)


def Ratio(part: Expr, whole: Expr) -> Expr:  # noqa: N802  # reads as a node
    """A ratio of 0 to 1: absent while there is no whole, 0 while there is a whole and no part."""
    return Per(Union(part, Scale(whole, 0)), whole)


def Percentage(part: Expr, whole: Expr) -> Expr:  # noqa: N802  # reads as a node
    """A ratio as a percentage."""
    return Per(Scale(Union(part, Scale(whole, 0)), 100), whole)


def Minus(left: Expr | float, right: Expr, on: On | None = None) -> Expr:  # noqa: N802  # reads as a node
    """Differences."""
    return _Binary("-", left if isinstance(left, Expr) else Constant(left), right, on)


def Above(inner: Expr, limit: Number) -> Expr:  # noqa: N802  # reads as a node
    """The values above a limit."""
    return _Binary(">", inner, Constant(limit))


def Union(first: Expr, *more: Expr, on: On | None = None) -> Expr:  # noqa: N802  # reads as a node
    """Series of the first, and those of the others whose labels it does not have."""
    for expr in more:
        first = _Binary("or", first, expr, on)
    return first


def total_and_by(label: str, make: Callable[[tuple[str, ...]], Expr]) -> Expr:
    """A number of the whole service, without the label, and of each value of the label."""
    return Union(Parens(make(())), Parens(make((label,))))
