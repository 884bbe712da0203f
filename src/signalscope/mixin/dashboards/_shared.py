"""Panels and limits that several dashboards share."""

from __future__ import annotations

from typing import Any

from signalscope.config import BURN_RATES, Config
from signalscope.derived._promql import duration
from signalscope.mixin.dashboards._expr import gauge_of, quantile, recorded, whole
from signalscope.mixin.dashboards._model import Panel, Query, series, stat
from signalscope.mixin.dashboards._style import BAD, GOOD, INFO, NEUTRAL, Limits, above, below

NO_REQUESTS = "no requests in this time range"
_DAY = 86_400
#: Red below zero: for money and growth.
PROFIT = Limits(BAD, ((0.0, GOOD),))


def limits(config: Config) -> dict[str, Limits]:
    """Return the limits that several panels share, by name."""
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
        # The time that scaling takes, and half of that time.
        "exhaustion": below(lead / 2, lead),
    }


def up(config: Config) -> Panel:
    """Return the panel of the availability of the service."""
    return stat(
        "Is the service up?",
        "1 if at least one instance of the service answers the scrapes of Prometheus.",
        'max(up{job=~"$job"})', "short", "no target for this job",
        states={0.0: ("down", BAD), 1.0: ("up", GOOD)}, alerts=("SignalServiceDown",),
    )  # fmt: skip


def error_rate(config: Config, leads_to: str) -> Panel:
    """Return the panel of the API error rate."""
    return stat(
        "What is the API error rate?",
        "Percentage of requests with status 5xx over the last minutes.",
        f"max({whole('ERROR_RATE')})", "percent", NO_REQUESTS,
        limits=limits(config)["error"], leads_to=leads_to, decimals=2,
        alerts=("ErrorBudgetBurnFast", "ErrorBudgetBurnSlow"),
    )  # fmt: skip


def latency(config: Config, leads_to: str) -> Panel:
    """Return the panel of the 95th percentile of API latency."""
    return stat(
        "What is the p95 of API latency?",
        "95th percentile of API latency over the last minutes.",
        f"max({recorded('API_P95')})", "s", NO_REQUESTS,
        limits=limits(config)["latency"], alerts=("SignalServiceHighLatency",), leads_to=leads_to,
    )  # fmt: skip


def bottleneck(config: Config) -> Panel:
    """Return the panel of the highest saturation."""
    return stat(
        "What is the highest saturation?",
        "Maximum over CPU, memory, queues, caches, database and dependencies.",
        f"max({recorded('BOTTLENECK')})", "percentunit", "no saturation is reported",
        limits=limits(config)["saturation"], leads_to="capacity", decimals=0,
    )  # fmt: skip


def no_budget(config: Config) -> str:
    """Return why no error budget is shown."""
    return f"not enough history yet: shown {duration(config.slos.budget_seconds)} after the first data"


def budget(config: Config) -> Panel:
    """Return the panel of the lowest error budget remaining."""
    remaining, since = recorded("SLO_REMAINING"), recorded("SLO_SINCE")
    period = config.slos.period_days * _DAY
    seen = f"(clamp_max(time() - {since}, {period}) and on (job, sloth_id) {remaining}) / {_DAY}"
    return stat(
        "How much error budget remains?",
        f"Lowest error budget remaining, shown {duration(config.slos.budget_seconds)} after the first data. "
        "At 0 the objective is missed: stop releases.",
        # A label can have the days; its series has the value 1.
        f'count_values("days", round(min({seen}), 0.1)) * on () group_left () min({remaining})',
        "percentunit", "no SLO has events yet",
        Query(f"1000 * min({since}) unless on () {remaining}", "not enough history yet, since",
              unit="dateTimeAsIso"),
        legend="over {{days}} days seen", limits=limits(config)["budget"], decimals=1, leads_to="executive",
        alerts=("AvailabilityBudgetBurnFast", "ErrorBudgetBurnFast", "ApiLatencyBudgetBurnFast"),
    )  # fmt: skip


def satisfaction(config: Config) -> Panel:
    """Return the panel of the satisfaction score (Apdex)."""
    return stat(
        "Are users satisfied?",
        "Apdex score from 0 to 100: fast requests count 1, tolerable ones 0.5, slow and failed ones 0.",
        f"max({whole('SATISFACTION')})", "none", NO_REQUESTS,
        limits=limits(config)["satisfaction"], leads_to="experience", decimals=1,
    )  # fmt: skip


def subscriptions(config: Config) -> Panel:
    """Return the panel of the number of active subscriptions."""
    return stat(
        "How many subscriptions are active?",
        "Active subscriptions of all tiers.",
        f"max({recorded('SUBSCRIPTIONS_TOTAL')})", "short", "no subscriptions",
        limits=Limits(NEUTRAL, ((config.thresholds.active_subscriptions, INFO),)),
        alerts=("HighActiveSubscriptions",), leads_to="revenue", decimals=0,
    )  # fmt: skip


def subscriptions_by_tier(title: str, **more: Any) -> Panel:
    """Return a panel of active subscriptions by tier over time."""
    return series(
        title, "Active subscriptions by tier.", "short", "no subscriptions",
        Query(recorded("SUBSCRIPTIONS"), "{{user_tier}}"), stacked=True, alerts=("HighActiveSubscriptions",), **more,
    )  # fmt: skip


def satisfaction_by_tier(title: str, description: str, **more: Any) -> Panel:
    """Return a panel of the satisfaction score by tier over time."""
    tiers = Query(recorded("SATISFACTION", 'user_tier!=""'), "{{user_tier}}")
    return series(title, description, "none", NO_REQUESTS, tiers, low=0.0, high=100.0, **more)


def retention(title: str) -> Panel:
    """Return a panel of user retention."""
    return series(
        title, "Stickiness: hourly users as a percentage of daily users. Others: compared with a day or week ago.",
        "percentunit", "less than a day of history", Query(recorded("RETENTION"), "{{metric}}"),
    )  # fmt: skip


def cache_hits(config: Config, description: str, **more: Any) -> Panel:
    """Return a panel of the hit ratio of each cache."""
    enough = below(config.slos.cache_hits_indicators.objective, config.slos.cache_hits_greeks.objective)
    return series(
        "What is the cache hit ratio?", description, "percentunit", "no cache was read",
        gauge_of("signal_service.cache.hit_ratio", by=("cache_type",), how="avg"), low=0.0, high=1.0,
        limits=enough, alerts=("GreeksCacheHitRatioLow", "IndicatorsCacheHitRatioLow"), **more,
    )  # fmt: skip


def normal(title: str, description: str, unit: str, signal: str) -> Panel:
    """Return a panel of a signal of the anomaly detection with its prediction interval."""
    of_signal = f'signal="{signal}"'
    return series(
        title, description, unit, "not enough history for a prediction interval",
        Query(recorded("ANOMALY_LEVEL", of_signal), "measured"),
        Query(recorded("ANOMALY_UPPER", of_signal), "upper limit", "upper"),
        Query(recorded("ANOMALY_LOWER", of_signal), "lower limit", "lower"),
        alerts=("AnomalyDetected",),
    )  # fmt: skip


def quantiles(name: str) -> tuple[Query, ...]:
    """Return queries for the p50, p95 and p99 of a histogram."""
    names = {0.5: "p50", 0.95: "p95", 0.99: "p99"}
    return tuple(Query(quantile(q, name), legend) for q, legend in names.items())
