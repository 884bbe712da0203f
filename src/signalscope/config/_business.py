"""What the business counts with: ``[kpis]`` and ``[business]`` of the configuration."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from pydantic import AfterValidator, Field

from signalscope.config._section import Ratio, Section, Text, bound
from signalscope.contract import API_BUCKETS


class Kpis(Section):
    """Targets of KPIs that no objective has.

    Examples:
        >>> from signalscope.config import Kpis
        >>> Kpis().premium_adoption
        0.25
    """

    subscription_growth: float = Field(default=0.15, gt=0, description="In 30 days.")
    satisfaction: float = Field(default=90, gt=0, le=100)
    premium_adoption: Ratio = 0.25
    trend_days: int = Field(default=7, ge=1, le=60)
    scaling_lead_seconds: int = Field(
        default=48 * 3600, gt=0, le=48 * 3600, description="The forecast looks no further ahead."
    )


class Business(Section):
    """What the business counts with.

    Examples:
        >>> from signalscope.config import Business
        >>> Business().premium_tiers
        ('professional', 'enterprise')
    """

    premium_tiers: tuple[Text, ...] = Field(default=("professional", "enterprise"), min_length=1)
    monthly_prices: dict[Text, float] = Field(
        default={},
        description="What a subscription brings in a month, by tier, in the currency of "
        "SIGNALSCOPE_CPU_SECOND_PRICE. Without prices there are no values of revenue: they are nobody's to guess.",
    )
    feature_operations: dict[Text, Text] = Field(
        default={
            "option_calculator": "option",
            "portfolio_pricing": "portfolio",
            "chain_greeks": "chain",
            "volatility_surface": "chain",
            "signals": "signal",
            "scenario_analysis": "scenario",
        },
        description="The kind of work (operation_type of the cost) that a feature causes; of the same name if not "
        "given.",
    )
    satisfied_seconds: Annotated[float, AfterValidator(partial(bound, buckets=API_BUCKETS))] = 0.5
    tolerated_seconds: Annotated[float, AfterValidator(partial(bound, buckets=API_BUCKETS))] = Field(
        default=2.0, description="Apdex takes four times the satisfied."
    )
