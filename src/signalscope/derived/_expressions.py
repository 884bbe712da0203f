"""Expressions of derived numbers: one tree, read as PromQL and computed in this process.

A node is immutable. `Expr.promql` gives the text of a recording rule, `Expr.value` the values of one process. What
a tree reads, its lookback and its labels follow from its nodes::

    Ratio(Sum(Series("GREEKS_OPTIONS_TYPE", vectorized="true")), Sum(Series("GREEKS_OPTIONS_TYPE")))

Numbers, windows and label values that users configure are a `Setting`: a dotted path into the configuration. Only
Prometheus knows the label ``job``, so values of a process come without it.
"""

from __future__ import annotations

import dataclasses
import re
from abc import abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from operator import attrgetter
from typing import TYPE_CHECKING, Any, ClassVar

from signalscope import contract
from signalscope.config import Config
from signalscope.config.defaults import HOUR_SECONDS, RATE_SECONDS
from signalscope.contract import Kind
from signalscope.derived import _vector as vectors
from signalscope.derived._promql import Promql, duration, label_replace, literal
from signalscope.derived._registry import get
from signalscope.derived._vector import Vector

if TYPE_CHECKING:
    from signalscope.derived._process import Process

#: The names of the labels that every series has, without ``job``, and of those that only some have.
LabelNames = tuple[tuple[str, ...], tuple[str, ...]]
#: Writes an expression of PromQL around another one.
Around = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Setting:
    """A value of the configuration, by its dotted path: ``Setting("thresholds.memory_bytes")``."""

    path: str


def resolved(value: Any, config: Config) -> Any:
    """Return a value that may be a `Setting`."""
    return attrgetter(value.path)(config) if isinstance(value, Setting) else value


@dataclass(frozen=True, slots=True)
class Match:
    """A condition on the value of a label.

    Attributes:
        operator: ``=``, ``!=``, ``=~`` or ``!~``.
        condition: A text; for ``=~`` and ``!~`` a regular expression, or texts of which the label must be one.
    """

    operator: str
    condition: str | float | tuple[str, ...] | Setting

    def promql(self, label: str, config: Config) -> str:
        """Return the matcher in PromQL."""
        return f'{label}{self.operator}"{self._pattern(config)}"'

    def accepts(self, value: str, config: Config) -> bool:
        """Return True if a label's value matches; an absent label is the empty text."""
        pattern = self._pattern(config)
        is_equal = (
            re.fullmatch(pattern.replace("\\\\", "\\"), value) is not None
            if "~" in self.operator
            else value == pattern
        )
        return is_equal != self.operator.startswith("!")

    def _pattern(self, config: Config) -> str:
        pattern = resolved(self.condition, config)
        return pattern if isinstance(pattern, str) else "|".join(map(literal, pattern))


def one_of(*texts: str) -> Match:
    """Match one of some texts, written as they are."""
    return Match("=~", "|".join(texts))


#: Match a regular expression, or not; a setting that is a list matches any of its texts.
matches, matches_not = partial(Match, "=~"), partial(Match, "!~")
#: Match every other text.
is_not = partial(Match, "!=")
Wanted = str | float | Setting | Match


@dataclass(frozen=True, slots=True)
class Expr:
    """A node of an expression tree.

    Attributes:
        binding: The precedence of its outermost operator, for parentheses in PromQL.
    """

    binding: ClassVar[int] = 9  # of a function call, which binds most

    @property
    def parts(self) -> tuple[Expr, ...]:
        """The nodes right below this one."""
        values = (getattr(self, field.name) for field in dataclasses.fields(self))
        return tuple(value for value in values if isinstance(value, Expr))

    @abstractmethod
    def promql(self, ask: Promql) -> str:
        """Return the expression in PromQL.

        Args:
            ask: Renders names of instruments and series, and notes which were read.
        """

    @abstractmethod
    def value(self, process: Process) -> Vector:
        """Return the values of a process.

        Args:
            process: The process at one moment.

        Raises:
            NoDataError: The process does not keep what is read; the message says why.
        """

    def promql_around(self, ask: Promql, around: Around) -> str:
        """Return the expression in PromQL with another one around it; a part of native histograms is read last."""
        return around(self.promql(ask))

    def labels(self) -> LabelNames:
        """Return the names of the labels of its series."""
        return self.parts[0].labels() if self.parts else ((), ())

    def lookback(self, config: Config) -> float:
        """Return how many seconds it looks back; 0 for values of now."""
        return max((part.lookback(config) for part in self.parts), default=0.0)


def walk(expr: Expr) -> Iterator[Expr]:
    """Yield a node and all nodes below it."""
    yield expr
    for part in expr.parts:
        yield from walk(part)


@dataclass(frozen=True, slots=True, init=False)
class _Selector(Expr):
    """Series with conditions on their labels.

    Attributes:
        matchers: The conditions by label.
        boundary: The upper boundary of the one bucket that is selected.
    """

    matchers: tuple[tuple[str, Match], ...]
    boundary: Wanted | None

    def _select(self, boundary: Wanted | None, conditions: dict[str, Wanted]) -> None:
        matchers = (
            (label, value if isinstance(value, Match) else Match("=", value))
            for label, value in conditions.items()
        )
        object.__setattr__(self, "matchers", tuple(matchers))
        object.__setattr__(self, "boundary", boundary)

    def _bucket(self, config: Config) -> float | None:
        return None if self.boundary is None else float(resolved(self.boundary, config))

    def _matchers(self, config: Config) -> Iterator[str]:
        return (match.promql(label, config) for label, match in self.matchers)

    def promql(self, ask: Promql) -> str:
        return self.promql_around(ask, str)

    def _selected(self, vector: Vector, config: Config) -> Vector:
        if (boundary := self._bucket(config)) is not None:
            vector = {
                labels: value for labels, value in vector.items() if float(dict(labels)["le"]) == boundary
            }
        if not self.matchers:
            return vector
        return {
            labels: value
            for labels, value in vector.items()
            if all(match.accepts(dict(labels).get(name, ""), config) for name, match in self.matchers)
        }


@dataclass(frozen=True, slots=True, init=False)
class Instrument(_Selector):
    """The series of an instrument of the contract.

    Args:
        name: Its OpenTelemetry name.
        part: Of a histogram: ``count``, ``sum`` or ``bucket``.
        le: The boundary of a bucket.
        conditions: By label, the value that it must have, or a `Match`.
    """

    name: str
    part: str

    def __init__(self, name: str, part: str = "", *, le: Wanted | None = None, **conditions: Wanted) -> None:
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "part", part)
        self._select(le, conditions)

    def promql_around(self, ask: Promql, around: Around) -> str:
        config, suffix = ask.config, f"_{self.part}" if self.part else ""
        return ask.raw(
            self.name, *self._matchers(config), suffix=suffix, le=self._bucket(config), around=around
        )

    def value(self, process: Process) -> Vector:
        is_gauge = contract.get(self.name).kind is Kind.GAUGE
        vector = process.gauge(self.name) if is_gauge else process.total(self.name)
        return self._selected(vector, process.config)

    def increase(self, process: Process, seconds: float) -> Vector:
        """Return how much the series grew in a window."""
        return self._selected(process.increase(self.name, self.part, seconds), process.config)

    def labels(self) -> LabelNames:
        return (*contract.get(self.name).attribute_names, *(("le",) if self.part == "bucket" else ())), ()


@dataclass(frozen=True, slots=True, init=False)
class Series(_Selector):
    """Another row of the table.

    Args:
        key: Its key.
        le: The boundary of a bucket.
        conditions: By label, the value that it must have, or a `Match`; an empty text matches series without it.
    """

    key: str

    def __init__(self, key: str, *, le: Wanted | None = None, **conditions: Wanted) -> None:
        object.__setattr__(self, "key", key)
        self._select(le, conditions)

    def promql_around(self, ask: Promql, around: Around) -> str:
        return ask.of(self.key, *self._matchers(ask.config), le=self._bucket(ask.config), around=around)

    def value(self, process: Process) -> Vector:
        return self._selected(process.row(self.key), process.config)

    def labels(self) -> LabelNames:
        row = get(self.key)
        return tuple(label for label in row.labels if label != "job"), row.optional

    def lookback(self, config: Config) -> float:
        return get(self.key).lookback(config)


class Anywhere(Series):
    """Another row whose job need not be matched: the configuration alone decides it."""

    def promql_around(self, ask: Promql, around: Around) -> str:
        return around(ask.name(self.key))


@dataclass(frozen=True, slots=True)
class OverTime(Expr):
    """A function of a range: `over` seconds, or a setting."""

    inner: Instrument | Series
    over: float | Setting = RATE_SECONDS
    function: ClassVar[str] = ""

    def promql(self, ask: Promql) -> str:
        return self.promql_around(ask, str)

    def promql_around(self, ask: Promql, around: Around) -> str:
        window = duration(self.lookback(ask.config))
        return self.inner.promql_around(ask, lambda text: around(f"{self.function}({text}[{window}])"))

    def lookback(self, config: Config) -> float:
        return float(resolved(self.over, config))


@dataclass(frozen=True, slots=True)
class Rate(OverTime):
    """The growth each second."""

    inner: Instrument
    function = "rate"

    def value(self, process: Process) -> Vector:
        over = self.lookback(process.config)
        seconds = process.seconds(over, self.inner.name)
        return vectors.scaled(self.inner.increase(process, over), 1 / seconds) if seconds > 0 else {}


@dataclass(frozen=True, slots=True)
class Increase(OverTime):
    """The growth in the window."""

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

    def promql(self, ask: Promql) -> str:
        return f"histogram_quantile({self.q:g}, {self.buckets.promql(ask)}) >= 0"

    def value(self, process: Process) -> Vector:
        return vectors.quantiles(self.q, self.buckets.value(process))

    def labels(self) -> LabelNames:
        always, some = self.buckets.labels()
        return tuple(label for label in always if label != "le"), some


@dataclass(frozen=True, slots=True)
class Clamp(Expr):
    """Values within limits."""

    inner: Expr
    low: float = 0
    high: float = 1

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

    def promql(self, ask: Promql) -> str:
        return label_replace(self.inner.promql(ask), self.label, self.to, self.source, self.pattern)

    def value(self, process: Process) -> Vector:
        pattern = re.compile(self.pattern.replace("\\\\", "\\"))
        replaced: dict[vectors.Labels, float] = {}
        for labels, value in self.inner.value(process).items():
            if match := pattern.fullmatch(dict(labels).get(self.source, "")):
                to = self.to.replace("$1", match[1]) if match.groups() else self.to.replace("$$", "$")
                labels = vectors.labels(**dict(labels) | {self.label: to})  # noqa: PLW2901  # relabelled
            replaced[labels] = value
        return replaced

    def labels(self) -> LabelNames:
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
        if ask.config.scope.labels:  # one in each scope that has the service, as what it is joined with
            return f'0 * {get("UP").name}{{job="{ask.job}"}} + {self.number:.10g}'
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

    def labels(self) -> LabelNames:
        return self.has, ()

    def lookback(self, config: Config) -> float:
        return self.over(config) if callable(self.over) else self.over
