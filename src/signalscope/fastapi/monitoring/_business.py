"""The answer of `/monitoring/business-dashboard`: what the service is worth."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from pydantic import BaseModel, Field
from pydantic.fields import FieldInfo

from signalscope import contract
from signalscope.fastapi.monitoring._answer import Answer, ByName, Number
from signalscope.fastapi.monitoring._binding import ALL_TIERS_ONLY, Binding, Builder, Series, each_tier
from signalscope.fastapi.monitoring._kpis import Kpi, every_kpi
from signalscope.metrics import CPU_SECOND_PRICE, cpu_second_price
from signalscope.recording._process import uptime
from signalscope.users._costs import heaviest as heaviest_users

_HOUR, _DAY = 3_600.0, 86_400.0


def tiers() -> tuple[str, ...]:
    """Return the tiers that the contract has."""
    attributes = contract.get("signal_service.active_subscriptions").attributes
    return next(attribute.values or () for attribute in attributes if attribute.name == "user_tier")


class Subscriptions(BaseModel):
    """Subscriptions."""

    total_active: Annotated[Number, Series("SUBSCRIPTIONS_TOTAL", "subscriptions", tier="SUBSCRIPTIONS")] = (
        Field(description="Active subscriptions.")
    )
    by_tier: Annotated[
        ByName, Series("SUBSCRIPTIONS", "subscriptions", by="user_tier", tier="SUBSCRIPTIONS")
    ] = Field(description="Active subscriptions by tier.")
    growth_rate_daily: Annotated[
        Number, Series("SUBSCRIPTION_GROWTH", "ratio", where={"period": "1d"}, window=_DAY)
    ] = Field(description="Growth against a day before: 0.02 is 2 % more.")


class UserActivity(BaseModel):
    """Users."""

    active_users_last_hour: Annotated[
        Number, Series("ACTIVE_USERS", "users", where={"window": "1h"}, window=_HOUR, tier="ACTIVE_USERS")
    ] = Field(description="Distinct users of the last hour.")
    top_features_usage: Annotated[
        ByName, Series("FEATURE_USES", "uses", by="feature", limit=10, tier="FEATURE_USES")
    ] = Field(description="Uses in the last hour of the features that are used most.")
    user_satisfaction_score: Annotated[
        Number, Series("SATISFACTION", "score", where={"user_tier": ""}, tier="SATISFACTION")
    ] = Field(description="0 to 100; see docs/monitoring-api.md.")


class RevenueImpact(BaseModel):
    """Cost and premium use."""

    computation_cost_last_hour: Annotated[Number, Series("COST", "currency", tier="COST_TIER")] = Field(
        description="In the currency of SIGNALSCOPE_CPU_SECOND_PRICE."
    )
    premium_feature_usage: Annotated[
        ByName, Series("PREMIUM_USAGE", "uses", by="feature", tier="PREMIUM_USAGE")
    ] = Field(description="Uses of premium features in the last hour, by feature.")
    cost_per_user: Annotated[
        Number, Series("COST_PER_USER", "currency", where={"user_tier": ""}, tier="COST_PER_USER")
    ] = Field(description="Cost of the last hour for each user active in it.")


class TierCost(BaseModel):
    """What a tier costs and brings."""

    cost_last_hour: Annotated[Number, Series("COST_TIER", "currency", tier="COST_TIER")]
    cost_per_user: Annotated[Number, Series("COST_PER_USER", "currency", tier="COST_PER_USER")]
    monthly_revenue: Annotated[Number, Series("REVENUE", "currency", tier="REVENUE")]
    satisfaction: Annotated[Number, Series("SATISFACTION", "score", tier="SATISFACTION")]
    active_users_last_hour: Annotated[
        Number,
        Series(
            "ACTIVE_USERS",
            "users",
            where={"user_tier": "", "window": "1h"},
            window=_HOUR,
            tier="ACTIVE_USERS",
        ),
    ]


class UserCostEntry(BaseModel):
    """What one user's work costs, in this process."""

    user: str = Field(
        description="The user's id, for those who may see ids; else a name of this answer's only."
    )
    cpu_seconds: float = Field(description="CPU time of the last hour.")
    at_least: float
    at_most: float
    cost: Number = Field(description="At SIGNALSCOPE_CPU_SECOND_PRICE.")


def _costliest(builder: Builder, path: str, _: FieldInfo) -> list[dict[str, Any]] | None:
    """Return the users whose work cost most; with their ids if the parameter `sees_users` is true."""
    heaviest, price = heaviest_users(), cpu_second_price()
    users = [] if isinstance(heaviest, str) else heaviest
    reason: Any = None if users else heaviest or "no user's work was charged in the last hour"
    window = round(min(_HOUR, uptime()), 3)
    if builder.tier is not None:
        window, reason = _HOUR, ALL_TIERS_ONLY
    provenance = {
        "series": "measure_cost",
        "meaning": "CPU time of the last hour of those users whose work took most, in this process alone.",
    }
    builder.note_process(path, **provenance, unit="CPU s", window_seconds=window, reason=reason)
    if users and price is None:
        unpriced = f"a CPU-second has no price ({CPU_SECOND_PRICE})"
        builder.note_process(f"{path}.cost", **provenance, unit="currency", reason=unpriced)
    if reason is not None:
        return None
    return [
        asdict(user)
        | {
            "user": user.user if builder.parameters["sees_users"] else f"user {place}",
            "cost": None if price is None else user.cpu_seconds * price,
        }
        for place, user in enumerate(users, 1)
    ]


class BusinessDashboard(Answer):
    """What it is worth."""

    tier: str | None = Field(description="The tier that was asked for; null for all of them.")
    subscriptions: Subscriptions
    user_activity: UserActivity
    revenue_impact: RevenueImpact
    tiers: Annotated[dict[str, TierCost], each_tier(TierCost, tiers)]
    feature_adoption: Annotated[ByName, Series("ADOPTION", "uses/user", by="feature")] = Field(
        description="Uses for each active user, by feature."
    )
    feature_profitability: Annotated[ByName, Series("PROFITABILITY", "currency/h", by="feature")] = Field(
        description="Currency each hour, by feature."
    )
    premium_adoption: Annotated[Number, Series("PREMIUM_ADOPTION", "ratio")] = Field(
        description="Active users whose tier is a premium one, 0 to 1."
    )
    retention: Annotated[ByName, Series("RETENTION", "ratio", by="metric")] = Field(
        description="stickiness, day_over_day, week_over_week."
    )
    cost_per_calculation: Annotated[Number, Series("COST_PER_CALCULATION", "currency")]
    revenue_impact_score: Annotated[Number, Series("REVENUE_IMPACT", "currency")]
    costliest_users: Annotated[list[UserCostEntry] | None, Binding(_costliest)] = Field(
        description="Whose work took most CPU time in the last hour, as far as this process knows."
    )
    kpis: Annotated[list[Kpi] | None, every_kpi("business")]
