"""`/monitoring/metrics`: what /metrics has, for programs that read JSON."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Literal

from pydantic import BaseModel, Field

from signalscope import contract
from signalscope._contract_model import Instrument, Kind
from signalscope.fastapi.summaries._models import Source
from signalscope.fastapi.values._facts import Facts
from signalscope.recording._snapshot import NotKeptError, Snapshot, snapshot

__all__ = ["CurrentMetrics", "MetricNow", "SeriesNow", "current_metrics"]

#: Series that are listed of one metric.
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
    metrics: dict[str, MetricNow] = Field(description="By the name that they have in Prometheus.")


async def current_metrics(name: str | None = None) -> CurrentMetrics:
    """The present values of this process.

    Args:
        name: Only of instruments whose name has this in it.
    """
    wanted = [
        each
        for each in contract.instruments()
        if name is None or name in each.prometheus_name or name in each.name
    ]
    problems: list[str] = []
    metrics: dict[str, MetricNow] = {}
    try:
        seen = await asyncio.to_thread(snapshot, [each.name for each in wanted])
        metrics = {each.prometheus_name: found for each in wanted if (found := _metric(each, seen)).series}
        problems = [f"{each} is aggregated elsewhere" for each in sorted(seen.left_out)]
    except NotKeptError as error:
        problems.append(str(error))
    facts = Facts("process")
    return CurrentMetrics(
        timestamp=datetime.now(UTC),
        source=Source(name="process", description=facts.describe()),
        problems=problems,
        metrics=metrics,
    )


def _metric(instrument: Instrument, seen: Snapshot) -> MetricNow:
    series = []
    total: float | None = None
    for values, value in seen.gauges.get(instrument.name, {}).items():
        series.append(SeriesNow(labels=_labels(instrument, values), value=value))
    for values, each in seen.totals.get(instrument.name, {}).items():
        labels = _labels(instrument, values)
        if instrument.kind is Kind.HISTOGRAM:
            total = (total or 0) + each.count
            mean = each.total / each.count if each.count else None
            series.append(SeriesNow(labels=labels, value=None, count=each.count, sum=each.total, mean=mean))
        else:
            total = (total or 0) + each.total
            series.append(SeriesNow(labels=labels, value=each.total))
    return MetricNow(
        kind=instrument.kind.value,
        unit=instrument.unit,
        description=instrument.description,
        total=total,
        series=series[:_MOST],
        more_series=max(0, len(series) - _MOST),
    )


def _labels(instrument: Instrument, values: tuple[str, ...]) -> dict[str, str]:
    if len(values) != len(instrument.attribute_names):
        return {"otel.metric.overflow": "true"}
    return dict(zip(instrument.attribute_names, values, strict=True))
