"""What an alert is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import quote

from signalscope.config import Config
from signalscope.config._domains import Domain

__all__ = ["ANNOTATIONS", "LABELS", "ROUTES", "Alert", "Board", "Domain", "Severity"]

Severity = Literal["critical", "warning", "info"]
#: Dashboards by the end of their uid.
Board = Literal[
    "executive", "operations", "developer", "capacity", "revenue", "experience", "cost", "telemetry"
]

#: How somebody is told, by severity.
ROUTES: dict[Severity, str] = {"critical": "page", "warning": "ticket", "info": "inform"}
LABELS = ("severity", "team", "route", "domain")
ANNOTATIONS = (
    "summary",
    "description",
    "business_impact",
    "response",
    "runbook_url",
    "dashboard_url",
)


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert.

    Attributes:
        name: Its name.
        severity: critical pages, warning goes to the team's queue, info is for the dashboard.
        domain: What it is about: whose it is follows from ``[teams]`` of the configuration.
        expr: The PromQL expression; it fires for every series of the result.
        hold: Seconds that the expression must hold.
        keep: Seconds that it goes on firing after it was last true, against flapping.
        window: Seconds that a sudden, complete change may take to show in the expression: what the expression looks
            back over, and the interval of the series it reads.
        summary: What is wrong, in one line.
        description: With the numbers.
        impact: What users of the service, or its owners, notice.
        response: What to do first.
        meaning: What it says about the service; for the runbook.
        why: Why the expression, the hold and the keep are what they are; for the runbook.
        diagnosis: Queries that tell more, by what they tell.
        mitigation: What ends it, the quickest first; for the runbook.
        dashboard: Where to look.
        labels: More labels.
    """

    name: str
    severity: Severity
    domain: Domain
    expr: str
    hold: int
    window: int
    summary: str
    description: str
    impact: str
    response: str
    meaning: str
    why: str
    diagnosis: Mapping[str, str]
    mitigation: tuple[str, ...]
    dashboard: Board = "operations"
    keep: int = 0
    labels: Mapping[str, str] = field(default_factory=dict)

    def all_labels(self, config: Config) -> dict[str, str]:
        """The labels that routes go by."""
        return {
            "severity": self.severity,
            "team": getattr(config.teams, self.domain),
            "route": ROUTES[self.severity],
            "domain": self.domain,
            **self.labels,
        }

    def annotations(self, config: Config) -> dict[str, str]:
        """What the person who is told reads."""
        board = f"{config.grafana.rstrip('/')}/d/signalscope-{self.dashboard}"
        return {
            "summary": self.summary,
            "description": self.description,
            "business_impact": self.impact,
            "response": self.response,
            "runbook_url": f"{config.runbooks.rstrip('/')}/{self.name}.md",
            "dashboard_url": f"{board}?var-job={quote(config.selectors.job, safe='')}",
        }
