"""`/monitoring/business-dashboard`: what it is worth."""

from __future__ import annotations

from collections.abc import Sequence

from signalscope import contract
from signalscope.fastapi.summaries import _parts
from signalscope.fastapi.summaries._fields import Fields
from signalscope.fastapi.summaries._models import BusinessDashboard, Provenance, TierCost, UserCostEntry
from signalscope.fastapi.values import Facts
from signalscope.insight.cost import UserCost

__all__ = ["KEYS", "business_dashboard", "tiers"]

KEYS = (
    *_parts.BUSINESS_KEYS, "COST_TIER", "REVENUE", "ADOPTION", "PROFITABILITY", "PREMIUM_ADOPTION",
    "RETENTION", "COST_PER_CALCULATION", "REVENUE_IMPACT", *_parts.KPI_KEYS,
)  # fmt: skip
_USERS = "costliest_users"


def tiers() -> tuple[str, ...]:
    """The tiers that there are."""
    attributes = contract.get("signal_service.active_subscriptions").attributes
    return next(each.values or () for each in attributes if each.name == "user_tier")


def business_dashboard(
    facts: Facts,
    tier: str | None,
    users: Sequence[UserCost] | str,
    price: float | None,
    *,
    sees_users: bool,
) -> BusinessDashboard:
    """The answer.

    Args:
        facts: The series of `KEYS`.
        tier: Only of this tier, where that can be told.
        users: The users that cost most; or why they are not known.
        price: Currency units for a CPU-second.
        sees_users: Whether user ids are shown.
    """
    fields = Fields(facts)
    only = {} if tier is None else {"user_tier": tier}
    entries = None
    if isinstance(users, str) or not users:
        reason = users if isinstance(users, str) else "no user's work was charged in the last hour"
    else:
        reason = None
        entries = [
            UserCostEntry(
                user=each.user if sees_users else f"user {place}",
                cpu_seconds=each.cpu_seconds,
                at_least=each.at_least,
                at_most=each.at_most,
                cost=None if price is None else each.cpu_seconds * price,
            )
            for place, each in enumerate(users, 1)
        ]
    fields.provenance[_USERS] = Provenance(
        source="process", series="measure_cost", unit="CPU s", window_seconds=3600, reason=reason
    )
    number = fields.number
    return BusinessDashboard(
        subscriptions=_parts.subscriptions(fields, "subscriptions"),
        user_activity=_parts.user_activity(fields, "user_activity", **only),
        revenue_impact=_parts.revenue_impact(fields, "revenue_impact", **only),
        tiers={each: _tier(fields, each) for each in ([tier] if tier else tiers())},
        feature_adoption=fields.by("feature_adoption", "ADOPTION", "feature", "uses/user"),
        feature_profitability=fields.by("feature_profitability", "PROFITABILITY", "feature", "currency/h"),
        premium_adoption=number("premium_adoption", "PREMIUM_ADOPTION", "ratio"),
        retention=fields.by("retention", "RETENTION", "metric", "ratio"),
        cost_per_calculation=number("cost_per_calculation", "COST_PER_CALCULATION", "currency"),
        revenue_impact_score=number("revenue_impact_score", "REVENUE_IMPACT", "currency"),
        costliest_users=entries,
        kpis=_parts.kpis(fields, "kpis", "business"),
        **fields.head(),
    )


def _tier(fields: Fields, tier: str) -> TierCost:
    def number(name: str, key: str, unit: str, **labels: str) -> float | None:
        return fields.number(f"tiers.{tier}.{name}", key, unit, where={"user_tier": tier, **labels})

    return TierCost(
        cost_last_hour=number("cost_last_hour", "COST_TIER", "currency"),
        cost_per_user=number("cost_per_user", "COST_PER_USER", "currency"),
        monthly_revenue=number("monthly_revenue", "REVENUE", "currency"),
        satisfaction=number("satisfaction", "SATISFACTION", "score"),
        active_users_last_hour=number("active_users_last_hour", "ACTIVE_USERS", "users", window="1h"),
    )
