"""The answer of `/monitoring/performance-summary`: performance now and over a window."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from statistics import fmean
from typing import Annotated, Any

from pydantic import BaseModel, Field
from pydantic.fields import FieldInfo

from signalscope.derived._vector import Labels
from signalscope.fastapi.monitoring._answer import Answer, ByName, Number
from signalscope.fastapi.monitoring._binding import Binding, Builder, Series, keys
from signalscope.fastapi.monitoring._budgets import EVERY_SLO, Slo
from signalscope.fastapi.monitoring._kpis import Kpi, every_kpi

#: By series and labels: pairs of time and value over the window.
History = Mapping[str, Mapping[Labels, list[tuple[float, float]]]]
_MOST_ROWS = 50
#: The end of the key of a row over the last 30 seconds.
_NOW = "_NOW"


class Statistics(BaseModel):
    """The value of a number over the last 30 seconds, and its lowest, mean and highest value over the window.

    The lowest and the highest value include the present one.
    """

    now: Number = Field(description="The present value.")
    lowest: Number = Field(default=None, description="The lowest value in the window.")
    mean: Number = Field(default=None, description="The mean of the values in the window.")
    highest: Number = Field(default=None, description="The highest value in the window.")
    now_seconds: Number = Field(default=None, description="The seconds that `now` covers, at most 30.")
    window_seconds: Number = Field(
        default=None, description="The seconds that the lowest, mean and highest values cover."
    )
    lower_bounds: list[str] = Field(
        default_factory=list,
        description="The names of quantiles at the highest bucket boundary, and of means with such a quantile. The "
        "real values are not lower, and may be much higher.",
    )


_OVER_WINDOW: Mapping[str, Callable[[list[float]], float]] = {"lowest": min, "mean": fmean, "highest": max}


class NowAndOverWindow(Binding):
    """Binds a field to statistics of one or more series, now and over the window.

    `fill` must get the parameters `window_seconds` and `history`: a `History`, or the reason why it is not available.

    Args:
        **columns: The series, by the name of its statistics in the answer.
    """

    def __init__(self, **columns: Series) -> None:
        def value(builder: Builder, path: str, _: FieldInfo) -> dict[str, dict[str, Number]]:
            return {name: _statistics(builder, f"{path}.{name}", series) for name, series in columns.items()}

        recorded = tuple(series.key for series in columns.values())
        super().__init__(value, *recorded, *(f"{key}{_NOW}" for key in recorded))


def _statistics(builder: Builder, path: str, series: Series) -> dict[str, Any]:
    now: Number = replace(series, key=f"{series.key}{_NOW}").value(builder, path)
    numbers: dict[str, Any] = {"now": now}
    numbers["now_seconds"] = builder.provenance[path].window_seconds
    history: History | str = builder.parameters["history"]
    recorded = builder.results.get(series.key)
    reason = history if isinstance(history, str) and history else None
    if reason is None:
        seconds = builder.parameters["history_seconds"]
        reason = recorded.reason or f"{recorded.series} has no value in the last {seconds:.0f} s"
    labels = series.labels(builder).items()
    values = [
        value
        for names, pairs in ({} if isinstance(history, str) else history.get(series.key, {})).items()
        if all(dict(names).get(name, "") == text for name, text in labels)
        for _, value in pairs
    ]
    window = builder.parameters["history_seconds"]
    numbers["window_seconds"] = window
    for name, summarise in _OVER_WINDOW.items():
        also = [now] if now is not None and name != "mean" else []
        numbers[name] = summarise(values + also) if values else None
        inside = f"{path}.{name}"
        builder.note(inside, series.key, series.unit, missing=not values, reason=reason, window=window)
    bounds = {
        name
        for name in ("now", *_OVER_WINDOW)
        if numbers[name] is not None and series.is_lower_bound(numbers[name])
    }
    if values:  # the mean of equal floats can differ from them in the last digit
        numbers["mean"] = min(max(numbers["mean"], numbers["lowest"]), numbers["highest"])
    if "highest" in bounds:
        bounds.add("mean")
    return numbers | {"lower_bounds": sorted(bounds)}


def _table(label: str, **columns: Series) -> Binding:
    """Bind a field to a table with a row for each value of a label and a column for each series.

    The rows are sorted by the first column, the greatest number first.
    """
    columns = {name: replace(series, by=label, combine=max) for name, series in columns.items()}

    def value(builder: Builder, path: str, _: FieldInfo) -> dict[str, dict[str, Any]]:
        numbers = {name: series.value(builder, f"{path}.{name}") or {} for name, series in columns.items()}
        every = list(dict.fromkeys(row for column in numbers.values() for row in column))
        rows = every[:_MOST_ROWS]
        if len(every) > len(rows):
            builder.results.problems.append(f"{path}: only {len(rows)} of {len(every)} rows are shown")
        for name, series in columns.items():
            for row in rows:
                if row not in numbers[name]:
                    where = {label: row}
                    builder.note(f"{path}.{row}.{name}", series.key, series.unit, missing=True, where=where)
        return {row: {name: column.get(row) for name, column in numbers.items()} for row in rows}

    return Binding(value, *(series.key for series in columns.values()))


class PerformanceSummary(Answer):
    """Performance now and over a window."""

    window: str = Field(description="The period of the lowest, mean and highest values.")
    api: Annotated[
        dict[str, Statistics],
        NowAndOverWindow(
            requests_per_second=Series("API_REQUESTS", "requests/s"),
            error_rate_percentage=Series("ERROR_RATE", "%", where={"endpoint": ""}),
            slow_requests_percentage=Series("API_SLOW", "%"),
            mean_seconds=Series("API_MEAN", "s"),
            p50_seconds=Series("API_P50", "s"),
            p95_seconds=Series("API_P95", "s"),
            p99_seconds=Series("API_P99", "s"),
        ),
    ] = Field(description="Latency in seconds, errors in percent, requests per second.")
    endpoints: Annotated[
        dict[str, dict[str, Number]],
        _table(
            "endpoint",
            requests_per_second=Series("API_REQUESTS_ENDPOINT", "requests/s"),
            p95_seconds=Series("API_P95_ENDPOINT", "s"),
            error_rate_percentage=Series("ERROR_RATE", "%"),
        ),
    ] = Field(description="By route template: requests_per_second, p95_seconds, error_rate_percentage.")
    greeks: Annotated[
        dict[str, Statistics],
        NowAndOverWindow(
            options_per_second=Series("GREEKS_OPTIONS", "options/s"),
            vectorized_share=Series("VECTORIZED_SHARE", "ratio", where={"calculation_type": ""}),
            vectorized_p90_seconds=Series("GREEKS_P90", "s", where={"vectorized": "true"}),
            vectorized_speedup=Series("VECTORIZED_SPEEDUP", "times"),
            invalid_ratio=Series("GREEKS_INVALID_RATIO", "ratio"),
        ),
    ]
    signals: Annotated[
        dict[str, Statistics],
        NowAndOverWindow(
            signals_per_second=Series("SIGNALS", "signals/s"),
            mean_seconds=Series("SIGNAL_MEAN", "s"),
            p95_seconds=Series("SIGNAL_P95", "s"),
        ),
    ]
    caches: Annotated[ByName, Series("CACHE_HITS", "ratio", by="cache_type")] = Field(
        description="Hit ratio of each cache, 0 to 1."
    )
    queues: Annotated[ByName, Series("QUEUE_BACKPRESSURE", "ratio", by="queue_type", combine=max)] = Field(
        description="Backpressure of each queue, 0 to 1."
    )
    dependencies: Annotated[
        dict[str, dict[str, Number]],
        _table(
            "service_name",
            healthy=Series("DEPENDENCY_UP", ""),
            p95_seconds=Series("DEPENDENCY_P95", "s"),
            error_ratio=Series("DEPENDENCY_ERROR_RATIO", "ratio"),
        ),
    ] = Field(description="By external service: healthy (1 or 0), p95_seconds, error_ratio.")
    slos: Annotated[dict[str, Slo] | None, EVERY_SLO] = Field(
        description="By SLO: objective, burn rate and error budget remaining; null without Prometheus."
    )
    kpis: Annotated[list[Kpi] | None, every_kpi("technical", "operational")] = Field(
        description="Technical and operational KPIs; null without Prometheus."
    )


#: The recorded series whose values over the window the answer summarises.
OVER_WINDOW = [key for key in keys(PerformanceSummary, NowAndOverWindow) if not key.endswith(_NOW)]
