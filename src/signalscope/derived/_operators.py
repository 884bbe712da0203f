"""Aggregations and binary operators, which match labels as PromQL does.

Example:
    >>> from signalscope.config import Config
    >>> from signalscope.derived._expressions import Series
    >>> print(Max(Series("CPU"), "instance").promql(Promql(Config())))
    max by (job, instance) (instance:process_cpu_utilization:ratio{job="signal-service"})
"""

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
    """One value for each combination of the labels in `by`, beside ``job`` and the labels of the scope."""

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
        # Only classic histograms have the label `le`.
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
    """The sum. For native histograms it is the count, the sum or a bucket of the summed histogram."""

    function = "sum"
    combined = staticmethod(math.fsum)

    def promql(self, ask: Promql) -> str:
        return self.inner.promql_around(ask, partial(self._around, ask))


class Max(_Aggregation):
    """The highest value."""

    function = "max"
    combined = staticmethod(max)


class Min(_Aggregation):
    """The lowest value."""

    function = "min"
    combined = staticmethod(min)


class Avg(_Aggregation):
    """The mean."""

    function = "avg"
    combined = staticmethod(statistics.fmean)


@dataclass(frozen=True, slots=True)
class Lowest(Expr):
    """The series with the lowest value."""

    inner: Expr

    def promql(self, ask: Promql) -> str:
        return f"bottomk {ask.by()} (1, {self.inner.promql(ask)})"

    def value(self, process: Process) -> Vector:
        vector = self.inner.value(process)
        return dict([min(vector.items(), key=lambda item: (item[1], item[0]))]) if vector else {}


@dataclass(frozen=True, slots=True)
class On:
    """The labels that must be equal on both sides of an operator, beside ``job`` and the labels of the scope.

    An operator without `On` compares all labels.

    Attributes:
        labels: The labels.
        group: The side that may have several series for one series of the opposite side; empty if no side may.

    Example:
        >>> from signalscope.config import Config
        >>> On(("service_name",), "left").promql(Promql(Config()))
        'on (job, service_name) group_left () '
    """

    labels: tuple[str, ...] = ()
    group: Literal["", "left", "right"] = ""

    def promql(self, ask: Promql) -> str:
        """Return the clause in PromQL, with a space at its end."""
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
    """An operator with two operands."""

    sign: str
    left: Expr
    right: Expr
    on: On | None = None

    @property
    def binding(self) -> int:  # type: ignore[override]  # it depends on the operator
        return _BINDINGS[self.sign]

    def promql(self, ask: Promql) -> str:
        on = self.on.promql(ask) if self.on is not None else ""
        left, right = self._side(self.left, ask, 0), self._side(self.right, ask, 1)
        return f"{left} {self.sign} {on}{right}"

    def _side(self, side: Expr, ask: Promql, extra_binding: int) -> str:
        text = side.promql(ask)
        return text if side.binding >= self.binding + extra_binding else f"({text})"

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
            names = tuple(dict.fromkeys((*left[0], *left[1], *right[0], *right[1])))
            always = tuple(label for label in names if label in left[0] and label in right[0])
            return always, tuple(label for label in names if label not in always)
        if isinstance(self.left, Constant):
            return self.right.labels()
        if self.on is None or self.on.group == "left" or self.sign == "unless":
            return self.left.labels()
        return self.right.labels() if self.on.group == "right" else (self.on.labels, ())


Number = float | Setting


def Scale(inner: Expr, factor: Number = 1.0, *, by: Number | None = None) -> Expr:  # noqa: N802  # reads as a node
    """Multiply values by a factor, or divide them by `by`."""
    return _Binary("*", Constant(factor), inner) if by is None else _Binary("/", inner, Constant(by))


def ratio_to(target: Number, inner: Expr) -> Expr:
    """Divide a target by the values."""
    return _Binary("/", Constant(target), inner)


#: Products, sums, and the series of the left operand that have no partner in the right operand.
Times, Plus, Unless = (partial(_Binary, sign) for sign in ("*", "+", "unless"))


def Per(dividend: Expr, divisor: Expr, on: On | None = None) -> Expr:  # noqa: N802  # reads as a node
    """Divide values; the result is absent where the divisor is absent or not above zero."""
    return _Binary("/", dividend, Above(divisor, 0), on)


def Ratio(part: Expr, whole: Expr) -> Expr:  # noqa: N802  # reads as a node
    """Return a ratio from 0 to 1: absent while the whole is absent or 0, and 0 while only the part is absent."""
    return Per(Union(part, Scale(whole, 0)), whole)


def Percentage(part: Expr, whole: Expr) -> Expr:  # noqa: N802  # reads as a node
    """Return the ratio of a part to a whole as a percentage, as `Ratio` does."""
    return Per(Scale(Union(part, Scale(whole, 0)), 100), whole)


def Minus(left: Expr | float, right: Expr, on: On | None = None) -> Expr:  # noqa: N802  # reads as a node
    """Subtract values."""
    return _Binary("-", left if isinstance(left, Expr) else Constant(left), right, on)


def Above(inner: Expr, limit: Number) -> Expr:  # noqa: N802  # reads as a node
    """Keep the values above a limit."""
    return _Binary(">", inner, Constant(limit))


def Union(first: Expr, *more: Expr, on: On | None = None) -> Expr:  # noqa: N802  # reads as a node
    """Return the series of the first operand, then series of the others whose labels are new.

    Args:
        first: The first operand.
        more: The other operands.
        on: The labels to compare; all labels by default.
    """
    for expr in more:
        first = _Binary("or", first, expr, on)
    return first


def total_and_by(label: str, make: Callable[[tuple[str, ...]], Expr]) -> Expr:
    """Return the value of the whole service, without the label, and the value for each value of the label.

    Args:
        label: The label.
        make: Creates the expression for the labels to keep.

    Example:
        >>> from signalscope.derived._expressions import Series
        >>> total_and_by("endpoint", lambda by: Sum(Series("API_REQUESTS_ALL"), *by)).labels()
        ((), ('endpoint',))
    """
    return Union(Parens(make(())), Parens(make((label,))))
