"""Present values of derived numbers, each a vector by labels: of Prometheus, or of this process."""

from __future__ import annotations

import asyncio
import os
import time
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from signalscope import contract
from signalscope.config import Config, _environment
from signalscope.contract._model import OTHER
from signalscope.derived import _prometheus, _rows, _windows
from signalscope.derived._expressions import Expr, Increase, Instrument, Rate
from signalscope.derived._process import HISTORY, Process
from signalscope.derived._prometheus import Answer, PrometheusError, Sample
from signalscope.derived._promql import Promql
from signalscope.derived._rows import Row
from signalscope.derived._vector import Labels, Vector
from signalscope.metrics import CPU_SECOND_PRICE, cpu_second_price
from signalscope.recording import internal_error

__all__ = ["PrometheusError", "QueryResult", "QueryResults", "SourceName", "history", "read"]

SourceName = Literal["prometheus", "process"]
"""The source of a value: the recorded series in Prometheus, or the memory of this process."""
_COST = "signal_service.calculation_cost"


@dataclass(frozen=True, slots=True)
class QueryResult:
    """The result of one row.

    Attributes:
        vector: Its values by labels; empty without data.
        source: Where they come from.
        series: What they are called there: a recorded series, or an expression.
        window_seconds: How far they look back; None for values of now.
        reason: Why there are none.
        meaning: What a value means.

    Examples:
        >>> import asyncio
        >>> from signalscope.derived import read
        >>> result = asyncio.run(read.read(["API_P95"])).get("API_P95")
        >>> len(result.vector), result.reason is not None
        (0, True)
    """

    vector: Vector
    source: SourceName
    series: str
    window_seconds: float | None = None
    reason: str | None = None
    meaning: str = ""


@dataclass(slots=True)
class QueryResults:
    """The results of several rows.

    Attributes:
        source: Where values come from.
        at: Unix time.
        problems: What clients should know of the source.
        degraded: Whether the source did not answer.

    Examples:
        >>> import asyncio
        >>> from signalscope.derived import read
        >>> asyncio.run(read.read(["API_P95", "CACHE_HITS"])).get("CACHE_HITS").meaning != ""
        True
    """

    source: SourceName
    at: float = field(default_factory=time.time)
    problems: list[str] = field(default_factory=list)
    degraded: bool = False
    _found: dict[str, QueryResult] = field(default_factory=dict)

    def get(self, key: str) -> QueryResult:
        """A series that was asked for."""
        return self._found[key]

    def put(self, row: Row, fact: QueryResult) -> None:
        """Keep a series."""
        self._found[row.key] = replace(fact, meaning=row.meaning)

    def describe(self) -> str:
        """Where the values come from, in a sentence for people."""
        if self.source == "prometheus":
            return "The whole service, as Prometheus has recorded it."
        return (
            f"One process (pid {os.getpid()}) only: with several workers, what one of them has seen. "
            "Set SIGNALSCOPE_PROMETHEUS_URL for the whole service."
        )


async def read(keys: Iterable[str]) -> QueryResults:
    """Read some derived numbers: of Prometheus where SIGNALSCOPE_PROMETHEUS_URL is set, else of this process.

    Args:
        keys: Keys of the table in `signalscope.derived`.

    Examples:
        >>> import asyncio
        >>> from signalscope.derived import read
        >>> results = asyncio.run(read.read(["API_P95"]))
        >>> results.source
        'process'
    """
    rows = [_rows.get(key) for key in dict.fromkeys(keys)]
    url = _environment.prometheus_url()
    if url is not None:
        return await _from_prometheus(url, rows)
    _windows.shared.start()
    return await asyncio.to_thread(_from_process, rows)


async def history(
    keys: Iterable[str], seconds: float, points: int = 60
) -> dict[str, dict[Labels, list[tuple[float, float]]]]:
    """Recorded series over time, from Prometheus, in one query.

    Args:
        keys: Keys of the table in `signalscope.derived`.
        seconds: How far to look back.
        points: How many values of each, evenly spaced.

    Raises:
        PrometheusError: There is no Prometheus, or it gives no usable answer; the message is for clients.

    Examples:
        >>> import asyncio
        >>> from signalscope.derived import read
        >>> try:
        ...     asyncio.run(read.history(["API_P95"], seconds=3_600))
        ... except read.PrometheusError:
        ...     print("set SIGNALSCOPE_PROMETHEUS_URL")
        set SIGNALSCOPE_PROMETHEUS_URL
    """
    url = _environment.prometheus_url()
    if url is None:
        raise PrometheusError(HISTORY)
    now = time.time()
    recorded = {_rows.get(key).name: key for key in keys}
    answer = await _prometheus.shared.range(
        url, _selector(recorded), start=now - seconds, end=now, step=max(seconds / points, 1.0),
        patience=_environment.prometheus_timeout(),
    )  # fmt: skip
    found: dict[str, dict[Labels, list[tuple[float, float]]]] = {}
    for each in answer.samples:
        if each.name in recorded:
            found.setdefault(recorded[each.name], {})[each.labels] = list(each.values)
    return found


def _selector(names: Iterable[str]) -> str:
    return f'{{__name__=~"{"|".join(sorted(names))}", job="{_quoted(_environment.job())}"}}'


def _from_process(rows: list[Row]) -> QueryResults:
    found = QueryResults("process")
    process = Process(_windows.shared, _environment.config())
    for row in rows:
        found.put(row, _of_process(row, process))
    found.problems += [
        f"{contract.get(name).prometheus_name} has more series than are told apart: those beyond have "
        f"`{OTHER}` for each label"
        for name in sorted(process.overflowed())
    ]
    return found


def _of_process(row: Row, process: Process) -> QueryResult:
    name = _name(row, process.config)
    if not row.is_local(process.config):
        return QueryResult({}, "process", name, reason=HISTORY)
    sources = list(row.reads(process.config))
    seconds = max((node.lookback(process.config) for node in sources), default=0.0)
    try:
        vector = row.value(process)
        if any(isinstance(node, Rate | Increase) for node in sources):
            window: float | None = process.over(seconds).seconds
        else:
            window = process.watched(seconds) if seconds else None
    except _windows.NoDataError as error:
        return QueryResult({}, "process", name, seconds or None, str(error))
    except Exception:  # a defect of signalscope costs this one value
        internal_error("monitoring.process")
        return QueryResult({}, "process", name, seconds or None, "it could not be calculated")
    return QueryResult(vector, "process", name, window, None if vector else _nothing(sources, window))


def _nothing(sources: Iterable[Expr], window: float | None) -> str:
    is_of_costs = any(isinstance(node, Instrument) and node.name == _COST for node in sources)
    if is_of_costs and cpu_second_price() is None:
        return f"a CPU-second has no price ({CPU_SECOND_PRICE})"
    if window is None:
        return "nothing has reported it in this process"
    return f"this process has recorded nothing of it in the last {window:.3g} s"


async def _from_prometheus(url: str, rows: list[Row]) -> QueryResults:
    found = QueryResults("prometheus")
    config, timeout = _environment.config(), _environment.prometheus_timeout()
    recorded = [row.name for row in rows if row.name]
    queries = {"": _selector(recorded)} if recorded else {}
    queries |= {row.key: _name(row, config) for row in rows if not row.name}
    answers = await asyncio.gather(
        *(_prometheus.shared.instant(url, query, timeout) for query in queries.values()),
        return_exceptions=True,
    )
    by_query = dict(zip(queries, answers, strict=True))
    # Many series are too much work for the event loop.
    return await asyncio.to_thread(_assembled, found, rows, by_query, config)


def _assembled(
    found: QueryResults, rows: list[Row], by_query: Mapping[str, Answer | BaseException], config: Config
) -> QueryResults:
    if any(isinstance(each, Answer) and each.warned for each in by_query.values()):
        found.problems.append("Prometheus warns that what it answered may be incomplete")
    by_name: dict[str, list[Sample]] = {}
    several = by_query.get("", Answer([]))
    for each in several.samples if isinstance(several, Answer) else ():
        by_name.setdefault(each.name, []).append(each)
    for row in rows:
        answer = several if row.name else by_query[row.key]
        name, window = _name(row, config), row.lookback(config) or None
        if isinstance(answer, BaseException):
            found.put(row, QueryResult({}, "prometheus", name, window, _problem(answer, found)))
            continue
        # A series without one of its labels is not what was asked for.
        needed = set(row.labels) - {"job"}
        vector = {
            each.labels: each.values[0][1]
            for each in (by_name.get(row.name, ()) if row.name else answer.samples)
            if each.values and needed <= dict(each.labels).keys()
        }
        reason = None if vector else "Prometheus has no value for it"
        found.put(row, QueryResult(vector, "prometheus", name, window, reason))
    if not found.degraded and not any(found.get(row.key).vector for row in rows):
        found.problems.append(
            f"Prometheus has nothing of the job {_environment.job()!r}: is that its name there "
            "(SIGNALSCOPE_PROMETHEUS_JOB), and are signalscope's rules loaded?"
        )
    return found


def _problem(error: BaseException, found: QueryResults) -> str:
    if isinstance(error, asyncio.CancelledError):
        raise error
    text = str(error) if isinstance(error, PrometheusError) else "Prometheus could not be asked"
    if not isinstance(error, PrometheusError):
        internal_error("monitoring.prometheus")
    found.degraded = True
    if text not in found.problems:
        found.problems.append(text)
    return text


def _name(row: Row, config: Config) -> str:
    """What a row is called in Prometheus: a recorded series, or an expression."""
    if row.name:
        return row.name
    (variant,) = row.variants(config)
    return variant.expr.promql(Promql(config, _quoted(_environment.job())))


def _quoted(text: str) -> str:
    """A text within the quotes of PromQL."""
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


#: Names of the release before.
_RENAMED = {"Fact": "QueryResult", "Facts": "QueryResults", "facts": "read"}


def __getattr__(name: str) -> Any:
    if name not in _RENAMED:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    new = _RENAMED[name]
    text = f"{__name__}.{name} is called {new}; the old name goes in the next release"
    warnings.warn(text, DeprecationWarning, stacklevel=2)
    return globals()[new]
