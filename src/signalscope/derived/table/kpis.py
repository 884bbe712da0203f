"""The fourteen KPIs: value, target and attainment."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from signalscope.config import Config
from signalscope.derived._expressions import Clamp, Configured, Expr, Measured, Parens, PromqlOnly, Series
from signalscope.derived._operators import Min, Minus, Scale, Sum, ratio_to
from signalscope.derived._promql import Promql, duration
from signalscope.derived._rows import Variant, group, series
from signalscope.derived.table.forecast import RESTS_ON

_DAY = 86_400


@dataclass(frozen=True, slots=True)
class Kpi:
    """One KPI.

    Attributes:
        name: The value of the label `kpi`.
        category: ``technical``, ``business`` or ``operational``.
        expr: The expression of the present value.
        target: The value to reach, in `unit`.
        direction: ``above`` if the value should be above the target, else ``below``.
        unit: The unit of value and target.
        meaning: The meaning of the value, in one sentence.
        cache_type: The cache of the KPI; empty if it has none.
    """

    name: str
    category: Literal["technical", "business", "operational"]
    expr: Expr
    target: float
    direction: Literal["above", "below"]
    unit: str
    meaning: str
    cache_type: str = ""

    @property
    def labels(self) -> dict[str, str]:
        """The labels of the series of the KPI."""
        labels = {"kpi": self.name, "category": self.category}
        return labels | ({"cache_type": self.cache_type} if self.cache_type else {})

    @property
    def attainment(self) -> Expr:
        """The expression of the attainment: 1 if the target is reached, else the ratio of value and target."""
        value = Parens(self.expr)
        if self.direction == "above":
            return Clamp(Scale(value, by=self.target))
        if self.target == 0:
            return PromqlOnly(lambda ask: f"{value.promql(ask)} <= bool 0")
        # A value of 0 gives infinity, which `Clamp` limits to 1.
        return Clamp(ratio_to(self.target, value))


def _good(slo: str) -> Expr:
    return Sum(Minus(1, Series("SLO_ERROR_30D", sloth_slo=slo)))


def _change(key: str, days: int) -> Expr:
    """Return the mean of the last day over that of a day some days before; below 1 is falling."""

    def build(ask: Promql) -> str:
        series = ask.of(key)
        return f"avg_over_time({series}[1d]) / (avg_over_time({series}[1d] offset {days}d) > 0)"

    return PromqlOnly(build, over=(days + 1) * _DAY)


def _hits(cache: str) -> Expr:
    return Sum(Series("CACHE_HITS", cache_type=cache))


def kpis(config: Config) -> list[Kpi]:
    """Return all KPIs; the KPI of cache hits has a row for each of the two caches.

    Args:
        config: The configuration, with the targets.
    """
    targets, slos, selectors = config.kpis, config.slos, config.selectors
    trend = f"{targets.trend_days}d"
    return [
        Kpi("signal_generation_p95", "technical", Series("SIGNAL_P95"), slos.signal_latency.seconds, "below",
            "s", "95th percentile of the time to generate signals."),
        Kpi("vectorized_share", "technical", Sum(Series("VECTORIZED_SHARE", calculation_type="")),
            slos.vectorized.objective, "above", "ratio", "Ratio of options priced in array operations."),
        Kpi("api_p95", "technical", Series("API_P95"), slos.api_latency.seconds, "below",
            "s", "95th percentile of API latency."),
        Kpi("availability", "technical", _good("availability"), slos.availability.objective, "above",
            "ratio", "Ratio of the last 30 days in which the service answered."),
        Kpi("error_rate", "technical", Minus(1, Parens(_good("errors"))),
            round(1 - slos.errors.objective, 9), "below", "ratio", "Ratio of failed requests in the last 30 days."),
        Kpi("subscription_growth", "business", Measured(Sum(Series("SUBSCRIPTION_GROWTH", period="30d")), 31 * _DAY),
            targets.subscription_growth, "above", "ratio", "Growth of the subscriptions in 30 days."),
        Kpi("user_satisfaction", "business", Sum(Series("SATISFACTION", user_tier="")), targets.satisfaction, "above",
            "score", "Apdex of the service, 0 to 100."),
        Kpi("cost_per_calculation", "business", _change("COST_PER_CALCULATION", targets.trend_days), 1, "below",
            "ratio", f"Cost of a calculation in the last day over that {trend} before: below 1 is falling."),
        Kpi("premium_adoption", "business", Series("PREMIUM_ADOPTION"), targets.premium_adoption, "above",
            "ratio", "Ratio of active users who have a premium tier."),
        Kpi("revenue_impact", "business", _change("REVENUE_IMPACT", targets.trend_days), 1, "above",
            "ratio", f"Revenue impact in the last day over that {trend} before: above 1 is rising."),
        Kpi("cache_hits", "operational", _hits(selectors.greeks_cache), slos.cache_hits_greeks.objective, "above",
            "ratio", "Ratio of gets that hit in the cache of Greeks.", "greeks"),
        Kpi("cache_hits", "operational", _hits(selectors.indicators_cache), slos.cache_hits_indicators.objective,
            "above", "ratio", "Ratio of gets that hit in the cache of indicators.", "indicators"),
        Kpi("critical_backlog", "operational", Sum(Series("QUEUE_SIZE", priority="critical")), 0, "below",
            "items", "Critical items that wait in queues."),
        Kpi("external_health", "operational", Scale(Series("DEPENDENCY_SCORE"), by=100), slos.dependencies.objective,
            "above", "ratio", "Ratio of external services that are healthy."),
        Kpi("scaling_lead_time", "operational", Measured(Min(Series("EXHAUSTION")), RESTS_ON),
            targets.scaling_lead_seconds, "above", "s",
            f"Time until the first resource is exhausted; {duration(targets.scaling_lead_seconds)} are needed for a "
            "decision."),
    ]  # fmt: skip


def _for_each(
    expr: Callable[[Kpi], Expr], more: Callable[[Config, Kpi], dict[str, str]] = lambda *_: {}
) -> Callable[[Config], Iterator[Variant]]:
    """Return a function that yields a rule for each KPI, with the labels of the KPI."""
    return lambda config: (Variant(expr(kpi), kpi.labels | more(config, kpi)) for kpi in kpis(config))


GROUPS = (
    group("kpis", "recording", {
        "KPI_VALUE": series(
            "signal_service_kpi_value", unit="{kpi}", labels="job kpi category cache_type?",
            meaning="Present value of a KPI, in its own unit (docs/rules.md).",
            variants=_for_each(lambda kpi: kpi.expr),
        ),
        "KPI_TARGET": series(
            "signal_service_kpi_target", unit="{kpi}", labels="job kpi category direction cache_type?",
            meaning="Target of a KPI; the value should be above or below it, as `direction` says.",
            variants=_for_each(
                lambda kpi: Configured(kpi.target),
                lambda config, kpi: {"job": config.selectors.job, "direction": kpi.direction},
            ),
        ),
        "KPI_ATTAINMENT": series(
            "signal_service_kpi_attainment", unit="", labels="job kpi category cache_type?",
            meaning="Attainment of the target of a KPI, 0 to 1; 1 is reached.",
            variants=_for_each(lambda kpi: kpi.attainment),
        ),
    }),
)  # fmt: skip
