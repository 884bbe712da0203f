"""The answer of `/monitoring/metrics`: the metrics of this process as JSON."""

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

#: The maximum number of listed series of one metric.
_MOST = 200


class SeriesNow(BaseModel):
    """The present value of one combination of labels."""

    labels: dict[str, str] = Field(description="The labels and their values.")
    value: float | None = Field(description="The value of a counter or gauge; null for a histogram.")
    count: int | None = Field(default=None, description="The number of measurements of a histogram.")
    sum: float | None = Field(default=None, description="The sum of the measurements, in the metric's unit.")
    mean: float | None = Field(default=None, description="The mean; null without measurements.")


class MetricNow(BaseModel):
    """The kind, the unit and the series of one metric."""

    kind: Literal["counter", "updowncounter", "histogram", "gauge"]
    unit: str = Field(description="The unit of the values.")
    description: str = Field(description="The meaning of the metric.")
    total: float | None = Field(
        description="Counter: the sum of all series. Histogram: the number of measurements. Gauge: null."
    )
    series: list[SeriesNow] = Field(description="The first 200 series.")
    more_series: int = Field(description="The number of series that are not listed.")


class CurrentMetrics(BaseModel):
    """All metrics that have a value."""

    timestamp: datetime = Field(description="The time when the values were read, in UTC.")
    source: Source
    problems: list[str] = Field(description="Problems with the data.")
    window_seconds: float | None = Field(
        description="Seconds since this process began to record; counters and histograms cover this time. "
        "Null if this process records nothing; `problems` has the reason."
    )
    metrics: dict[str, MetricNow] = Field(description="The metrics by their name in Prometheus.")


def current_metrics(name: str | None = None) -> CurrentMetrics:
    """Return the present values of all metrics of this process.

    Args:
        name: Include only instruments whose name contains this text.
    """
    instruments = [
        instrument
        for instrument in contract.instruments()
        if name is None or name in instrument.prometheus_name or name in instrument.name
    ]
    problems: list[str] = []
    window: float | None = None
    metrics: dict[str, MetricNow] = {}
    try:
        recorded = snapshot([instrument.name for instrument in instruments])
        metrics = {instrument.prometheus_name: _metric(instrument, recorded) for instrument in instruments}
        window = round(recorded.at - recorded.began, 3)
        problems = [f"{name} is missing: a View or another SDK has it" for name in sorted(recorded.left_out)]
    except NotKeptError as error:
        problems.append(str(error))
    return CurrentMetrics(
        timestamp=datetime.now(UTC),
        source=Source(name="process", description=QueryResults("process").describe()),
        problems=problems,
        window_seconds=window,
        metrics={metric_name: metric for metric_name, metric in metrics.items() if metric.series},
    )


def _metric(instrument: Instrument, recorded: Snapshot) -> MetricNow:
    gauges = recorded.gauges.get(instrument.name, {})
    totals = recorded.totals.get(instrument.name, {})
    series = [
        SeriesNow(labels=_labels(instrument, values), value=value)
        for values, value in islice(gauges.items(), _MOST)
    ]
    is_histogram = instrument.kind is Kind.HISTOGRAM
    for values, sums in islice(totals.items(), _MOST):
        labels = _labels(instrument, values)
        if is_histogram:
            mean = sums.total / sums.count if sums.count else None
            series.append(SeriesNow(labels=labels, value=None, count=sums.count, sum=sums.total, mean=mean))
        else:
            series.append(SeriesNow(labels=labels, value=sums.total))
    total = sum(sums.count if is_histogram else sums.total for sums in totals.values()) if totals else None
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
