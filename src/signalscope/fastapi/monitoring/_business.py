"""The answer of `/monitoring/business-dashboard`: subscriptions, users, costs and revenue."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from pydantic import BaseModel, Field
from pydantic.fields import FieldInfo

from signalscope import contract
from signalscope.fastapi.monitoring._answer import Answer, Block, ByName, Number
from signalscope.fastapi.monitoring._binding import ALL_TIERS_ONLY, Binding, Builder, Series, each_tier
from signalscope.fastapi.monitoring._kpis import Kpi, every_kpi
from signalscope.metrics import CPU_SECOND_PRICE, cpu_second_price
from signalscope.recording._process import uptime
from signalscope.users._costs import heaviest as heaviest_users

_HOUR, _DAY = 3_600.0, 86_400.0


def tiers() -> tuple[str, ...]:
    """Return the subscription tiers of the contract."""
    attributes = contract.get("signal_service.active_subscriptions").attributes
    return next(attribute.values or () for attribute in attributes if attribute.name == "user_tier")


class Subscriptions(Block):
    """The number and the growth of active subscriptions."""

    total_active: Annotated[Number, Series("SUBSCRIPTIONS_TOTAL", "subscriptions", tier="SUBSCRIPTIONS")] = (
        Field(description="Active subscriptions.")
    )
    by_tier: Annotated[
        ByName, Series("SUBSCRIPTIONS", "subscriptions", by="user_tier", tier="SUBSCRIPTIONS")
    ] = Field(description="Active subscriptions by tier.")
    growth_rate_daily: Annotated[
        Number, Series("SUBSCRIPTION_GROWTH", "ratio", where={"period": "1d"}, window=_DAY)
    ] = Field(description="Growth compared with one day ago: 0.02 is 2 % more.")


class UserActivity(Block):
    """Active users, their features and their satisfaction."""

    active_users_last_hour: Annotated[
        Number, Series("ACTIVE_USERS", "users", where={"window": "1h"}, window=_HOUR, tier="ACTIVE_USERS")
    ] = Field(description="Distinct users in the last hour.")
    top_features_usage: Annotated[
        ByName, Series("FEATURE_USES", "uses", by="feature", limit=10, tier="FEATURE_USES")
    ] = Field(description="Uses of the ten most used features in the last hour.")
    user_satisfaction_score: Annotated[
        Number, Series("SATISFACTION", "score", where={"user_tier": ""}, tier="SATISFACTION")
    ] = Field(description="Satisfaction from the latency and errors of requests, 0 to 100.")


class RevenueImpact(Block):
    """The cost of computation and the use of premium features."""

    computation_cost_last_hour: Annotated[Number, Series("COST", "currency", tier="COST_TIER")] = Field(
        description="Cost of CPU time, in the currency of SIGNALSCOPE_CPU_SECOND_PRICE."
    )
    premium_feature_usage: Annotated[
        ByName, Series("PREMIUM_USAGE", "uses", by="feature", tier="PREMIUM_USAGE")
    ] = Field(description="Uses of premium features in the last hour, by feature.")
    cost_per_user: Annotated[
        Number, Series("COST_PER_USER", "currency", where={"user_tier": ""}, tier="COST_PER_USER")
    ] = Field(description="Cost of the last hour divided by the active users of that hour.")


class TierCost(Block):
    """The costs, the revenue and the users of one tier."""

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
    """The CPU time and cost of one user in this process."""

    user: str = Field(
        description="The user id if the token allows it; otherwise a name that only this answer uses."
    )
    cpu_seconds: float = Field(description="CPU time in the last hour, in seconds.")
    at_least: float = Field(description="Lower bound of the true CPU time, in seconds.")
    at_most: float = Field(description="Upper bound of the true CPU time, in seconds.")
    cost: Number = Field(description="CPU time multiplied by SIGNALSCOPE_CPU_SECOND_PRICE.")


def _costliest(builder: Builder, path: str, _: FieldInfo) -> list[dict[str, Any]] | None:
    """Return the users with the most CPU time; with their ids if the parameter `sees_users` is true."""
    heaviest, price = heaviest_users(), cpu_second_price()
    users = [] if isinstance(heaviest, str) else heaviest
    reason: Any = None if users else heaviest or "no cost with a user id was recorded in the last hour"
    window = round(min(_HOUR, uptime()), 3)
    if builder.tier is not None:
        window, reason = _HOUR, ALL_TIERS_ONLY
    provenance = {
        "series": "measure_cost",
        "meaning": "The users with the most CPU time in the last hour, in this process only.",
    }
    builder.note_process(path, **provenance, unit="CPU s", window_seconds=window, reason=reason)
    if users and price is None:
        unpriced = f"the price of a CPU-second is not set ({CPU_SECOND_PRICE})"
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
    """Subscriptions, users, costs and revenue."""

    tier: str | None = Field(description="The tier in the request; null for all tiers.")
    subscriptions: Subscriptions
    user_activity: UserActivity
    revenue_impact: RevenueImpact
    tiers: Annotated[dict[str, TierCost], each_tier(TierCost, tiers)]
    feature_adoption: Annotated[ByName, Series("ADOPTION", "uses/user", by="feature")] = Field(
        description="Uses per active user, by feature."
    )
    feature_profitability: Annotated[ByName, Series("PROFITABILITY", "currency/h", by="feature")] = Field(
        description="Currency per hour, by feature."
    )
    premium_adoption: Annotated[Number, Series("PREMIUM_ADOPTION", "ratio")] = Field(
        description="Active users with a premium tier, as a ratio of all active users, 0 to 1."
    )
    retention: Annotated[ByName, Series("RETENTION", "ratio", by="metric")] = Field(
        description="User retention as ratios: stickiness, day_over_day, week_over_week."
    )
    cost_per_calculation: Annotated[Number, Series("COST_PER_CALCULATION", "currency")]
    revenue_impact_score: Annotated[Number, Series("REVENUE_IMPACT", "currency")]
    costliest_users: Annotated[list[UserCostEntry] | None, Binding(_costliest)] = Field(
        description="The users with the most CPU time in the last hour, in this process."
    )
    kpis: Annotated[list[Kpi] | None, every_kpi("business")]
