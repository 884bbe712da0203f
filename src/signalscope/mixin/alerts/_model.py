"""What an alert is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import quote

from signalscope import derived
from signalscope.config import Config
from signalscope.config._rules import Domain
from signalscope.derived._promql import Promql

Severity = Literal["critical", "warning", "info"]
#: Dashboards by the end of their uid.
Board = Literal[
    "executive", "operations", "developer", "capacity", "revenue", "experience", "cost", "telemetry"
]

#: How people are notified, by severity.
ROUTES: dict[Severity, str] = {"critical": "page", "warning": "ticket", "info": "inform"}
LABELS = ("severity", "team", "route", "domain")
ANNOTATIONS = ("summary", "description", "business_impact", "response", "runbook_url", "dashboard_url")


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert.

    Attributes:
        name: Its name.
        domain: Its subject; ``[teams]`` of the configuration says which team owns it.
        expr: The PromQL expression; it fires for every series of the result.
        ask: What rendered the names in the expression, and noted which series and windows it reads.
        for_: Seconds that the expression must be true before the alert fires: Prometheus' `for`.
        keep_firing_for: Seconds that it goes on firing after it was last true, against flapping.
        summary: What is wrong, in one line.
        description: With the numbers.
        impact: What users of the service, or its owners, notice.
        response: What to do first.
        severity: critical pages, warning goes to the team's queue, info is for the dashboard.
        dashboard: Where to look.
        labels: More labels.
        shows_after: Seconds until a sudden, complete change shows in the expression, where `window` cannot know it.
        values: What placeholders of its runbook stand for, beside those that every runbook has.
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

    @property
    def reads(self) -> frozenset[str]:
        """Return the keys of the derived series that the expression reads."""
        return frozenset(self.ask.series)

    @property
    def window(self) -> int:
        """Return how many seconds a sudden, complete change takes at the most to show in the expression.

        That is what the expression looks back over, and the interval of the series it reads.
        """
        if self.shows_after is not None:
            return self.shows_after
        config = self.ask.config
        rows = map(derived.get, self.reads)
        shown = (row.shows_after(config) + self._interval(row) for row in rows)
        return round(max((self.ask.over, *shown)))

    def _interval(self, row: derived.Row) -> int:
        """Return the seconds between two values of a series that this alert reads."""
        pipeline = self.ask.config.pipeline
        interval: int = getattr(pipeline, row.interval)
        return pipeline.series_interval(self.for_) if row.is_shared else interval

    def all_labels(self, config: Config) -> dict[str, str]:
        """Return the labels that routes go by."""
        return {
            "severity": self.severity,
            "team": getattr(config.teams, self.domain),
            "route": ROUTES[self.severity],
            "domain": self.domain,
            **self.labels,
        }

    def annotations(self, config: Config) -> dict[str, str]:
        """Return what the person who is notified reads."""
        board = f"{config.grafana.rstrip('/')}/d/signalscope-{self.dashboard}"
        return {
            "summary": self.summary,
            "description": self.description,
            "business_impact": self.impact,
            "response": self.response,
            "runbook_url": f"{config.runbooks.rstrip('/')}/{self.name}.md",
            "dashboard_url": f"{board}?var-job={quote(config.selectors.job, safe='')}",
        }


Maker = Callable[..., Alert]


def maker(config: Config, domain: Domain, **shared: Any) -> Maker:
    """Return a function that makes the alerts of one subject, each of which says only what is its own.

    It takes the name of the alert, its expression (or a function that writes it with a `Promql`, which notes what
    the expression reads), and the fields of `Alert` that are not among the shared ones.

    Args:
        config: The configuration.
        domain: The domain of the alerts.
        shared: Fields that most of the alerts have in common.
    """

    def make(name: str, expr: str | Callable[[Promql], str], **own: Any) -> Alert:
        ask = Promql(config)
        text = expr if isinstance(expr, str) else expr(ask)
        return Alert(name=name, domain=domain, expr=text, ask=ask, **{**shared, **own})

    return make
