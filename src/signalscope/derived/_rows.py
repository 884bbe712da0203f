"""Rows of the table of derived series, and the recording rules that are written from them.

Example:
    >>> expr = Sum(Series("API_REQUESTS_ALL"), "endpoint")
    >>> series("job_endpoint:requests:rate5m", unit="{request}/s", meaning="Requests.", expr=expr).labels
    ('job', 'endpoint')
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from signalscope import contract
from signalscope.config import Config
from signalscope.contract import Kind
from signalscope.derived._expressions import (
    Expr,
    Increase,
    Instrument,
    Label,
    LabelNames,
    OverTime,
    PromqlOnly,
    Quantile,
    Rate,
    Series,
    walk,
)
from signalscope.derived._operators import Sum
from signalscope.derived._process import Process
from signalscope.derived._promql import Promql
from signalscope.derived._registry import MODULES, DeclaredGroup, get, table
from signalscope.derived._vector import Labels, Vector


@dataclass(frozen=True, slots=True)
class Variant:
    """One of the recording rules of a row.

    Attributes:
        expr: The expression.
        labels: Labels that the rule adds.
    """

    expr: Expr
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Row:
    """One derived series.

    Attributes:
        name: The name in Prometheus; empty if the expression is queried and not recorded.
        unit: The unit, as in the contract: ``s``, ``By``, ``%``, ``{request}/s``; empty for a ratio from 0 to 1.
        meaning: What a value means.
        variants: Returns the expressions of the recording rules for a configuration.
        declared: The labels of the series, if they do not follow from the expression; see `series`.
        read_outside: The reader of the series, if no rule, panel, runbook, KPI or endpoint of this project reads it.
        key: The key that the code uses.
        section: The module of the table.
        interval: The key of ``[pipeline]`` with the seconds between two evaluations.
        is_shared: True if the interval depends on the readers (`signalscope.mixin.evaluation_intervals`).

    Examples:
        >>> from signalscope import derived
        >>> row = derived.get("CACHE_HITS")
        >>> row.labels
        ('job', 'cache_type')
    """

    name: str
    unit: str
    meaning: str
    variants: Callable[[Config], tuple[Variant, ...]]
    declared: str | None = None
    read_outside: str = ""
    key: str = ""
    section: str = ""
    interval: str = ""
    is_shared: bool = False

    @property
    def labels(self) -> tuple[str, ...]:
        """Return the labels that every series has."""
        return _labels(self)[0]

    @property
    def optional(self) -> tuple[str, ...]:
        """Return the labels that only some series have; a series without them is the total of the service."""
        return _labels(self)[1]

    @property
    def all_labels(self) -> frozenset[str]:
        """Return every label that a series may have."""
        return frozenset((*self.labels, *self.optional))

    def local(self, config: Config) -> tuple[Variant, ...]:
        """Return the variants that one process can compute."""
        return tuple(variant for variant in self.variants(config) if is_local(variant.expr, config))

    def is_local(self, config: Config) -> bool:
        """Return True if one process can compute at least one of the variants."""
        return bool(self.local(config)) or not self.variants(config)

    def value(self, process: Process) -> Vector:
        """Return the values of a process.

        Raises:
            NoDataError: The process does not keep the data; the message says why.
        """
        vector: dict[Labels, float] = {}
        for variant in self.local(process.config):
            added = {label: text for label, text in variant.labels.items() if label != "job"}
            vector |= Label(variant.expr, **added).value(process)
        return vector

    def lookback(self, config: Config) -> float:
        """Return the longest time in seconds that it looks back; 0 if it reads only current values."""
        return max((variant.expr.lookback(config) for variant in self.variants(config)), default=0.0)

    def shows_after(self, config: Config) -> float:
        """Return the longest time in seconds until a sudden change shows fully in an evaluation."""
        return max((_shows_after(variant.expr, config) for variant in self.variants(config)), default=0.0)

    def reads(self, config: Config) -> Iterator[Expr]:
        """Yield the nodes that one process computes it from; a node of another row is replaced by the row's nodes."""
        for node in self.nodes(config):
            if isinstance(node, Series):
                yield from get(node.key).reads(config)
            else:
                yield node

    def nodes(self, config: Config) -> Iterator[Expr]:
        """Yield the nodes of the expressions that one process can compute."""
        for variant in self.local(config):
            yield from walk(variant.expr)


@functools.cache
def _labels(row: Row) -> LabelNames:
    """Return the labels that all series of a row have, and the labels that only some series have."""
    if row.declared is None:
        (variant,) = row.variants(Config())
        always, some = variant.expr.labels()
        return ("job", *always), some
    labels = row.declared.split()
    always = tuple(label for label in labels if not label.endswith("?"))
    return always, tuple(label[:-1] for label in labels if label.endswith("?"))


def _shows_after(expr: Expr, config: Config) -> float:
    if isinstance(expr, Series):
        return get(expr.key).shows_after(config)
    if isinstance(expr, PromqlOnly) and expr.shows is not None:
        return expr.shows
    if isinstance(expr, Quantile):  # new values pass it when they are the rest; twice that, since load varies
        return 2 * (1 - expr.q) * _shows_after(expr.buckets, config)
    own = expr.lookback(config) if isinstance(expr, OverTime | PromqlOnly) else 0.0
    return max(own, *(_shows_after(part, config) for part in expr.parts), 0.0)


def is_local(expr: Expr, config: Config) -> bool:
    """Return True if one process can compute an expression."""
    return all(
        get(node.key).is_local(config) if isinstance(node, Series) else not isinstance(node, PromqlOnly)
        for node in walk(expr)
    )


def kept_labels() -> dict[str, tuple[str, ...]]:
    """Return the labels by which a process keeps each counter and histogram.

    They are the labels that the rows read: all other labels are summed up.
    """
    needed: dict[str, set[str]] = {}
    config = Config()
    for row in table()[0].values():
        for variant in row.local(config):
            for name, labels in _needed(variant.expr, None):
                needed.setdefault(name, set()).update(labels)
    return {
        name: tuple(label for label in contract.get(name).attribute_names if label in labels)
        for name, labels in needed.items()
    }


def _needed(expr: Expr, by: tuple[str, ...] | None) -> Iterator[tuple[str, set[str]]]:
    """Yield the instruments below a node and the labels to keep; `by` are the labels of a sum above the node."""
    if isinstance(expr, Instrument):
        instrument = contract.get(expr.name)
        if instrument.kind is not Kind.GAUGE:
            kept = instrument.attribute_names if by is None else by
            yield expr.name, {*kept, *(label for label, _ in expr.matchers)}
        return
    inner = expr.by if isinstance(expr, Sum) else by if isinstance(expr, Rate | Increase) else None
    for part in expr.parts:
        yield from _needed(part, inner)


#: Declares a group in a module of the table: ``group("api", "recording", {"API_P95": series(…)})``.
group = DeclaredGroup


def series(
    name: str,
    *,
    unit: str,
    meaning: str,
    expr: Expr | None = None,
    variants: Callable[[Config], Iterable[Variant]] | None = None,
    labels: str | None = None,
    read_outside: str = "",
) -> Row:
    """Declare a derived series that Prometheus records.

    Args:
        name: As for `Row`.
        unit: As for `Row`.
        meaning: As for `Row`.
        expr: The expression, if the row has one recording rule.
        variants: Returns the expressions, if the row has several rules, or rules that depend on the configuration.
        labels: The labels of the series, separated by spaces. A ``?`` marks a label that only some series have. The
            default is the labels of the expression; with `variants` it is required.
        read_outside: As for `Row`.
    """
    if expr is not None:
        only = (Variant(expr),)
        return Row(name, unit, meaning, lambda _: only, labels, read_outside)
    assert variants is not None, f"{name}: set expr or variants"
    assert labels is not None, f"{name}: set labels"
    make = variants
    return Row(name, unit, meaning, lambda config: tuple(make(config)), labels, read_outside)


def asked(*, unit: str, meaning: str, expr: Expr) -> Row:
    """Declare an expression that is queried from Prometheus and not recorded; the arguments are those of `series`."""
    return series("", unit=unit, meaning=meaning, expr=expr)


@dataclass(frozen=True, slots=True)
class Rule:
    """One recording rule.

    Attributes:
        key: The key of the row.
        record: The name of the series.
        expr: The PromQL expression.
        labels: Labels that the rule adds.
        reads: Keys of the derived series that the expression reads.
        reads_instruments: True if it reads series of instruments, which every process exports.

    Examples:
        >>> from signalscope import derived
        >>> from signalscope.config import Config
        >>> derived.groups(Config(), "recordings")[0].rules[0].record
        'job:up:max'
    """

    key: str
    record: str
    expr: str
    labels: Mapping[str, str] = field(default_factory=dict)
    reads: frozenset[str] = frozenset()
    reads_instruments: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    """Rules that Prometheus evaluates one after the other.

    Attributes:
        name: The name, without the prefix ``signalscope-`` that the generated file has.
        interval: Seconds between two evaluations.
        rules: The rules; a rule reads the new values of the rules before it.
        fixed: True if the interval does not depend on the readers (`signalscope.mixin.evaluation_intervals`).

    Examples:
        >>> from signalscope import derived
        >>> from signalscope.config import Config
        >>> derived.groups(Config(), "recordings")[0].interval
        5
    """

    name: str
    interval: int
    rules: tuple[Rule, ...]
    fixed: bool = False


def groups(config: Config, *files: str) -> list[Group]:
    """Return the groups of recording rules.

    Args:
        config: The configuration.
        files: The files to include: ``recordings``, ``slos`` and ``insight``; all by default.

    Examples:
        >>> from signalscope import derived
        >>> from signalscope.config import Config
        >>> derived.groups(Config(), "recordings")[0].name
        'up'
    """
    return [
        Group(
            declared.name,
            getattr(config.pipeline, declared.interval),
            tuple(_rules(declared, config)),
            declared.fixed,
        )
        for file in files or MODULES
        for declared in table()[1][file]
    ]


def _rules(declared: DeclaredGroup, config: Config) -> Iterator[Rule]:
    by_row = [
        [_rule(row, variant, config) for variant in row.variants(config)] for row in declared.rows.values()
    ]
    for side_by_side in zip(*by_row[: declared.together], strict=True):
        yield from side_by_side
    for rules in by_row[declared.together :]:
        yield from rules


def _rule(row: Row, variant: Variant, config: Config) -> Rule:
    ask = Promql(config)
    text = variant.expr.promql(ask)
    return Rule(row.key, row.name, text, variant.labels, frozenset(ask.series), bool(ask.instruments))
