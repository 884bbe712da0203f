"""What a dashboard is made of: lines of panels, in rows, each of which answers a question."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial, wraps
from typing import Any, Literal

from signalscope.config import Config
from signalscope.mixin.dashboards._style import NO_LIMITS, Limits

Kind = Literal["stat", "gauge", "bars", "table", "series", "heat", "states"]
Shape = Literal["line", "forecast", "upper", "lower"]


@dataclass(frozen=True, slots=True)
class Query:
    """One expression of a panel.

    Attributes:
        expr: PromQL, with the dashboard's variables.
        legend: The name of its series; ``{{label}}`` is the value of a label. In a table: the column's heading.
        shape: How it is drawn: measured, expected, or a bound of what is expected.
        unit: Of this column, where it differs from the panel's.
        decimals: Of this column; None for as many as are needed.
        limits: Of this column.
    """

    expr: str
    legend: str = ""
    shape: Shape = "line"
    unit: str | None = None
    decimals: int | None = None
    limits: Limits | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One panel.

    Attributes:
        kind: How it is drawn.
        title: The question that it answers.
        description: What the numbers mean, and what to look at next.
        queries: What is asked of Prometheus.
        unit: Grafana's name of the unit.
        empty: What is shown where there is no data: what that means.
        limits: Colours and threshold lines; from the config.
        alerts: Alerts about the same; their runbooks are linked.
        leads_to: The dashboard that tells more; linked with the variables kept.
        weight: Its share of the line's width.
        low: The least value of the axis.
        high: The greatest value of the axis.
        decimals: Digits after the point; None for as many as are needed.
        stacked: Whether series are drawn on top of each other.
        exemplars: Whether single measurements are marked, which lead to their traces.
        states: What a value means: a text and its colour.
        named: Whether a stat shows the series' name beside its value.
        ascending: Whether a table begins with the lowest value of its first expression.
        columns: Labels that a table shows, and their headings.
        links: Where a column's cells lead to, as a URL with ``${__data.fields.HEADING}``.
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
    """Panels side by side, as wide as the dashboard together.

    Attributes:
        height: In grid units of 38 pixels.
        panels: From left to right.
        heading: The heading of the row that begins with this line; empty within a row.
    """

    height: int
    panels: tuple[Panel, ...]
    heading: str = ""


@dataclass(frozen=True, slots=True)
class Board:
    """One dashboard.

    Attributes:
        key: Its file's name and the end of its uid.
        title: Its title.
        description: Whose questions it answers.
        lines: Its content: the verdict first, then causes, then detail.
        since: The time range that it opens with.
    """

    key: str
    title: str
    description: str
    lines: tuple[Line, ...]
    since: str = "now-1h"

    @property
    def uid(self) -> str:
        """How Grafana and links know it."""
        return f"signalscope-{self.key}"


def dashboard(
    key: str, title: str, description: str, since: str = "now-1h"
) -> Callable[[Callable[[Config], Iterator[Line]]], Callable[[Config], Board]]:
    """Return a decorator of a function that yields the lines of a dashboard; it then returns the dashboard.

    Args:
        key: As in `Board`, like the rest.
        title: Its title.
        description: Whose questions it answers.
        since: The time range that it opens with.
    """

    def decorate(lines: Callable[[Config], Iterator[Line]]) -> Callable[[Config], Board]:
        return wraps(lines)(lambda config: Board(key, title, description, tuple(lines(config)), since))

    return decorate


def row(heading: str, height: int, *panels: Panel) -> Line:
    """The first line of a row, under its heading."""
    return Line(height, panels, heading)


def line(*panels: Panel, height: int = 8) -> Line:
    """One more line of the row before it."""
    return Line(height, panels)


def _labels(expr: str) -> str:
    """Return the legend of the labels that an expression groups by first."""
    grouped = re.search(r"\bby \(([^)]+)\)", expr)
    labels = grouped[1].split(", ") if grouped else []
    return " ".join(f"{{{{{label}}}}}" for label in labels if label != "le")


def _panel(
    kind: Kind, title: str, description: str, unit: str, empty: str, *queries: Query | str, **more: Any
) -> Panel:
    """Return a panel; the series of PromQL without a `Query` are named after the labels that it groups by."""
    named = tuple(Query(query, _labels(query)) if isinstance(query, str) else query for query in queries)
    return Panel(
        kind=kind, title=title, description=description, queries=named, unit=unit, empty=empty, **more
    )  # fmt: skip


#: Values over time.
series = partial(_panel, "series")
#: The latest values, to be compared with each other.
bars = partial(_panel, "bars")


def table(title: str, description: str, empty: str, *queries: Query, **more: Any) -> Panel:
    """The latest values of several expressions, joined by their labels."""
    return _panel("table", title, description, "short", empty, *queries, **more)


def states(title: str, description: str, empty: str, *queries: Query | str, **more: Any) -> Panel:
    """In which state something was, over time."""
    return _panel("states", title, description, "short", empty, *queries, **more)


def stat(
    title: str, description: str, expr: str, unit: str, empty: str, *, legend: str = "", **more: Any
) -> Panel:
    """The latest value, large, above what it was before; with a legend, the name of what has it."""
    return _panel("stat", title, description, unit, empty, Query(expr, legend), named=bool(legend), **more)


def gauge(title: str, description: str, expr: str, unit: str, empty: str, **more: Any) -> Panel:
    """The latest value between its least and its greatest."""
    return _panel("gauge", title, description, unit, empty, Query(expr), **more)


def heat(title: str, description: str, expr: str, unit: str, empty: str, **more: Any) -> Panel:
    """How many measurements fell into each bucket of a histogram, over time."""
    return _panel("heat", title, description, unit, empty, Query(expr, "{{le}}"), **more)
