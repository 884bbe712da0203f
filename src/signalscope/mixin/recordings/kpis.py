"""The fourteen KPIs: value, target, and how near it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from signalscope.config import Config
from signalscope.mixin._promql import Promql, duration
from signalscope.mixin.rules import Group, Recording

__all__ = ["Kpi", "groups", "kpis"]


@dataclass(frozen=True, slots=True)
class Kpi:
    """One KPI.

    Attributes:
        name: The label `kpi`.
        category: technical, business or operational.
        expr: Its present value.
        target: What it should reach.
        direction: Whether it should be above or below.
        unit: Of value and target.
        meaning: In one sentence.
        cache_type: Which cache it is about, if it is about one.
    """

    name: str
    category: Literal["technical", "business", "operational"]
    expr: str
    target: float
    direction: Literal["above", "below"]
    unit: str
    meaning: str
    cache_type: str = ""

    @property
    def labels(self) -> dict[str, str]:
        """The labels of its series."""
        labels = {"kpi": self.name, "category": self.category}
        return labels | ({"cache_type": self.cache_type} if self.cache_type else {})

    @property
    def attainment(self) -> str:
        """How near: 1 when it is reached, less in proportion."""
        if self.direction == "above":
            return f"clamp(({self.expr}) / {self.target:g}, 0, 1)"
        if self.target == 0:
            return f"({self.expr}) <= bool 0"
        # 0 divides to infinity, which is more than reached.
        return f"clamp({self.target:g} / ({self.expr}), 0, 1)"


def kpis(config: Config) -> list[Kpi]:
    """Every KPI; the one of cache hits has a row for each of the two caches."""
    ask = Promql(config.selectors.job)
    targets, slos, selectors = config.kpis, config.slos, config.selectors
    trend = f"{targets.trend_days}d"

    def good(slo: str) -> str:
        found = ask.of("SLO_ERROR_30D", f'sloth_slo="{slo}"')
        return f"sum by (job) (1 - {found})"

    def change(key: str) -> str:
        """The last day against a day some days before; below 1 is falling."""
        return f"avg_over_time({ask.of(key)}[1d]) / (avg_over_time({ask.of(key)}[1d] offset {trend}) > 0)"

    def hits(cache: str) -> str:
        found = ask.of("CACHE_HITS", f'cache_type="{cache}"')
        return f"sum by (job) ({found})"

    share = f"sum by (job) ({ask.of('VECTORIZED_SHARE', _WHOLE)})"
    satisfaction = f"sum by (job) ({ask.of('SATISFACTION', _ALL_TIERS)})"
    return [
        Kpi("signal_generation_p95", "technical", ask.of("SIGNAL_P95"), slos.signal_latency.seconds, "below",
            "s", "95th percentile of the time to generate signals."),
        Kpi("vectorized_share", "technical", share, slos.vectorized.objective, "above",
            "ratio", "Options priced in array operations."),
        Kpi("api_p95", "technical", ask.of("API_P95"), slos.api_latency.seconds, "below",
            "s", "95th percentile of API latency."),
        Kpi("availability", "technical", good("availability"), slos.availability.objective, "above",
            "ratio", "Share of the last 30 days in which the service answered."),
        Kpi("error_rate", "technical", f"1 - ({good('errors')})", round(1 - slos.errors.objective, 9), "below",
            "ratio", "Failed requests of the last 30 days."),
        Kpi("subscription_growth", "business", f"sum by (job) ({ask.of('SUBSCRIPTION_GROWTH', _MONTH)})",
            targets.subscription_growth, "above", "ratio", "Growth of the subscriptions in 30 days."),
        Kpi("user_satisfaction", "business", satisfaction, targets.satisfaction, "above",
            "score", "user_satisfaction_score."),
        Kpi("cost_per_calculation", "business", change("COST_PER_CALCULATION"), 1, "below",
            "ratio", f"Cost per calculation of the last day, of that {trend} before: below 1 is falling."),
        Kpi("premium_adoption", "business", ask.of("PREMIUM_ADOPTION"), targets.premium_adoption, "above",
            "ratio", "Active users whose tier is a premium one."),
        Kpi("revenue_impact", "business", change("REVENUE_IMPACT"), 1, "above",
            "ratio", f"revenue_impact_score of the last day, of that {trend} before: above 1 is rising."),
        Kpi("cache_hits", "operational", hits(selectors.greeks_cache), slos.cache_hits_greeks.objective, "above",
            "ratio", "Hits of the cache of Greeks.", "greeks"),
        Kpi("cache_hits", "operational", hits(selectors.indicators_cache), slos.cache_hits_indicators.objective,
            "above", "ratio", "Hits of the cache of indicators.", "indicators"),
        Kpi("critical_backlog", "operational", f"sum by (job) ({ask.of('QUEUE_SIZE', _CRITICAL)})", 0, "below",
            "items", "Critical items waiting."),
        Kpi("external_health", "operational", f"{ask.of('DEPENDENCY_SCORE')} / 100", slos.dependencies.objective,
            "above", "ratio", "External services that are healthy."),
        Kpi("scaling_lead_time", "operational", f"min by (job) ({ask.of('EXHAUSTION')})",
            targets.scaling_lead_seconds, "above", "s",
            f"Time until the first resource is exhausted, which leaves {duration(targets.scaling_lead_seconds)} to "
            "decide."),
    ]  # fmt: skip


_WHOLE, _ALL_TIERS, _MONTH = 'calculation_type=""', 'user_tier=""', 'period="30d"'
_CRITICAL = 'priority="critical"'


def groups(config: Config) -> list[Group]:
    """The group of this module."""
    every = kpis(config)
    job = {"job": config.selectors.job}
    return [
        Group(
            "kpis",
            config.pipeline.recording,
            (
                *(Recording("KPI_VALUE", each.expr, each.labels) for each in every),
                *(
                    Recording(
                        "KPI_TARGET",
                        f"vector({each.target:g})",
                        each.labels | job | {"direction": each.direction},
                    )
                    for each in every
                ),
                *(Recording("KPI_ATTAINMENT", each.attainment, each.labels) for each in every),
            ),
        )
    ]
