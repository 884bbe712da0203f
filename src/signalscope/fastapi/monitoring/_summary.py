"""The summary of `/monitoring/metrics`: one readable line for each metric, by area."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, Field

from signalscope import contract
from signalscope.fastapi.monitoring._answer import Source
from signalscope.fastapi.monitoring._current import CurrentMetrics, MetricNow, SeriesNow

#: The number of series of a metric that the summary shows.
_MOST = 5


class MetricLine(BaseModel):
    """One metric in words."""

    name: str = Field(description="The name in Prometheus.")
    description: str = Field(description="The meaning of the metric.")
    text: str = Field(description="The value in words, with its unit.")
    series: dict[str, str] = Field(description="By labels: the value in words, of the five greatest series.")
    more_series: int = Field(description="The number of series that are not listed.")


class MetricsSummary(BaseModel):
    """The metrics of this process in words, by area, without values that do not exist."""

    timestamp: datetime = Field(description="The time when the values were read, in UTC.")
    source: Source
    problems: list[str] = Field(description="Problems with the data.")
    period: str = Field(description="The period that counters and histograms cover, in words.")
    areas: dict[str, list[MetricLine]] = Field(description="The metrics by area, such as API or Greeks.")
    idle: list[str] = Field(description="The metrics whose series are all zero.")
    not_recorded: str = Field(description="The number of metrics of the contract without a series, in words.")


def summary(metrics: CurrentMetrics) -> MetricsSummary:
    """Return the summary of an answer of `/monitoring/metrics`."""
    sections = {row.prometheus_name: row.section for row in contract.instruments()}
    areas: dict[str, list[MetricLine]] = {}
    idle = []
    for name, metric in metrics.metrics.items():
        if metric.kind != "gauge" and not any(map(_size, metric.series)):
            idle.append(name)
        else:
            areas.setdefault(sections[name] or "Other", []).append(_line(name, metric))
    seconds = metrics.window_seconds
    return MetricsSummary(
        timestamp=metrics.timestamp,
        source=metrics.source,
        problems=metrics.problems,
        period="this process records nothing"
        if seconds is None
        else f"the {_duration(seconds)} since this process began to record",
        areas=areas,
        idle=idle,
        not_recorded=f"{len(sections) - len(metrics.metrics)} of {len(sections)} metrics have no series here",
    )


def _line(name: str, metric: MetricNow) -> MetricLine:
    shown = sorted(metric.series, key=_size, reverse=True)[:_MOST]
    is_single = len(metric.series) == 1 and not metric.series[0].labels
    return MetricLine(
        name=name,
        description=metric.description,
        text=_total(metric),
        series={} if is_single else {_labels(series): _text(series, metric.unit) for series in shown},
        more_series=0 if is_single else len(metric.series) - len(shown) + metric.more_series,
    )


def _total(metric: MetricNow) -> str:
    if metric.kind == "gauge":
        if len(metric.series) == 1:
            return _text(metric.series[0], metric.unit)
        values = [series.value for series in metric.series if series.value is not None]
        low, high = min(values), max(values)
        return f"{len(values)} series, {_amount(low, metric.unit)} to {_amount(high, metric.unit)}"
    if metric.kind != "histogram":
        return _amount(metric.total or 0.0, metric.unit)
    count = sum(series.count or 0 for series in metric.series)
    mean = sum(series.sum or 0.0 for series in metric.series) / count
    return f"{count:,} measurements, mean {_amount(mean, metric.unit)}"


def _text(series: SeriesNow, unit: str) -> str:
    if series.count is None:
        return _amount(series.value or 0.0, unit)
    if series.mean is None:
        return "no measurements"
    return f"{series.count:,} measurements, mean {_amount(series.mean, unit)}"


def _size(series: SeriesNow) -> float:
    return float(series.count if series.count is not None else series.value or 0.0)


def _labels(series: SeriesNow) -> str:
    return ", ".join(f"{name} {value}" for name, value in series.labels.items()) or "all"


def _amount(value: float, unit: str) -> str:
    """Return a number with its unit, in a sensible magnitude."""
    if unit == "s":
        return _duration(value)
    if unit == "By":
        for name, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
            if abs(value) >= size:
                return f"{value / size:.3g} {name}"
        return f"{value:.0f} bytes"
    word = unit.strip("{}")
    number = f"{value:,.0f}" if float(value).is_integer() else f"{value:,.4g}"
    if not word:
        return number
    return (
        f"{number} {word}"
        if value == 1 or not unit.startswith("{") or word == "currency"
        else f"{number} {_plural(word)}"
    )


def _plural(word: str) -> str:
    return f"{word[:-1]}ies" if word.endswith("y") else f"{word}s"


def _duration(seconds: float) -> str:
    for unit, size in (("d", 86_400.0), ("h", 3_600.0), ("min", 60.0)):
        if abs(seconds) >= 2 * size:
            return f"{seconds / size:.1f} {unit}"
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if abs(seconds) >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds / 1e-6:.3g} µs" if seconds else "0 s"
