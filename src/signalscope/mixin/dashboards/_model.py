"""Data model of a dashboard: rows of lines of panels, each of which answers a question."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial, wraps
from typing import Any, Literal

from signalscope.config import Config
from signalscope.mixin.dashboards._style import NO_LIMITS, Limits

Kind = Literal["stat", "bars", "table", "series", "heat", "states"]
Shape = Literal["line", "forecast", "upper", "lower"]


@dataclass(frozen=True, slots=True)
class Query:
    """An expression of a panel.

    Attributes:
        expr: PromQL with the variables of the dashboard.
        legend: The name of the series; ``{{label}}`` is the value of a label. In a table: the heading of the column.
        shape: The style: a measured line, a forecast, or a limit of its prediction interval.
        unit: The unit of this column; None for the unit of the panel.
        decimals: The decimals of this column; None for as many as needed.
        limits: The limits of this column.
        states: The text and colour of each value of this column.
    """

    expr: str
    legend: str = ""
    shape: Shape = "line"
    unit: str | None = None
    decimals: int | None = None
    limits: Limits | None = None
    states: Mapping[float, tuple[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """A panel.

    Attributes:
        kind: The type of visualisation.
        title: The question that the panel answers.
        description: The meaning of the numbers.
        queries: The expressions to query.
        unit: Grafana's name of the unit.
        empty: The text that is shown without data: the likely reason.
        limits: Colours and threshold lines.
        alerts: Alerts with the same subject; the panel links to their runbooks.
        leads_to: The key of a dashboard with more detail; the link keeps the variables.
        weight: The width, relative to the other panels of the line.
        low: The minimum of the axis.
        high: The maximum of the axis.
        decimals: Digits after the point; None for as many as needed.
        stacked: If true, series are stacked.
        exemplars: If true, exemplars are shown; they link to traces.
        states: The text and colour of each value.
        named: If true, a stat shows the name of the series beside the value.
        ascending: If true, a table is sorted by its first expression, lowest value first.
        columns: The labels that a table shows, with their headings.
        links: The link of a column, as a URL with ``${__data.fields.HEADING}``.
    """

    kind: Kind
    title: str
    description: str
    queries: tuple[Query, ...]
    unit: str
    empty: str
    limits: Limits = NO_LIMITS
    alerts: tuple[str, ...] = ()
    leads_to: str = ""
    weight: int = 1
    low: float | None = None
    high: float | None = None
    decimals: int | None = None
    stacked: bool = False
    exemplars: bool = False
    states: Mapping[float, tuple[str, str]] = field(default_factory=dict)
    named: bool = False
    ascending: bool = False
    columns: Mapping[str, str] = field(default_factory=dict)
    links: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Line:
    """Panels side by side that fill the width of the dashboard.

    Attributes:
        height: The height in grid units of 38 pixels.
        panels: The panels from left to right.
        heading: The heading of the row that starts with this line; empty for the other lines of a row.
    """

    height: int
    panels: tuple[Panel, ...]
    heading: str = ""


@dataclass(frozen=True, slots=True)
class Board:
    """A dashboard.

    Attributes:
        key: The stem of the file name, and the end of the uid.
        title: The title.
        description: The questions that the dashboard answers, and its readers.
        lines: The content: the verdict first, then causes, then detail.
        since: The start of the default time range.
    """

    key: str
    title: str
    description: str
    lines: tuple[Line, ...]
    since: str = "now-1h"

    @property
    def uid(self) -> str:
        """The unique id in Grafana and in links."""
        return f"signalscope-{self.key}"


def dashboard(
    key: str, title: str, description: str, since: str = "now-1h"
) -> Callable[[Callable[[Config], Iterator[Line]]], Callable[[Config], Board]]:
    """Return a decorator that turns a function that yields lines into one that returns a dashboard.

    Args:
        key: The key, as in `Board`.
        title: The title.
        description: The questions that the dashboard answers, and its readers.
        since: The start of the default time range.
    """

    def decorate(lines: Callable[[Config], Iterator[Line]]) -> Callable[[Config], Board]:
        return wraps(lines)(lambda config: Board(key, title, description, tuple(lines(config)), since))

    return decorate


def row(heading: str, height: int, *panels: Panel) -> Line:
    """Return the first line of a row, with the heading of the row."""
    return Line(height, panels, heading)


def line(*panels: Panel, height: int = 8) -> Line:
    """Return another line of the same row."""
    return Line(height, panels)


def _labels(expr: str) -> str:
    """Return a legend with the labels of the first `by (…)` of an expression."""
    grouped = re.search(r"\bby \(([^)]+)\)", expr)
    labels = grouped[1].split(", ") if grouped else []
    return " ".join(f"{{{{{label}}}}}" for label in labels if label != "le")


def _panel(
    kind: Kind, title: str, description: str, unit: str, empty: str, *queries: Query | str, **more: Any
) -> Panel:
    """Return a panel; a query given as a string gets a legend with the labels that it groups by."""
    named = tuple(Query(query, _labels(query)) if isinstance(query, str) else query for query in queries)
    return Panel(
        kind=kind, title=title, description=description, queries=named, unit=unit, empty=empty, **more
    )  # fmt: skip


#: Return a panel of values over time.
series = partial(_panel, "series")
#: Return a panel of the latest values as bars.
bars = partial(_panel, "bars")


def table(title: str, description: str, empty: str, *queries: Query, **more: Any) -> Panel:
    """Return a table of the latest values of several expressions, joined by their labels."""
    return _panel("table", title, description, "short", empty, *queries, **more)


def states(title: str, description: str, empty: str, *queries: Query | str, **more: Any) -> Panel:
    """Return a panel of states over time."""
    return _panel("states", title, description, "short", empty, *queries, **more)


def stat(
    title: str,
    description: str,
    expr: str,
    unit: str,
    empty: str,
    *others: Query,
    legend: str = "",
    **more: Any,
) -> Panel:
    """Return a panel of the latest value above its history; with a legend, of the value and the series name.

    Another query with a unit of its own has no colour.
    """
    queries = (Query(expr, legend), *others)
    return _panel("stat", title, description, unit, empty, *queries, named=bool(legend), **more)


def heat(title: str, description: str, expr: str, unit: str, empty: str, **more: Any) -> Panel:
    """Return a heat map of the number of measurements in each histogram bucket over time."""
    return _panel("heat", title, description, unit, empty, Query(expr, "{{le}}"), **more)
