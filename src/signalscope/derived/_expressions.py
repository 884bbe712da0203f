"""Expressions of derived series: one tree that is written as PromQL and computed in a process.

A node is immutable. `Expr.promql` returns the text of a recording rule, and `Expr.value` returns the values of one
process. The nodes also give the series that a tree reads, its lookback and its labels.

A number, a window or a label value that users can configure is a `Setting`: a dotted path into the configuration. The
label ``job`` exists only in Prometheus, so the values of a process do not have it.

Example:
    >>> from signalscope.config import Config
    >>> from signalscope.derived._operators import Ratio, Sum
    >>> errors = Sum(Series("API_REQUESTS_ALL", status_code=matches("5..")))
    >>> Ratio(errors, Sum(Series("API_REQUESTS_ALL"))).labels()
    ((), ())
    >>> print(Rate(Instrument("signal_service.api.requests"), over=60).promql(Promql(Config())))
    rate(signal_service_api_requests_total{job="signal-service"}[1m])
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

#: Names of labels without ``job``: the labels that every series has, and the labels that only some series have.
LabelNames = tuple[tuple[str, ...], tuple[str, ...]]
#: A function that writes a PromQL expression around another one.
Around = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Setting:
    """A value of the configuration.

    Attributes:
        path: The dotted path of the key.

    Example:
        >>> from signalscope.config import Config
        >>> resolved(Setting("thresholds.cpu_percent"), Config())
        80.0
    """

    path: str


def resolved(value: Any, config: Config) -> Any:
    """Return a value; if it is a `Setting`, return the value of the configuration."""
    return attrgetter(value.path)(config) if isinstance(value, Setting) else value


@dataclass(frozen=True, slots=True)
class Match:
    """A condition on the value of a label.

    Attributes:
        operator: ``=``, ``!=``, ``=~`` or ``!~``.
        condition: A text. For ``=~`` and ``!~`` it is a regular expression, or a tuple of texts of which one must be
            equal to the label.

    Example:
        >>> from signalscope.config import Config
        >>> Match("=~", ("hit", "miss")).promql("result", Config())
        'result=~"hit|miss"'
        >>> Match("!~", "5..").accepts("200", Config())
        True
    """

    operator: str
    condition: str | float | tuple[str, ...] | Setting

    def promql(self, label: str, config: Config) -> str:
        """Return the matcher in PromQL, such as ``result="hit"``."""
        return f'{label}{self.operator}"{self._pattern(config)}"'

    def accepts(self, value: str, config: Config) -> bool:
        """Return True if a label's value matches; the value of an absent label is the empty text."""
        pattern = self._pattern(config)
        is_match = (
            re.fullmatch(pattern.replace("\\\\", "\\"), value) is not None
            if "~" in self.operator
            else value == pattern
        )
        return is_match != self.operator.startswith("!")

    def _pattern(self, config: Config) -> str:
        pattern = resolved(self.condition, config)
        return pattern if isinstance(pattern, str) else "|".join(map(literal, pattern))


def one_of(*texts: str) -> Match:
    """Match one of the texts. Special characters of regular expressions are not escaped."""
    return Match("=~", "|".join(texts))


#: Match a regular expression, or the values that it does not match. A setting may be a list of texts.
matches, matches_not = partial(Match, "=~"), partial(Match, "!~")
#: Match every value except this text.
is_not = partial(Match, "!=")
Wanted = str | float | Setting | Match


@dataclass(frozen=True, slots=True)
class Expr:
    """A node of an expression tree.

    Attributes:
        binding: The precedence of the outermost operator; a higher number binds more tightly. It decides where PromQL
            needs parentheses.
    """

    binding: ClassVar[int] = 9  # a function call binds most tightly

    @property
    def parts(self) -> tuple[Expr, ...]:
        """Return the nodes directly below this one."""
        values = (getattr(self, field.name) for field in dataclasses.fields(self))
        return tuple(value for value in values if isinstance(value, Expr))

    @abstractmethod
    def promql(self, ask: Promql) -> str:
        """Return the expression in PromQL.

        Args:
            ask: The renderer. It writes the names of instruments and series, and records which ones it wrote.

        Raises:
            ContractError: The expression names an instrument, a series or a label that does not exist.
        """

    @abstractmethod
    def value(self, process: Process) -> Vector:
        """Return the values of a process.

        Args:
            process: The process at one moment.

        Raises:
            NoDataError: The process does not keep the data; the message says why.
        """

    def promql_around(self, ask: Promql, around: Around) -> str:
        """Return the expression in PromQL with another expression around it.

        A selector of native histograms extracts the count, the sum or a bucket outside of `around`. Prometheus must
        first compute the rate of the whole histogram.

        Args:
            ask: The renderer.
            around: Writes the outer expression.
        """
        return around(self.promql(ask))

    def labels(self) -> LabelNames:
        """Return the names of the labels of the resulting series."""
        return self.parts[0].labels() if self.parts else ((), ())

    def lookback(self, config: Config) -> float:
        """Return the longest time in seconds that it looks back; 0 if it reads only current values."""
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
        matchers: The labels and their conditions.
        boundary: The upper boundary of the bucket to select; None selects all series.
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
        name: The OpenTelemetry name of the instrument.
        part: For a histogram: ``count``, ``sum`` or ``bucket``.
        le: The upper boundary of the bucket to select.
        conditions: For each label the value that it must have, or a `Match`.

    Example:
        >>> from signalscope.config import Config
        >>> node = Instrument("signal_service.api.requests", status_code="500")
        >>> print(node.promql(Promql(Config())))
        signal_service_api_requests_total{job="signal-service", status_code="500"}
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
        """Return by how much each series increased in the last seconds."""
        return self._selected(process.increase(self.name, self.part, seconds), process.config)

    def labels(self) -> LabelNames:
        return (*contract.get(self.name).attribute_names, *(("le",) if self.part == "bucket" else ())), ()


@dataclass(frozen=True, slots=True, init=False)
class Series(_Selector):
    """The series of another row of the table.

    Args:
        key: The key of the row.
        le: The upper boundary of the bucket to select.
        conditions: For each label the value that it must have, or a `Match`. An empty text matches series that do not
            have the label.

    Example:
        >>> from signalscope.config import Config
        >>> print(Series("ERROR_RATE", endpoint="").promql(Promql(Config())))
        signal_service_error_rate_percentage{job="signal-service", endpoint=""}
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
    """The series of another row, without a condition on the job: its values come from the configuration alone."""

    def promql_around(self, ask: Promql, around: Around) -> str:
        return around(ask.name(self.key))


@dataclass(frozen=True, slots=True)
class OverTime(Expr):
    """A function of a range.

    Attributes:
        inner: The series.
        over: The length of the range in seconds, or a setting.
        function: The name of the function in PromQL.
    """

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
    """The increase per second."""

    inner: Instrument
    function = "rate"

    def value(self, process: Process) -> Vector:
        over = self.lookback(process.config)
        seconds = process.seconds(over, self.inner.name)
        return vectors.scaled(self.inner.increase(process, over), 1 / seconds) if seconds > 0 else {}


@dataclass(frozen=True, slots=True)
class Increase(OverTime):
    """The increase in the window."""

    inner: Instrument
    over: float | Setting = HOUR_SECONDS
    function = "increase"

    def value(self, process: Process) -> Vector:
        return self.inner.increase(process, self.lookback(process.config))


@dataclass(frozen=True, slots=True)
class AvgOverTime(OverTime):
    """The mean of gauges over a window; a process keeps at most the last ten minutes."""

    function = "avg_over_time"

    def value(self, process: Process) -> Vector:
        return process.mean(self.inner.value, self.lookback(process.config))


@dataclass(frozen=True, slots=True)
class Quantile(Expr):
    """A quantile of a histogram; absent while the buckets are empty.

    Attributes:
        q: The quantile, from 0 to 1.
        buckets: Rates of the buckets, with the label ``le``.
    """

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
    """Values limited to the range from `low` to `high`."""

    inner: Expr
    low: float = 0
    high: float = 1

    def promql(self, ask: Promql) -> str:
        return f"clamp({self.inner.promql(ask)}, {self.low:.12g}, {self.high:.12g})"

    def value(self, process: Process) -> Vector:
        return vectors.clamp(self.inner.value(process), self.low, self.high)


@dataclass(frozen=True, slots=True)
class _LabelReplace(Expr):
    """Series in which a label gets a value where another label matches.

    Attributes:
        inner: The series.
        label: The label to set.
        to: The new value; ``$1`` is the first group of the pattern.
        source: The label to compare with the pattern.
        pattern: A regular expression.
    """

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
    """Add labels to series that do not have them."""
    for label, value in labels.items():
        inner = _LabelReplace(inner, label, value)
    return inner


def Copy(inner: Expr, label: str, source: str) -> Expr:  # noqa: N802  # reads as a node
    """Copy the value of the label `source` to another label."""
    return _LabelReplace(inner, label, "$1", source, "(.*)")


def Relabel(inner: Expr, label: str, to: str, source: str, text: str) -> Expr:  # noqa: N802  # reads as a node
    """Set a label to the value `to` where the label `source` is equal to a text."""
    return _LabelReplace(inner, label, to.replace("$", "$$"), source, literal(text))


@dataclass(frozen=True, slots=True)
class Parens(Expr):
    """Parentheses that PromQL does not need; they make the rule easier to read."""

    inner: Expr

    def promql(self, ask: Promql) -> str:
        return f"({self.inner.promql(ask)})"

    def value(self, process: Process) -> Vector:
        return self.inner.value(process)


@dataclass(frozen=True, slots=True)
class Measured(Expr):
    """A value that is absent while it rests on generated history; `seconds` is how far it looks back."""

    inner: Expr
    seconds: float

    def promql(self, ask: Promql) -> str:
        return ask.measured(self.inner.promql(ask), self.seconds)

    def value(self, process: Process) -> Vector:
        return self.inner.value(process)


@dataclass(frozen=True, slots=True)
class Constant(Expr):
    """A number, or a setting that is a number."""

    number: float | Setting

    def promql(self, ask: Promql) -> str:
        return f"{resolved(self.number, ask.config):.12g}"

    def value(self, process: Process) -> Vector:
        return {(): float(resolved(self.number, process.config))}


@dataclass(frozen=True, slots=True)
class Configured(Expr):
    """A series with a constant value, which comes from the configuration."""

    number: float

    def promql(self, ask: Promql) -> str:
        if ask.config.scope.labels:  # a join needs a value in each scope that the service runs in
            return f'0 * {get("UP").name}{{job="{ask.job}"}} + {self.number:.10g}'
        return f"vector({self.number:.10g})"

    def value(self, process: Process) -> Vector:
        return {(): self.number}


@dataclass(frozen=True, slots=True)
class PromqlOnly(Expr):
    """A value that only Prometheus can compute, such as a forecast or a comparison with earlier days.

    Attributes:
        build: Writes the text. The renderer (`Promql`) gives it the names of series and instruments, and the clauses
            of aggregations and joins.
        has: The labels of the result beside ``job``.
        over: How many seconds it looks back.
        shows: The number of seconds until a sudden change shows in the result; None if that is `over`. It is shorter
            where the expression compares the change with history.

    Example:
        >>> from signalscope.config import Config
        >>> node = PromqlOnly(lambda ask: f"deriv({ask.of('MEMORY')}[1h])", over=3600)
        >>> node.lookback(Config())
        3600
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
