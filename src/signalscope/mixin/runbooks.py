"""One page for every alert."""

from __future__ import annotations

from signalscope.config import Config
from signalscope.derived._promql import duration
from signalscope.mixin.alerts import Alert

__all__ = ["index", "runbook"]


def runbook(alert: Alert, config: Config, header: str) -> str:
    """The page of an alert, as Markdown."""
    queries = "\n\n".join(f"{title}:\n\n```promql\n{query}\n```" for title, query in alert.diagnosis.items())
    steps = "\n".join(f"{number}. {step}" for number, step in enumerate(alert.mitigation, 1))
    keep = f" It goes on for {duration(alert.keep)} after it was last true." if alert.keep else ""
    hold = f"for {duration(alert.hold)}." if alert.hold else "at once."
    labels = alert.all_labels(config)
    return f"""<!-- {header} -->
# {alert.name}

Severity: **{alert.severity}** · team: {labels["team"]} · route: {labels["route"]} ·
[dashboard]({alert.annotations(config)["dashboard_url"]})

## Meaning

{alert.meaning}

## Impact

{alert.impact}

## First response

{alert.response}

## When it fires

```promql
{alert.expr}
```

{hold}{keep}

{alert.why}

## Diagnosis

{queries}

## Mitigation

{steps}
"""


def index(alerts: list[Alert], header: str) -> str:
    """The list of all pages, as Markdown."""
    rows = "\n".join(f"| [{a.name}]({a.name}.md) | {a.severity} | {a.domain} | {a.impact} |" for a in alerts)
    head = "| alert | severity | about | impact |\n| --- | --- | --- | --- |"
    return f"<!-- {header} -->\n# Runbooks\n\n{head}\n{rows}\n"
