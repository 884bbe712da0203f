"""Present values of derived numbers, as vectors by labels, from Prometheus or from this process."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
import warnings
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from signalscope import contract
from signalscope.config import Config, _environment
from signalscope.contract._model import OTHER
from signalscope.derived import _prometheus, _reasons, _windows
from signalscope.derived._expressions import Increase, Rate
from signalscope.derived._process import Process
from signalscope.derived._prometheus import Answer, PrometheusError, Sample
from signalscope.derived._promql import Promql, label_replace
from signalscope.derived._registry import get
from signalscope.derived._rows import Row
from signalscope.derived._vector import Labels, Vector
from signalscope.recording import internal_error
from signalscope.recording._snapshot import NotKeptError

__all__ = ["PrometheusError", "QueryResult", "QueryResults", "SourceName", "history", "read"]

SourceName = Literal["prometheus", "process"]
"""The source of a value: the recorded series in Prometheus, or the memory of this process."""
#: The label that distinguishes the rows in the result of one query.
_ROW = "signalscope_row"
#: The period and the step in which the oldest value of the job is searched.
_SEARCHED = "40d:1h"
#: The most snapshots from which a process computes values over time.
_MOMENTS = 20


@dataclass(frozen=True, slots=True)
class QueryResult:
    """The result of one row.

    Attributes:
        vector: The values by labels; empty without data.
        source: The source of the values.
        series: The recorded series or the expression in PromQL.
        window_seconds: The window of the values in seconds; None for values without a window.
        reason: The reason for missing values; None if the vector has values.
        meaning: The meaning of a value.

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
        source: The source of the values.
        at: Unix time of the query.
        problems: Messages about the source, for clients.
        degraded: True if the source did not answer.

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
    _by_key: dict[str, QueryResult] = field(default_factory=dict)

    def get(self, key: str) -> QueryResult:
        """Return the result of a row.

        Raises:
            KeyError: The row was not read.
        """
        return self._by_key[key]

    def put(
        self, row: Row, series: str, vector: Vector, window: float | None = None, reason: str | None = None
    ) -> None:
        """Add the result of a row; see `QueryResult`."""
        self._by_key[row.key] = QueryResult(vector, self.source, series, window, reason, row.meaning)

    def describe(self) -> str:
        """Return a sentence about the source of the values, for users."""
        if self.source == "prometheus":
            return "The whole service, as Prometheus has recorded it."
        return (
            f"One process only (pid {os.getpid()}), even if the service has several workers. "
            "Set SIGNALSCOPE_PROMETHEUS_URL for the whole service."
        )


async def read(keys: Iterable[str]) -> QueryResults:
    """Read derived numbers: from Prometheus if SIGNALSCOPE_PROMETHEUS_URL is set, else from this process.

    Args:
        keys: Keys of the table in `signalscope.derived`.

    Returns:
        A result for each key; a source that does not answer gives results without values, and with a reason.

    Examples:
        >>> import asyncio
        >>> from signalscope.derived import read
        >>> results = asyncio.run(read.read(["API_P95"]))
        >>> results.source
        'process'
    """
    rows = [get(key) for key in dict.fromkeys(keys)]
    url = _environment.prometheus_url()
    if url is not None:
        return await _from_prometheus(url, rows)
    _windows.shared.start()
    return await asyncio.to_thread(_from_process, rows)


async def history(
    keys: Iterable[str], seconds: float, points: int = 60
) -> dict[str, dict[Labels, list[tuple[float, float]]]]:
    """Read derived numbers over time: from Prometheus in one query, or from the snapshots of this process.

    Args:
        keys: Keys of the table in `signalscope.derived`.
        seconds: Length of the period that ends now.
        points: Number of values of each series, at equal distances of at least one second.

    Returns:
        Pairs of Unix time and value, by key and labels.

    Raises:
        PrometheusError: Prometheus gives no usable answer, or SIGNALSCOPE_PROMETHEUS_URL is not set and the period is
            longer than the ten minutes that a process keeps. The message is for clients.

    Examples:
        >>> import asyncio
        >>> from signalscope.derived import read
        >>> try:
        ...     asyncio.run(read.history(["API_P95"], seconds=3_600))
        ... except read.PrometheusError:
        ...     print("set SIGNALSCOPE_PROMETHEUS_URL for more than ten minutes")
        set SIGNALSCOPE_PROMETHEUS_URL for more than ten minutes
    """
    url = _environment.prometheus_url()
    if url is None:
        return await asyncio.to_thread(_from_snapshots, [get(key) for key in keys], seconds, points)
    now = time.time()
    recorded = {get(key).name: key for key in keys}
    answer = await _prometheus.shared.range(
        url, _selector(recorded), start=now - seconds, end=now, step=max(seconds / points, 1.0),
        patience=_environment.prometheus_timeout(),
    )  # fmt: skip
    values: dict[str, dict[Labels, list[tuple[float, float]]]] = {}
    scope = _environment.scope()
    for sample in answer.samples:
        if sample.name in recorded:
            values.setdefault(recorded[sample.name], {})[_without(sample.labels, scope)] = list(sample.values)
    return values


def _from_snapshots(
    rows: list[Row], seconds: float, points: int
) -> dict[str, dict[Labels, list[tuple[float, float]]]]:
    kept = _windows.FINE_SECONDS
    if seconds > kept:
        raise PrometheusError(
            f"one process keeps the last {kept:.0f} s, not {seconds:.0f} s; ask for a shorter window, or set "
            "SIGNALSCOPE_PROMETHEUS_URL to read it from Prometheus [SS546]"
        )
    values: dict[str, dict[Labels, list[tuple[float, float]]]] = {}
    try:
        now = _windows.shared.take()
    except NotKeptError as error:
        raise PrometheusError(f"{error} [SS546]") from None
    moments = [moment for moment in _windows.shared.snapshots() if now.at - seconds <= moment.at < now.at]
    for moment in (*moments[:: max(1, -(-len(moments) // min(points, _MOMENTS)))], now):
        process = Process(_windows.shared, _environment.config(), moment)
        for row in rows:
            with contextlib.suppress(_windows.NoDataError):
                for labels, value in process.row(row.key).items():
                    pair = (time.time() - now.at + moment.at, value)
                    values.setdefault(row.key, {}).setdefault(labels, []).append(pair)
    return values


def _selector(names: Iterable[str]) -> str:
    names = "|".join(sorted(names))
    shown = ", ".join((f'__name__=~"{names}"', f'job="{_quoted(_environment.job())}"', *_scope()))
    return f"{{{shown}}}"


def _scope() -> list[str]:
    """Return the matchers of where this service runs."""
    return [f'{label}="{_quoted(value)}"' for label, value in _environment.scope().items()]


def _without(labels: Labels, scope: Collection[str]) -> Labels:
    return tuple(pair for pair in labels if pair[0] not in scope)


def _from_process(rows: list[Row]) -> QueryResults:
    results = QueryResults("process")
    process = Process(_windows.shared, _environment.config())
    for row in rows:
        _compute(row, process, results)
    results.problems += [
        f"{contract.get(name).prometheus_name} has too many series: further series have `{OTHER}` for each "
        "label [SS547]"
        for name in sorted(process.overflowed())
    ]
    return results


def _compute(row: Row, process: Process, results: QueryResults) -> None:
    name = _name(row, process.config)
    if not row.is_local(process.config):
        results.put(row, name, {}, reason=_reasons.history(row, process.config))
        return
    sources = list(row.reads(process.config))
    seconds = max((node.lookback(process.config) for node in sources), default=0.0)
    try:
        vector = row.value(process)
        if any(isinstance(node, Rate | Increase) for node in sources):
            window: float | None = process.over(seconds).seconds
        else:
            window = process.watched(seconds) if seconds else None
    except _windows.NoDataError as error:
        results.put(row, name, {}, seconds or None, str(error))
    except Exception:  # a defect of signalscope must cost this value only
        internal_error("monitoring.process")
        results.put(row, name, {}, seconds or None, "it could not be calculated")
    else:
        reason = None if vector else _reasons.of_process(row, process.config, process.now(), window)
        results.put(row, name, vector, window, reason)


async def _from_prometheus(url: str, rows: list[Row]) -> QueryResults:
    config, timeout = _environment.config(), _environment.prometheus_timeout()
    recorded = [row.name for row in rows if row.name]
    if recorded and config.selectors.generated_until:
        recorded.append(config.selectors.generated_until)
    queries = {"": _selector(recorded)} if recorded else {}
    # One query for all expressions: their windows end at the same moment.
    if expressions := [label_replace(_name(row, config), _ROW, row.key) for row in rows if not row.name]:
        queries[_ROW] = " or ".join(expressions)
    answers = await asyncio.gather(
        *(_prometheus.shared.instant(url, query, timeout) for query in queries.values()),
        return_exceptions=True,
    )
    # In a thread, because many series would block the event loop.
    results = await asyncio.to_thread(_assembled, rows, dict(zip(queries, answers, strict=True)), config)
    missing = [row for row in rows if not results.get(row.key).vector]
    if missing and not results.degraded:
        await _explain(url, missing, config, results)
    return results


async def _explain(url: str, missing: list[Row], config: Config, results: QueryResults) -> None:
    """Replace the reasons of missing values by specific ones, if Prometheus answers."""
    names = {name for row in missing for name in _reasons.sources(row, config)[0]}
    wanted = "|".join(sorted(text for name in names for text in _reasons.series_of(name)))
    matchers = ", ".join((f'job="{_quoted(_environment.job())}"', *_scope()))
    up = f"{get('UP').name}{{{matchers}}}"
    timeout = _environment.prometheus_timeout()
    answers = await asyncio.gather(
        _prometheus.shared.instant(
            url, f'count by (__name__) ({{__name__=~"{wanted}", {matchers}}})', timeout
        ),
        _prometheus.shared.instant(url, f"min(min_over_time(timestamp({up})[{_SEARCHED}]))", timeout),
        return_exceptions=True,
    )
    present, first = (answer.samples if isinstance(answer, Answer) else None for answer in answers)
    if present is None:
        return
    since = first[0].values[0][1] if first and first[0].values else None
    for row in missing:
        old = results.get(row.key)
        reason = _reasons.of_prometheus(
            row, config, at=results.at, present={sample.name for sample in present}, since=since
        )
        results.put(row, old.series, old.vector, old.window_seconds, reason)


def _assembled(
    rows: list[Row], by_query: Mapping[str, Answer | BaseException], config: Config
) -> QueryResults:
    results = QueryResults("prometheus")
    if any(isinstance(answer, Answer) and answer.warned for answer in by_query.values()):
        results.problems.append("Prometheus warns that its answer may be incomplete [SS548]")
    scope = _environment.scope()
    if missing := [f"{label}=…" for label in config.scope.labels if label not in scope]:
        results.problems.append(
            f"the scope of this service is not known: set SIGNALSCOPE_PROMETHEUS_SCOPE ({';'.join(missing)}); "
            "totals of the service are missing without it [SS551]"
        )
    by_name: dict[str, list[Sample]] = {}
    several = by_query.get("", Answer([]))
    for sample in several.samples if isinstance(several, Answer) else ():
        by_name.setdefault(sample.name, []).append(sample)
    if generated := by_name.get(config.selectors.generated_until):
        until = max(sample.values[0][1] for sample in generated)
        results.problems.append(
            f"history before {_reasons.moment(until)} is generated, not measured: growth, retention, forecasts and "
            "usual levels rest on it; KPIs, budgets and alerts do not [SS554]"
        )
    by_row: dict[str, list[Sample]] = {}
    expressions = by_query.get(_ROW, Answer([]))
    for sample in expressions.samples if isinstance(expressions, Answer) else ():
        by_row.setdefault(dict(sample.labels).get(_ROW, ""), []).append(sample)
    for row in rows:
        answer = several if row.name else expressions
        name, window = _name(row, config), row.lookback(config) or None
        if isinstance(answer, BaseException):
            results.put(row, name, {}, window, _problem(answer, results))
            continue
        # A series that lacks a label of its row comes from another rule.
        needed = set(row.labels) - {"job"}
        vector = {
            _without(sample.labels, (*scope, _ROW)): sample.values[0][1]
            for sample in (by_name.get(row.name, ()) if row.name else by_row.get(row.key, ()))
            if sample.values and needed <= dict(sample.labels).keys()
        }
        results.put(row, name, vector, window, None if vector else "Prometheus has no value for it")
    if not results.degraded and not any(results.get(row.key).vector for row in rows):
        results.problems.append(
            f"Prometheus has no series of the job {_environment.job()!r}; check SIGNALSCOPE_PROMETHEUS_JOB, "
            "and load the rules of signalscope [SS549]"
        )
    return results


def _problem(error: BaseException, results: QueryResults) -> str:
    if isinstance(error, asyncio.CancelledError):
        raise error
    text = str(error)
    if not isinstance(error, PrometheusError):
        text = "the query of Prometheus failed inside signalscope [SS550]"
        internal_error("monitoring.prometheus")
    results.degraded = True
    if text not in results.problems:
        results.problems.append(text)
    return text


def _name(row: Row, config: Config) -> str:
    """Return the PromQL of a row: the name of a recorded series, or an expression."""
    if row.name:
        return row.name
    (variant,) = row.variants(config)
    return variant.expr.promql(Promql(config, _quoted(_environment.job()), _scope()))


def _quoted(text: str) -> str:
    """Return a text escaped for quotes in PromQL."""
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


#: Old name and new name; the old names are deprecated.
_RENAMED = {"Fact": "QueryResult", "Facts": "QueryResults", "facts": "read"}


def __getattr__(name: str) -> Any:
    if name not in _RENAMED:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    new = _RENAMED[name]
    text = f"{__name__}.{name} is deprecated and goes in the next release; use {new} [SS820]"
    warnings.warn(text, DeprecationWarning, stacklevel=2)
    return globals()[new]
