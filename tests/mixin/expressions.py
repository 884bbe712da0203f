"""Series and labels of PromQL expressions, found with a parser."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import promql_parser as promql

from signalscope import contract, derived
from signalscope.mixin.alerts.telemetry import OWN_METRICS

__all__ = ["UnknownError", "labels_of", "names_in", "selectors"]

_AND, _UNLESS, _OR = "and", "unless", "or"
_CARDINALITY = promql.VectorMatchCardinality
_KEEP_ALL = {"topk", "bottomk"}


class UnknownError(Exception):
    """An expression uses an unknown metric or label."""


@dataclass(frozen=True)
class _Known:
    """The labels of all known series."""

    labels: dict[str, frozenset[str]]


def _known() -> _Known:
    labels_by_name: dict[str, frozenset[str]] = dict(OWN_METRICS)
    for one in contract.instruments():
        own = frozenset({"job", "instance", "process", *one.attribute_names})
        for name in one.series_names:
            labels_by_name[name] = own | ({"le"} if name.endswith("_bucket") else set())
    for row in derived.all_series():
        labels_by_name[row.name] = row.all_labels
    return _Known(labels_by_name)


def selectors(expression: str) -> Iterator[promql.VectorSelector]:
    """Yield the selectors of an expression."""
    yield from _selectors(promql.parse(expression))


def names_in(expression: str) -> set[str]:
    """Return the names of the series that an expression selects."""
    return {selector.name for selector in selectors(expression) if selector.name}


def labels_of(expression: str) -> frozenset[str]:
    """Return all labels that a series of the result may have.

    Raises:
        UnknownError: A metric or label does not exist, or two sides can never match.
    """
    return _Labels(_known().labels, expression).resolve(promql.parse(expression)) or frozenset()


def _selectors(node: promql.Expr) -> Iterator[promql.VectorSelector]:
    if isinstance(node, promql.VectorSelector):
        yield node
    elif isinstance(node, promql.MatrixSelector):
        yield node.vector_selector
    else:
        for child in _children(node):
            yield from _selectors(child)


def _children(node: promql.Expr) -> list[promql.Expr]:
    if isinstance(node, promql.BinaryExpr):
        return [node.lhs, node.rhs]
    if isinstance(node, promql.Call):
        return list(node.args)
    if isinstance(node, promql.AggregateExpr | promql.ParenExpr | promql.SubqueryExpr | promql.UnaryExpr):
        return [node.expr]
    return []


class _Labels:
    """Resolver of the labels of a result; None stands for a number."""

    def __init__(self, known: dict[str, frozenset[str]], expression: str) -> None:
        self._known = known
        self._expression = expression

    def resolve(self, node: promql.Expr) -> frozenset[str] | None:
        if isinstance(node, promql.NumberLiteral | promql.StringLiteral):
            return None
        if isinstance(node, promql.VectorSelector):
            return self._selected(node)
        if isinstance(node, promql.MatrixSelector):
            return self._selected(node.vector_selector)
        if isinstance(node, promql.AggregateExpr):
            return self._aggregate(node)
        if isinstance(node, promql.Call):
            return self._call(node)
        if isinstance(node, promql.BinaryExpr):
            return self._binary(node)
        (child,) = _children(node)
        return self.resolve(child)

    def _fail(self, message: str) -> UnknownError:
        return UnknownError(f"{message} in {self._expression}")

    def _selected(self, node: promql.VectorSelector) -> frozenset[str]:
        matched = {matcher.name for matcher in node.matchers.matchers} - {"__name__"}
        if node.name is None:  # metrics of the Collector, selected with a regular expression
            return frozenset({"job", "instance", "receiver", "exporter", "__name__", *matched})
        if node.name not in self._known:
            raise self._fail(f"nothing has the name {node.name}")
        if unknown := matched - self._known[node.name]:
            raise self._fail(f"{node.name} has no label {', '.join(unknown)}")
        return self._known[node.name]

    def _aggregate(self, node: promql.AggregateExpr) -> frozenset[str]:
        inner = self.resolve(node.expr) or frozenset()
        if node.modifier is None:
            return inner if str(node.op) in _KEEP_ALL else frozenset()
        named = frozenset(node.modifier.labels)
        if unknown := named - inner:
            raise self._fail(f"there is no label {', '.join(unknown)} to aggregate by")
        if str(node.op) in _KEEP_ALL:
            return inner
        return named if node.modifier.type == promql.AggModifierType.By else inner - named

    def _call(self, node: promql.Call) -> frozenset[str] | None:
        name = node.func.name
        if name == "time":
            return None
        if name == "vector":
            return frozenset()
        if name == "absent":
            (selector,) = _selectors(node.args[0])
            self._selected(selector)
            return frozenset(
                matcher.name for matcher in selector.matchers.matchers if matcher.op == promql.MatchOp.Equal
            )
        argument_labels = next(
            (labels for argument in node.args if (labels := self.resolve(argument)) is not None), None
        )
        if name == "label_replace" and argument_labels is not None:
            target, _, source, _ = (argument.val for argument in node.args[1:])
            if source and source not in argument_labels:
                raise self._fail(f"there is no label {source} to copy")
            return argument_labels | {target}
        if name == "histogram_quantile" and argument_labels is not None:
            if "le" not in argument_labels:
                raise self._fail("there is no label le")
            return argument_labels - {"le"}
        return argument_labels

    def _binary(self, node: promql.BinaryExpr) -> frozenset[str] | None:
        left, right = self.resolve(node.lhs), self.resolve(node.rhs)
        if left is None or right is None:
            return right if left is None else left
        operator, modifier = str(node.op), node.modifier
        if operator == _OR:
            return left | right
        matching = modifier.matching if modifier else None
        if matching is not None and matching.type == promql.LabelModifierType.Include:
            on = frozenset(matching.labels)
            if unknown := on - (left & right):
                raise self._fail(f"there is no label {', '.join(unknown)} on both sides")
        elif matching is None and left != right:
            raise self._fail(f"sides with labels {sorted(left)} and {sorted(right)} do not match")
        if operator in {_AND, _UNLESS} or modifier is None:
            return left
        if modifier.card == _CARDINALITY.ManyToOne:
            return left | frozenset(modifier.group_labels or ())
        if modifier.card == _CARDINALITY.OneToMany:
            return right | frozenset(modifier.group_labels or ())
        return on if matching is not None and matching.type == promql.LabelModifierType.Include else left
