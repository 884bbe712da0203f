"""One page for every alert."""

from __future__ import annotations

from signalscope.mixin._promql import duration
from signalscope.mixin.alerts import Alert

__all__ = ["index", "runbook"]


def runbook(alert: Alert, header: str) -> str:
    """The page of an alert, as Markdown."""
    queries = "\n\n".join(f"{title}:\n\n```promql\n{query}\n```" for title, query in alert.diagnosis.items())
    keep = f" It goes on for {duration(alert.keep)} after it was last true." if alert.keep else ""
    return f"""<!-- {header} -->
# {alert.name}

Severity: **{alert.severity}**

## Impact

{alert.impact}

## First response

{alert.response}

## When it fires

```promql
{alert.expr}
```

for {duration(alert.hold)}.{keep}

{alert.why}

## Diagnosis

{queries}
"""


def index(alerts: list[Alert], header: str) -> str:
    """The list of all pages, as Markdown."""
    rows = "\n".join(f"| [{a.name}]({a.name}.md) | {a.severity} | {a.impact} |" for a in alerts)
    return f"<!-- {header} -->\n# Runbooks\n\n| alert | severity | impact |\n| --- | --- | --- |\n{rows}\n"
