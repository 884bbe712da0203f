"""Panels that several dashboards begin with, and limits that several panels have."""

from __future__ import annotations

from typing import Any

from signalscope.config import BURN_RATES, Config
from signalscope.mixin.dashboards._expr import gauge_of, quantile, recorded, whole
from signalscope.mixin.dashboards._model import Panel, Query, gauge, series, stat
from signalscope.mixin.dashboards._style import BAD, GOOD, INFO, NEUTRAL, Limits, above, below

NO_REQUESTS = "no requests in this time"
#: What is red below zero: money, and growth.
PROFIT = Limits(BAD, ((0.0, GOOD),))


def limits(config: Config) -> dict[str, Limits]:
    """Return the limits that several panels have."""
    thresholds, slos, lead = config.thresholds, config.slos, float(config.kpis.scaling_lead_seconds)
    error_percent = round(100 * slos.errors.budget, 6)
    return {
        "budget": below(0, config.dashboards.budget_warning),
        "latency": above(thresholds.api_p95_seconds, slos.api_latency.seconds),
        "error": above(round(max(BURN_RATES.values()) * 100 * slos.errors.budget, 6), error_percent),
        "saturation": above(config.forecast.exhausted_at, config.dashboards.saturation_warning),
        "satisfaction": below(float(config.kpis.satisfaction)),
        "signal": above(slos.signal_latency.seconds),
        "vectorized": below(slos.vectorized.objective),
        # As long as scaling takes, and half of it.
        "exhaustion": below(lead / 2, lead),
    }


def up(config: Config) -> Panel:
    """Whether the service answers."""
    return stat(
        "Is the service up?",
        "1 while any instance answers Prometheus' scrapes of the service itself.",
        'max(up{job=~"$job"})', "short", "no such target",
        states={0.0: ("down", BAD), 1.0: ("up", GOOD)}, alerts=("SignalServiceDown",),
    )  # fmt: skip


def error_rate(config: Config, leads_to: str) -> Panel:
    """Failed requests."""
    return stat(
        "What share of requests fails?",
        "Requests that ended with 5xx, of all, over the last minutes.",
        f"max({whole('ERROR_RATE')})", "percent", NO_REQUESTS,
        limits=limits(config)["error"], leads_to=leads_to, decimals=2,
        alerts=("ErrorBudgetBurnFast", "ErrorBudgetBurnSlow"),
    )  # fmt: skip


def latency(config: Config, leads_to: str) -> Panel:
    """API latency."""
    return stat(
        "How long do the slowest 5% wait?",
        "95th percentile of API latency over the last minutes.",
        f"max({recorded('API_P95')})", "s", NO_REQUESTS,
        limits=limits(config)["latency"], alerts=("SignalServiceHighLatency",), leads_to=leads_to,
    )  # fmt: skip


def bottleneck(config: Config) -> Panel:
    """The most saturated resource."""
    return stat(
        "How full is the fullest resource?",
        "The highest saturation of CPU, memory, queues, caches, database and dependencies.",
        f"max({recorded('BOTTLENECK')})", "percentunit", "no resource reports",
        limits=limits(config)["saturation"], leads_to="capacity", decimals=0,
    )  # fmt: skip


def budget(config: Config) -> Panel:
    """What is left of the error budget."""
    return gauge(
        "How much error budget is left?",
        "Of the SLO with the least left of its period's budget. At 0 the objective is missed: stop releases.",
        f"min({recorded('SLO_REMAINING')})", "percentunit", "no SLO has seen traffic yet",
        limits=limits(config)["budget"], low=0.0, high=1.0, decimals=1, leads_to="executive",
        alerts=("AvailabilityBudgetBurnFast", "ErrorBudgetBurnFast", "ApiLatencyBudgetBurnFast"),
    )  # fmt: skip


def satisfaction(config: Config) -> Panel:
    """The users' satisfaction."""
    return stat(
        "Are users satisfied?",
        "0 to 100: quick answers count whole, tolerable ones half, slow and failed ones not.",
        f"max({whole('SATISFACTION')})", "none", NO_REQUESTS,
        limits=limits(config)["satisfaction"], leads_to="experience", decimals=1,
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


def subscriptions_by_tier(title: str, **more: Any) -> Panel:
    """Active subscriptions over time."""
    return series(
        title, "Active subscriptions by tier.", "short", "no subscriptions",
        Query(recorded("SUBSCRIPTIONS"), "{{user_tier}}"), stacked=True, alerts=("HighActiveSubscriptions",), **more,
    )  # fmt: skip


def satisfaction_by_tier(title: str, description: str, **more: Any) -> Panel:
    """The users' satisfaction over time."""
    tiers = Query(recorded("SATISFACTION", 'user_tier!=""'), "{{user_tier}}")
    return series(title, description, "none", NO_REQUESTS, tiers, low=0.0, high=100.0, **more)


def retention(title: str) -> Panel:
    """Whether users come back."""
    return series(
        title, "Stickiness: users of the last hour, of those of the last day; others: against a day, a week before.",
        "percentunit", "less than a day of history", Query(recorded("RETENTION"), "{{metric}}"),
    )  # fmt: skip


def cache_hits(config: Config, description: str, **more: Any) -> Panel:
    """The ratio of hits of each cache."""
    enough = below(config.slos.cache_hits_indicators.objective, config.slos.cache_hits_greeks.objective)
    return series(
        "Do caches answer?", description, "percentunit", "no cache was asked",
        gauge_of("signal_service.cache.hit_ratio", by=("cache_type",), how="avg"), low=0.0, high=1.0,
        limits=enough, alerts=("GreeksCacheHitRatioLow", "IndicatorsCacheHitRatioLow"), **more,
    )  # fmt: skip


def normal(title: str, description: str, unit: str, signal: str) -> Panel:
    """A signal of the anomaly detection, within its prediction interval."""
    of_signal = f'signal="{signal}"'
    return series(
        title, description, unit, "not enough history to say what is normal",
        Query(recorded("ANOMALY_LEVEL", of_signal), "measured"),
        Query(recorded("ANOMALY_UPPER", of_signal), "the most that is normal", "upper"),
        Query(recorded("ANOMALY_LOWER", of_signal), "the least that is normal", "lower"),
        alerts=("AnomalyDetected",),
    )  # fmt: skip


def quantiles(name: str) -> tuple[Query, ...]:
    """The quantiles of a histogram that most charts of latency show."""
    names = {0.5: "half", 0.95: "95 of 100", 0.99: "99 of 100"}
    return tuple(Query(quantile(q, name), legend) for q, legend in names.items())
