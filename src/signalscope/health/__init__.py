"""Health checks, reports of health, and the overall status that /health returns.

Example::

    from signalscope import health

    health.register(health.database_check(pool.ping))
    health.register(health.HealthCheck("ticker_service", ping_ticker, dependency="critical", timeout=1.0))

docs/monitoring-api.md has the rules for the overall status.
"""

from signalscope.health._check import HealthCheck, Outcome
from signalscope.health._factories import database_check, http_check, redis_check
from signalscope.health._registry import checks, register, run, summary, unregister
from signalscope.health._report import report_dependency_health, report_health
from signalscope.health._result import Result, Status, Verdict

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
