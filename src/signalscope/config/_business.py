"""Targets of KPIs, tiers and prices: ``[kpis]`` and ``[business]`` of the configuration."""

from __future__ import annotations

from pydantic import Field

from signalscope.config._section import ApiSeconds, Limit, Ratio, Section, Text


class Kpis(Section):
    """Targets of KPIs that have no SLO.

    Attributes:
        subscription_growth: Growth of the subscriptions in 30 days: 0.15 is 15 % more.
        satisfaction: The satisfaction score, above 0 and at most 100.
        premium_adoption: Ratio of active users who have a premium tier, 0 to 1.
        trend_days: Days between the two days whose cost and revenue are compared, 1 to 60.
        scaling_lead_seconds: Seconds from the forecast to the exhaustion of a resource, for the decision to scale.
            At most two days, because the forecast covers two days.

    Examples:
        >>> from signalscope.config import Kpis
        >>> Kpis().premium_adoption
        0.25
    """

    subscription_growth: Limit = 0.15
    satisfaction: float = Field(default=90, gt=0, le=100)
    premium_adoption: Ratio = 0.25
    trend_days: int = Field(default=7, ge=1, le=60)
    scaling_lead_seconds: int = Field(default=48 * 3600, gt=0, le=48 * 3600)


class Business(Section):
    """Tiers, prices and request times from which business metrics are calculated.

    Attributes:
        premium_tiers: The premium tiers.
        monthly_prices: Monthly price of a subscription by tier, in the currency of SIGNALSCOPE_CPU_SECOND_PRICE.
            Without prices, the series of revenue have no values.
        feature_operations: The `operation_type` of the cost that a feature causes, by feature. A feature that is not
            listed causes the cost whose `operation_type` is the name of the feature.
        satisfied_seconds: A request that takes at most this long is satisfied. A bucket boundary of API latency.
        tolerated_seconds: A request that takes at most this long is tolerable. A bucket boundary of API latency.
            Apdex uses four times `satisfied_seconds`.

    Examples:
        >>> from signalscope.config import Business
        >>> Business().premium_tiers
        ('professional', 'enterprise')
    """

    premium_tiers: tuple[Text, ...] = Field(default=("professional", "enterprise"), min_length=1)
    monthly_prices: dict[Text, float] = Field(default={})
    feature_operations: dict[Text, Text] = Field(
        default={
            "option_calculator": "option",
            "portfolio_pricing": "portfolio",
            "chain_greeks": "chain",
            "volatility_surface": "chain",
            "signals": "signal",
            "scenario_analysis": "scenario",
        }
    )
    satisfied_seconds: ApiSeconds = 0.5
    tolerated_seconds: ApiSeconds = 2.0
