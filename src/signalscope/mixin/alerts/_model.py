"""Data model of an alert."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal
from urllib.parse import quote

from signalscope import derived
from signalscope.config import Config
from signalscope.config._rules import Domain
from signalscope.derived._promql import Promql, duration

Severity = Literal["critical", "warning", "info"]
#: A dashboard, by the end of its uid.
Board = Literal[
    "executive", "operations", "developer", "capacity", "revenue", "experience", "cost", "telemetry"
]

#: The route of each severity.
ROUTES: dict[Severity, str] = {"critical": "page", "warning": "ticket", "info": "inform"}
LABELS = ("severity", "team", "route", "domain")
ANNOTATIONS = ("summary", "description", "business_impact", "response", "runbook_url", "dashboard_url")
#: The process of a series, in the text of an alert; only the workers of a scraped service have the label `process`.
PROCESS = "{{ $labels.instance }}{{ with $labels.process }} (process {{ . }}){{ end }}"


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert, with its condition, labels and texts.

    Attributes:
        name: The name of the alert.
        domain: The subject; ``[teams]`` of the configuration maps it to the team that owns the alert.
        expr: The PromQL expression; the alert fires for each series of the result.
        ask: The builder of the expression, with the series and windows that the expression reads.
        for_: Seconds that the expression must be true before the alert fires: Prometheus' `for`.
        keep_firing_for: Seconds that the alert fires after the expression was last true, against flapping.
        summary: The problem in one line.
        description: The problem with its numbers.
        impact: The effect on users of the service, or on its owners.
        response: The first step to take.
        severity: `critical` pages, `warning` goes to the team's queue, `info` only to the dashboard.
        dashboard: The dashboard about this alert.
        labels: More labels.
        shows_after: Seconds until a sudden, complete change shows in the expression, if `window` cannot derive them.
        warning: The expression of a second rule with the same name and texts, and severity `warning`.
        values: Values of placeholders in the runbook of this alert, in addition to the common ones.

    Example:
        >>> from signalscope.mixin.alerts import alerts
        >>> alerts(Config())[0].all_labels(Config())["route"]
        'page'
    """

    name: str
    domain: Domain
    expr: str
    ask: Promql
    for_: int
    summary: str
    description: str
    impact: str
    response: str
    severity: Severity = "warning"
    dashboard: Board = "operations"
    keep_firing_for: int = 0
    labels: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, str] = field(default_factory=dict)
    shows_after: int | None = None
    warning: str = ""

    @property
    def rules(self) -> tuple[Alert, ...]:
        """Return an alert for each rule: this one, and one with severity `warning` where it has `warning`."""
        if not self.warning:
            return (self,)
        return self, replace(self, expr=self.warning, severity="warning", warning="")

    @property
    def reads(self) -> frozenset[str]:
        """Return the keys of the derived series that the expression reads."""
        return frozenset(self.ask.series)

    @property
    def window(self) -> int:
        """Return the most seconds until a sudden, complete change shows in the expression.

        This is the time range of the expression plus the interval of the series that it reads.
        """
        if self.shows_after is not None:
            return self.shows_after
        config = self.ask.config
        rows = map(derived.get, self.reads)
        shown = (row.shows_after(config) + self._interval(row) for row in rows)
        return round(max((self.ask.over, *shown)))

    def _interval(self, row: derived.Row) -> int:
        """Return the evaluation interval of a series that this alert reads, in seconds."""
        pipeline = self.ask.config.pipeline
        interval: int = getattr(pipeline, row.interval)
        return pipeline.series_interval(self.for_) if row.is_shared else interval

    def all_labels(self, config: Config) -> dict[str, str]:
        """Return all labels, with those that routes match."""
        return {
            "severity": self.severity,
            "team": getattr(config.teams, self.domain),
            "route": ROUTES[self.severity],
            "domain": self.domain,
            **self.labels,
        }

    def annotations(self, config: Config) -> dict[str, str]:
        """Return the annotations of a notification."""
        board = f"{config.grafana.rstrip('/')}/d/signalscope-{self.dashboard}"
        return {
            "summary": self.summary,
            "description": self.description,
            "business_impact": self.impact,
            "response": self.response,
            "runbook_url": f"{config.runbooks.rstrip('/')}/{self.name}.md",
            "dashboard_url": f"{board}?var-job={quote(config.selectors.job, safe='')}",
        }


def shown_after(ratio: float, key: str, config: Config, for_: int) -> int:
    """Return the seconds until a complete change makes up a ratio of a series' window; twice that, since load varies.

    Args:
        ratio: The ratio, from 0 to 1.
        key: The key of the derived series.
        config: The configuration.
        for_: The `for` of the alert, which sets how often the series is evaluated.
    """
    over = derived.get(key).shows_after(config)
    return round(min(1.0, 2 * ratio) * over) + config.pipeline.series_interval(for_)


def slow(ask: Promql, quantile: tuple[str, float], buckets: str, above: float, hold: int) -> str:
    """Return the condition that a quantile of latency is above a limit: at once if enough calls are slow.

    With less than `thresholds.slow_calls` slow calls in the window of the quantile, it must have been above the limit
    before too.

    Args:
        ask: The builder of the expression.
        quantile: A selector of the quantile, with one series for each job; and which quantile it is, from 0 to 1.
        buckets: A selector of the buckets `+Inf` from which it is computed: calls per second.
        above: The limit, in seconds.
        hold: Seconds since when it must have been above the limit with few calls.
    """
    value, q = quantile
    # While the quantile is above the limit, more than 1 - q of the calls are slow.
    calls = ask.config.thresholds.slow_calls / (1 - q)
    before = f"{value} offset {duration(hold)}" if hold else value
    return (
        f"{value} > {above:g} and {ask.on()}"
        f" (sum {ask.by()} ({buckets}) >= {calls:.6g} / {ask.config.windows.latency} or {before} > {above:g})"
    )


Maker = Callable[..., Alert]


def maker(config: Config, domain: Domain, **shared: Any) -> Maker:
    """Return a function that creates the alerts of one subject.

    The function takes the name of the alert, its expression, and the fields of `Alert` that are not shared. The
    expression is PromQL or a function that builds it with a `Promql`, which records the series that are read. So is
    `warning`.

    Args:
        config: The configuration.
        domain: The domain of the alerts.
        shared: Default values of fields.
    """

    def make(
        name: str,
        expr: str | Callable[[Promql], str],
        warning: str | Callable[[Promql], str] = "",
        **own: Any,
    ) -> Alert:
        ask = Promql(config)
        text, lesser = (given if isinstance(given, str) else given(ask) for given in (expr, warning))
        return Alert(name=name, domain=domain, expr=text, ask=ask, warning=lesser, **{**shared, **own})

    return make
