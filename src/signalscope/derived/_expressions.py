"""Expressions of derived numbers: one tree, read as PromQL and computed in this process.

A node is immutable. `Expr.promql` gives the text of a recording rule, `Expr.value` the values of one process. What
a tree reads, how far it looks back and which labels it has follow from its nodes::

    Ratio(Sum(Series("GREEKS_OPTIONS_TYPE", vectorized="true")), Sum(Series("GREEKS_OPTIONS_TYPE")))

Numbers, windows and label values that users configure are a `Setting`: a dotted path into the configuration. Only
Prometheus knows the label ``job``, so values of a process come without it.
"""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from signalscope import contract
from signalscope.config import Config
from signalscope.config.defaults import HOUR_SECONDS, RATE_SECONDS
from signalscope.contract import Kind
from signalscope.derived import _vector as vectors
from signalscope.derived._promql import Promql, duration, literal
from signalscope.derived._vector import Vector

if TYPE_CHECKING:
    from signalscope.derived._process import Process

#: How strongly an operator binds in PromQL; a function call binds most.
CALL = 9


@dataclass(frozen=True, slots=True)
class Setting:
    """A value of the configuration, by its dotted path: ``Setting("thresholds.memory_bytes")``."""

    path: str

    def of(self, config: Config) -> Any:
        """The value in a configuration."""
        value: Any = config
        for name in self.path.split("."):
            value = getattr(value, name)
        return value


def resolved(value: Any, config: Config) -> Any:
    """A value that may be a `Setting`."""
    return value.of(config) if isinstance(value, Setting) else value


@dataclass(frozen=True, slots=True)
class Match:
    """What a label must be.

    Attributes:
        operator: ``=``, ``!=``, ``=~`` or ``!~``.
        wanted: A text; for ``=~`` and ``!~`` a regular expression, or texts of which the label must be one.
    """

    operator: str
    wanted: str | float | tuple[str, ...] | Setting

    def promql(self, label: str, config: Config) -> str:
        """The matcher in PromQL."""
        return f'{label}{self.operator}"{self._pattern(config)}"'

    def accepts(self, found: str, config: Config) -> bool:
        """Return True if a label's value matches; an absent label is the empty text."""
        pattern = self._pattern(config)
        is_equal = (
            re.fullmatch(pattern.replace("\\\\", "\\"), found) is not None
            if "~" in self.operator
            else found == pattern
        )
        return is_equal != self.operator.startswith("!")

    def _pattern(self, config: Config) -> str:
        wanted = resolved(self.wanted, config)
        return wanted if isinstance(wanted, str) else "|".join(map(literal, wanted))


@dataclass(frozen=True, slots=True)
class _Boundary(Match):
    """The bucket of a boundary, as Prometheus 2 and 3 write it."""

    def promql(self, label: str, config: Config) -> str:
        boundary = resolved(self.wanted, config)
        return (
            f'{label}="{boundary:g}"'
            if boundary != int(boundary)
            else f'{label}=~"{boundary:g}|{boundary:g}[.]0"'
        )

    def accepts(self, found: str, config: Config) -> bool:
        return bool(float(found) == resolved(self.wanted, config))


def one_of(*texts: str) -> Match:
    """Match one of some texts, written as they are."""
    return Match("=~", "|".join(texts))


def matches(pattern: str | Setting) -> Match:
    """Match a regular expression; a setting that is a list matches any of its texts."""
    return Match("=~", pattern)


def matches_not(pattern: str | Setting) -> Match:
    """Match what a regular expression does not."""
    return Match("!~", pattern)


def is_not(text: str) -> Match:
    """Match every other text."""
    return Match("!=", text)


Wanted = str | float | Setting | Match


def _matchers(wanted: dict[str, Wanted]) -> tuple[tuple[str, Match], ...]:
    def match(label: str, value: Wanted) -> Match:
        if isinstance(value, Match):
            return value
        return _Boundary("=", value) if label == "le" else Match("=", value)

    return tuple((label, match(label, value)) for label, value in wanted.items())


def _filtered(vector: Vector, matchers: Iterable[tuple[str, Match]], config: Config) -> Vector:
    matchers = tuple(matchers)
    if not matchers:
        return vector
    return {
        labels: value
        for labels, value in vector.items()
        if all(match.accepts(dict(labels).get(name, ""), config) for name, match in matchers)
    }


class Expr:
    """A node of an expression tree.

    Attributes:
        binding: How strongly its outermost operator binds, for parentheses in PromQL.
    """

    binding: int = CALL

    @property
    def parts(self) -> tuple[Expr, ...]:
        """The nodes right below this one."""
        return ()

    @abstractmethod
    def promql(self, ask: Promql) -> str:
        """The expression in PromQL.

        Args:
            ask: Renders names of instruments and series, and notes which were read.
        """

    @abstractmethod
    def value(self, process: Process) -> Vector:
        """The values of a process.

        Args:
            process: One moment of it.

        Raises:
            NoDataError: The process does not keep what is read; the message says why.
        """

    def labels(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The labels that every series of it has, without ``job``, and those that only some have."""
        return self.parts[0].labels() if self.parts else ((), ())

    def lookback(self, config: Config) -> float:
        """How many seconds it looks back; 0 for values of now."""
        return max((part.lookback(config) for part in self.parts), default=0.0)


def walk(expr: Expr) -> Iterator[Expr]:
    """A node and all below it."""
    yield expr
    for part in expr.parts:
        yield from walk(part)


@dataclass(frozen=True, slots=True, init=False)
class Instrument(Expr):
    """The series of an instrument of the contract.

    Args:
        name: Its OpenTelemetry name.
        part: Of a histogram: ``count``, ``sum`` or ``bucket``.
        wanted: What labels must be; ``le`` is a bucket boundary.
    """

    name: str
    part: str
    matchers: tuple[tuple[str, Match], ...]

    def __init__(self, name: str, part: str = "", **wanted: Wanted) -> None:
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "part", part)
        object.__setattr__(self, "matchers", _matchers(wanted))

    def promql(self, ask: Promql) -> str:
        matchers = (match.promql(label, ask.config) for label, match in self.matchers)
        return ask.raw(self.name, *matchers, suffix=f"_{self.part}" if self.part else "")

    def value(self, process: Process) -> Vector:
        is_gauge = contract.get(self.name).kind is Kind.GAUGE
        vector = process.gauge(self.name) if is_gauge else process.total(self.name)
        return _filtered(vector, self.matchers, process.config)

    def increase(self, process: Process, seconds: float) -> Vector:
        """How much the series grew in a window."""
        return _filtered(process.increase(self.name, self.part, seconds), self.matchers, process.config)

    def labels(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        return (*contract.get(self.name).attribute_names, *(("le",) if self.part == "bucket" else ())), ()


@dataclass(frozen=True, slots=True, init=False)
class Series(Expr):
    """Another row of the table.

    Args:
        key: Its key.
        wanted: What labels must be; an empty text matches series without the label.
    """

    key: str
    matchers: tuple[tuple[str, Match], ...]

    def __init__(self, key: str, **wanted: Wanted) -> None:
        object.__setattr__(self, "key", key)
        object.__setattr__(self, "matchers", _matchers(wanted))

    def promql(self, ask: Promql) -> str:
        return ask.of(self.key, *(match.promql(label, ask.config) for label, match in self.matchers))

    def value(self, process: Process) -> Vector:
        return _filtered(process.row(self.key), self.matchers, process.config)

    def labels(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        row = _row(self.key)
        return tuple(label for label in row.labels if label != "job"), row.optional

    def lookback(self, config: Config) -> float:
        return float(_row(self.key).lookback(config))


class Anywhere(Series):
    """Another row whose job need not be matched: the configuration alone decides it."""

    def promql(self, ask: Promql) -> str:
        return ask.name(self.key)


def _row(key: str) -> Any:
    from signalscope.derived._rows import get  # noqa: PLC0415  # rows are made of nodes

    return get(key)


@dataclass(frozen=True, slots=True)
class OverTime(Expr):
    """A function of a range: `over` seconds, or a setting."""

    inner: Instrument | Series
    over: float | Setting = RATE_SECONDS
    function = ""

    @property
    def parts(self) -> tuple[Expr, ...]:
        return (self.inner,)

    def promql(self, ask: Promql) -> str:
        return f"{self.function}({self.inner.promql(ask)}[{duration(resolved(self.over, ask.config))}])"

    def lookback(self, config: Config) -> float:
        return float(resolved(self.over, config))


@dataclass(frozen=True, slots=True)
class Rate(OverTime):
    """What there is each second."""

    inner: Instrument
    function = "rate"

    def value(self, process: Process) -> Vector:
        over = self.lookback(process.config)
        seconds = process.seconds(over, self.inner.name)
        return vectors.scaled(self.inner.increase(process, over), 1 / seconds) if seconds > 0 else {}


@dataclass(frozen=True, slots=True)
class Increase(OverTime):
    """How much there was in the window."""

    inner: Instrument
    over: float | Setting = HOUR_SECONDS
    function = "increase"

    def value(self, process: Process) -> Vector:
        return self.inner.increase(process, self.lookback(process.config))


@dataclass(frozen=True, slots=True)
class AvgOverTime(OverTime):
    """The mean of gauges over a window; a process has at most the last ten minutes."""

    function = "avg_over_time"

    def value(self, process: Process) -> Vector:
        return process.mean(self.inner.value, self.lookback(process.config))


@dataclass(frozen=True, slots=True)
class Quantile(Expr):
    """A quantile of a histogram's buckets; absent while nothing is counted in them."""

    q: float
    buckets: Expr
    binding = 5

    @property
    def parts(self) -> tuple[Expr, ...]:
        return (self.buckets,)

    def promql(self, ask: Promql) -> str:
        return f"histogram_quantile({self.q:g}, {self.buckets.promql(ask)}) >= 0"

    def value(self, process: Process) -> Vector:
        return vectors.quantiles(self.q, self.buckets.value(process))

    def labels(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        always, some = self.buckets.labels()
        return tuple(label for label in always if label != "le"), some


@dataclass(frozen=True, slots=True)
class Clamp(Expr):
    """Values within limits."""

    inner: Expr
    low: float = 0
    high: float = 1

    @property
    def parts(self) -> tuple[Expr, ...]:
        return (self.inner,)

    def promql(self, ask: Promql) -> str:
        return f"clamp({self.inner.promql(ask)}, {self.low:.12g}, {self.high:.12g})"

    def value(self, process: Process) -> Vector:
        return vectors.clamp(self.inner.value(process), self.low, self.high)


@dataclass(frozen=True, slots=True)
class _LabelReplace(Expr):
    """A label is set where another one matches."""

    inner: Expr
    label: str
    to: str
    source: str = ""
    pattern: str = ""

    @property
    def parts(self) -> tuple[Expr, ...]:
        return (self.inner,)

    def promql(self, ask: Promql) -> str:
        inner = self.inner.promql(ask)
        return f'label_replace({inner}, "{self.label}", "{self.to}", "{self.source}", "{self.pattern}")'

    def value(self, process: Process) -> Vector:
        pattern = re.compile(self.pattern.replace("\\\\", "\\"))
        replaced: dict[vectors.Labels, float] = {}
        for labels, value in self.inner.value(process).items():
            found = pattern.fullmatch(dict(labels).get(self.source, ""))
            if found is None:
                replaced[labels] = value
                continue
            to = self.to.replace("$1", found.group(1)) if found.groups() else self.to.replace("$$", "$")
            replaced[vectors.labels(**dict(labels) | {self.label: to})] = value
        return replaced

    def labels(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        always, some = self.inner.labels()
        return tuple(dict.fromkeys((*always, self.label))), some


def Label(inner: Expr, **labels: str) -> Expr:  # noqa: N802  # reads as a node
    """Series get labels that they did not have."""
    for label, value in labels.items():
        inner = _LabelReplace(inner, label, value)
    return inner


def Copy(inner: Expr, label: str, source: str) -> Expr:  # noqa: N802  # reads as a node
    """A label gets the value of another one."""
    return _LabelReplace(inner, label, "$1", source, "(.*)")


def Relabel(inner: Expr, label: str, to: str, source: str, text: str) -> Expr:  # noqa: N802  # reads as a node
    """A label gets a value where another one is exactly a text."""
    return _LabelReplace(inner, label, to.replace("$", "$$"), source, literal(text))


@dataclass(frozen=True, slots=True)
class Parens(Expr):
    """Parentheses that PromQL does not need and readers do."""

    inner: Expr

    @property
    def parts(self) -> tuple[Expr, ...]:
        return (self.inner,)

    def promql(self, ask: Promql) -> str:
        return f"({self.inner.promql(ask)})"

    def value(self, process: Process) -> Vector:
        return self.inner.value(process)


@dataclass(frozen=True, slots=True)
class Constant(Expr):
    """A number, or one of the configuration."""

    number: float | Setting

    def promql(self, ask: Promql) -> str:
        return f"{resolved(self.number, ask.config):.12g}"

    def value(self, process: Process) -> Vector:
        return {(): float(resolved(self.number, process.config))}


@dataclass(frozen=True, slots=True)
class Configured(Expr):
    """A constant series that the configuration alone decides."""

    number: float

    def promql(self, ask: Promql) -> str:
        return f"vector({self.number:.10g})"

    def value(self, process: Process) -> Vector:
        return {(): self.number}


@dataclass(frozen=True, slots=True)
class PromqlOnly(Expr):
    """What only Prometheus can know: calendars, forecasts, windows of days, what is usual.

    Attributes:
        build: Makes the text. Names of series and instruments come from the renderer, which notes them.
        has: The labels of the result beside ``job``.
        over: How many seconds it looks back.
        shows: Seconds until a sudden change shows in the result, where that is less: what it looks back on is
            history that the change is compared with.
    """

    build: Callable[[Promql], str]
    has: tuple[str, ...] = ()
    over: float | Callable[[Config], float] = 0.0
    shows: float | None = None

    def promql(self, ask: Promql) -> str:
        return self.build(ask)

    def value(self, process: Process) -> Vector:
        raise NotImplementedError("only Prometheus can evaluate it")

    def labels(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        return self.has, ()

    def lookback(self, config: Config) -> float:
        return self.over(config) if callable(self.over) else self.over
