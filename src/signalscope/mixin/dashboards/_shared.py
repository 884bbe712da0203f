"""Panels that several dashboards begin with, and limits that several panels have."""

from __future__ import annotations

from signalscope.config import BURN_RATES, Config
from signalscope.mixin.alerts.watchdog import NAME as WATCHDOG
from signalscope.mixin.dashboards._expr import recorded, whole
from signalscope.mixin.dashboards._model import Panel, Query, gauge, stat, table
from signalscope.mixin.dashboards._style import (
    BAD,
    GOOD,
    INFO,
    NEUTRAL,
    Limits,
    above,
    below,
)

__all__ = [
    "FIRING",
    "PENDING",
    "alert_table",
    "bottleneck",
    "budget",
    "cache_limits",
    "error_limits",
    "error_rate",
    "exhaustion_limits",
    "firing",
    "invalid_limits",
    "latency",
    "latency_limits",
    "memory_limits",
    "satisfaction",
    "satisfaction_limits",
    "saturation_limits",
    "signal_limits",
    "subscriptions",
    "up",
    "vectorized_limits",
]

_QUIET = "no requests in this time"
#: Alerts that mean something is wrong: the watchdog always fires.
FIRING, PENDING = (
    f'ALERTS{{alertstate="{state}", alertname!="{WATCHDOG}"}}' for state in ("firing", "pending")
)


def up(config: Config) -> Panel:
    """Whether the service answers."""
    return stat(
        "Is the service up?",
        "1 while any instance answers Prometheus' scrapes of the service itself.",
        'max(up{job=~"$job"})', "short", "no such target",
        states={0.0: ("down", BAD), 1.0: ("up", GOOD)}, alerts=("SignalServiceDown",),
    )  # fmt: skip


def firing() -> Panel:
    """How many alerts fire."""
    return stat(
        "How many alerts fire?",
        "Of all severities, now.",
        f"count({FIRING}) or vector(0)", "short", "Prometheus evaluates no rules",
        limits=above(1.0), decimals=0, leads_to="operations",
    )  # fmt: skip


def error_rate(config: Config, leads_to: str) -> Panel:
    """Failed requests."""
    return stat(
        "What share of requests fails?",
        "Requests that ended with 5xx, of all, over the last minutes.",
        f"max({whole('ERROR_RATE')})", "percent", _QUIET,
        limits=error_limits(config), leads_to=leads_to, decimals=2,
        alerts=("ErrorBudgetBurnFast", "ErrorBudgetBurnSlow"),
    )  # fmt: skip


def latency(config: Config, leads_to: str) -> Panel:
    """API latency."""
    return stat(
        "How long do the slowest 5% wait?",
        "95th percentile of API latency over the last minutes.",
        f"max({recorded('API_P95')})", "s", _QUIET,
        limits=latency_limits(config), alerts=("SignalServiceHighLatency",), leads_to=leads_to,
    )  # fmt: skip


def bottleneck(config: Config) -> Panel:
    """The most saturated resource."""
    return stat(
        "How full is the fullest resource?",
        "The highest saturation of CPU, memory, queues, caches, database and dependencies.",
        f"max({recorded('BOTTLENECK')})", "percentunit", "no resource reports",
        limits=saturation_limits(config), leads_to="capacity", decimals=0,
    )  # fmt: skip


def budget(config: Config) -> Panel:
    """What is left of the error budget."""
    return gauge(
        "How much error budget is left?",
        "Of the SLO with the least left of its period's budget. At 0 the objective is missed: stop releases.",
        f"min({recorded('SLO_REMAINING')})", "percentunit", "no SLO has seen traffic yet",
        limits=below(0, config.dashboards.budget_warning), low=0.0, high=1.0, decimals=1, leads_to="executive",
        alerts=("AvailabilityBudgetBurnFast", "ErrorBudgetBurnFast", "ApiLatencyBudgetBurnFast"),
    )  # fmt: skip


def satisfaction(config: Config) -> Panel:
    """The users' satisfaction."""
    return stat(
        "Are users satisfied?",
        "0 to 100: quick answers count whole, tolerable ones half, slow and failed ones not.",
        f"max({whole('SATISFACTION')})", "none", _QUIET,
        limits=satisfaction_limits(config), leads_to="experience", decimals=1,
    )  # fmt: skip


def subscriptions(config: Config) -> Panel:
    """Active subscriptions."""
    return stat(
        "How many subscriptions are active?",
        "Of all tiers.",
        f"max({recorded('SUBSCRIPTIONS_TOTAL')})", "short", "no subscriptions",
        limits=Limits(NEUTRAL, ((config.thresholds.active_subscriptions, INFO),)),
        alerts=("HighActiveSubscriptions",), leads_to="revenue", decimals=0,
    )  # fmt: skip


def alert_table(config: Config, weight: int = 1) -> Panel:
    """The alerts that fire."""
    return table(
        "Which alerts fire, and what is to be done?",
        "Each leads to its runbook: impact, first response, queries that tell more.",
        "no alert fires",
        Query(
            "max by (alertname, severity, service_name, instance) (time() - ALERTS_FOR_STATE"
            f" and ignoring(alertstate) {FIRING})",
            "For", unit="dtdhms",
        ),
        columns={
            "alertname": "Alert", "severity": "Severity", "service_name": "Service", "instance": "Instance",
        },
        links={"Alert": f"{config.runbooks.rstrip('/')}/${{__data.fields.Alert}}.md"}, weight=weight,
    )  # fmt: skip


def latency_limits(config: Config) -> Limits:
    """Of API latency."""
    return above(config.thresholds.api_p95_seconds, config.slos.api_latency.seconds)


def cache_limits(config: Config) -> Limits:
    """Of the share of hits."""
    return below(config.slos.cache_hits_indicators.objective, config.slos.cache_hits_greeks.objective)


def error_limits(config: Config) -> Limits:
    """Of failed requests, in percent."""
    budget = 100 * config.slos.errors.budget
    return above(round(max(BURN_RATES.values()) * budget, 6), round(budget, 6))


def saturation_limits(config: Config) -> Limits:
    """Of a resource's saturation."""
    return above(config.forecast.exhausted_at, config.dashboards.saturation_warning)


def invalid_limits(config: Config) -> Limits:
    """Of results that cannot be used, for each option."""
    return above(config.thresholds.invalid_greeks_ratio)


def satisfaction_limits(config: Config, whole_is: float = 1.0) -> Limits:
    """Of satisfaction, 0 to 100; divided by a number where it is a share."""
    return below(config.kpis.satisfaction / whole_is)


def signal_limits(config: Config) -> Limits:
    """Of the time to generate a signal."""
    return above(config.slos.signal_latency.seconds)


def vectorized_limits(config: Config) -> Limits:
    """Of the share of options priced in arrays."""
    return below(config.slos.vectorized.objective)


def exhaustion_limits(config: Config) -> Limits:
    """Of the time until a resource is exhausted: as long as scaling takes, and half of it."""
    lead = float(config.kpis.scaling_lead_seconds)
    return below(lead / 2, lead)


def memory_limits(config: Config) -> Limits:
    """Of a process' resident memory."""
    return above(config.thresholds.memory_bytes)
