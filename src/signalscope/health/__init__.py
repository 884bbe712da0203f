"""Health: reports of the service, checks that it registers, and their overall status, which /health answers.

Example::

    from signalscope import health

    health.register(health.database_check(pool.ping))
    health.register(health.HealthCheck("ticker_service", ping_ticker, dependency="critical", timeout=1.0))

See docs/monitoring-api.md for the rules of the overall status. Each name is imported at its first use:
`report_health` needs OpenTelemetry only.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from signalscope.health._check import HealthCheck, Outcome, Verdict
    from signalscope.health._checks import checks, register, run, summary, unregister
    from signalscope.health._factories import database_check, http_check, redis_check
    from signalscope.health._report import report_dependency_health, report_health
    from signalscope.health._result import Result, Status

__all__ = [
    "HealthCheck",
    "Outcome",
    "Result",
    "Status",
    "Verdict",
    "checks",
    "database_check",
    "http_check",
    "redis_check",
    "register",
    "report_dependency_health",
    "report_health",
    "run",
    "summary",
    "unregister",
]

_HOMES = {
    **dict.fromkeys(("HealthCheck", "Outcome", "Verdict"), "_check"),
    **dict.fromkeys(("checks", "register", "run", "summary", "unregister"), "_checks"),
    **dict.fromkeys(("database_check", "http_check", "redis_check"), "_factories"),
    **dict.fromkeys(("report_dependency_health", "report_health"), "_report"),
    **dict.fromkeys(("Result", "Status"), "_result"),
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = globals()[name] = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    return found
