"""What the business counts with: ``[kpis]`` and ``[business]`` of the configuration."""

from __future__ import annotations

from pydantic import Field

from signalscope.config._section import ApiSeconds, Limit, Ratio, Section, Text


class Kpis(Section):
    """Targets of KPIs that no objective has.

    Attributes:
        subscription_growth: In 30 days.
        satisfaction: The score, from 0 to 100.
        premium_adoption: Active users whose tier is a premium one, as a ratio.
        trend_days: Days over which cost and revenue are compared.
        scaling_lead_seconds: Time that is left to decide; the forecast looks no further ahead than two days.

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
    """What the business counts with.

    Attributes:
        premium_tiers: The tiers that are premium ones.
        monthly_prices: What a subscription brings in a month, by tier, in the currency of
            SIGNALSCOPE_CPU_SECOND_PRICE. Without prices there are no values of revenue.
        feature_operations: The kind of work (operation_type of the cost) that a feature causes; by default it has the
            feature's name.
        satisfied_seconds: A request within this time is satisfied.
        tolerated_seconds: A request within this time is tolerable; Apdex takes four times the satisfied.

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
