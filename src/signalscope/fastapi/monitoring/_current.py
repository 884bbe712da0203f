"""The answer of `/monitoring/metrics`: the content of /metrics as JSON."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import islice
from typing import Literal

from pydantic import BaseModel, Field

from signalscope import contract
from signalscope.contract._model import Instrument, Kind
from signalscope.derived.read import QueryResults
from signalscope.fastapi.monitoring._answer import Source
from signalscope.recording._snapshot import NotKeptError, Snapshot, snapshot

#: Series of one metric that are listed at most.
_MOST = 200


class SeriesNow(BaseModel):
    """One series."""

    labels: dict[str, str]
    value: float | None = Field(description="Of a counter or gauge; null of a histogram.")
    count: int | None = Field(default=None, description="Measurements of a histogram.")
    sum: float | None = Field(default=None, description="Their sum, in the metric's unit.")
    mean: float | None = Field(default=None, description="Their mean; null without measurements.")


class MetricNow(BaseModel):
    """One metric."""

    kind: Literal["counter", "updowncounter", "histogram", "gauge"]
    unit: str
    description: str
    total: float | None = Field(
        description="The sum of a counter's series, the number of a histogram's measurements; null of a gauge."
    )
    series: list[SeriesNow]
    more_series: int = Field(description="How many there are beyond those that are listed.")


class CurrentMetrics(BaseModel):
    """Every metric that has a value."""

    timestamp: datetime
    source: Source
    problems: list[str]
    window_seconds: float | None = Field(
        description="How far counters and histograms look back: to when this process began to record. "
        "Gauges are of now. Null when nothing is recorded here; `problems` says why."
    )
    metrics: dict[str, MetricNow] = Field(description="By the name that they have in Prometheus.")


def current_metrics(name: str | None = None) -> CurrentMetrics:
    """Return the present values of this process.

    Args:
        name: Include only instruments whose name contains this.
    """
    wanted = [
        each
        for each in contract.instruments()
        if name is None or name in each.prometheus_name or name in each.name
    ]
    problems: list[str] = []
    window: float | None = None
    metrics: dict[str, MetricNow] = {}
    try:
        seen = snapshot([each.name for each in wanted])
        metrics = {each.prometheus_name: found for each in wanted if (found := _metric(each, seen)).series}
        window = round(seen.at - seen.began, 3)
        problems = [f"{each} is aggregated elsewhere" for each in sorted(seen.left_out)]
    except NotKeptError as error:
        problems.append(str(error))
    return CurrentMetrics(
        timestamp=datetime.now(UTC),
        source=Source.of(QueryResults("process")),
        problems=problems,
        window_seconds=window,
        metrics=metrics,
    )


def _metric(instrument: Instrument, seen: Snapshot) -> MetricNow:
    gauges = seen.gauges.get(instrument.name, {})
    totals = seen.totals.get(instrument.name, {})
    series = [
        SeriesNow(labels=_labels(instrument, values), value=value)
        for values, value in islice(gauges.items(), _MOST)
    ]
    is_histogram = instrument.kind is Kind.HISTOGRAM
    for values, each in islice(totals.items(), _MOST):
        labels = _labels(instrument, values)
        if is_histogram:
            mean = each.total / each.count if each.count else None
            series.append(SeriesNow(labels=labels, value=None, count=each.count, sum=each.total, mean=mean))
        else:
            series.append(SeriesNow(labels=labels, value=each.total))
    total = sum(each.count if is_histogram else each.total for each in totals.values()) if totals else None
    return MetricNow(
        kind=instrument.kind.value,
        unit=instrument.unit,
        description=instrument.description,
        total=total,
        series=series,
        more_series=len(gauges) + len(totals) - len(series),
    )


def _labels(instrument: Instrument, values: tuple[str, ...]) -> dict[str, str]:
    if len(values) != len(instrument.attribute_names):
        return {"otel.metric.overflow": "true"}
    return dict(zip(instrument.attribute_names, values, strict=True))
