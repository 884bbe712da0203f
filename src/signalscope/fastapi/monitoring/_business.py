"""`/monitoring/business-dashboard`: what it is worth."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from signalscope import contract
from signalscope.derived.read import Facts
from signalscope.fastapi._uptime import uptime
from signalscope.fastapi.monitoring import _parts
from signalscope.fastapi.monitoring._fields import OF_ALL_TIERS, Fields
from signalscope.fastapi.monitoring._models import BusinessDashboard, TierCost, UserCostEntry
from signalscope.metrics import CPU_SECOND_PRICE
from signalscope.users._heavy_hitters import UserCost

__all__ = ["KEYS", "business_dashboard", "tiers"]

KEYS = (
    *_parts.BUSINESS_KEYS, "COST_TIER", "REVENUE", "ADOPTION", "PROFITABILITY", "PREMIUM_ADOPTION",
    "RETENTION", "COST_PER_CALCULATION", "REVENUE_IMPACT", *_parts.KPI_KEYS,
)  # fmt: skip
_USERS = "costliest_users"
_COSTLIEST = "CPU time of the last hour of those users whose work took most, in this process alone."
#: Fields by the value of a label: path, series, label, unit; and single numbers: path, series, unit.
_BY_LABEL = (
    ("feature_adoption", "ADOPTION", "feature", "uses/user"),
    ("feature_profitability", "PROFITABILITY", "feature", "currency/h"),
    ("retention", "RETENTION", "metric", "ratio"),
)
_NUMBERS = (
    ("premium_adoption", "PREMIUM_ADOPTION", "ratio"),
    ("cost_per_calculation", "COST_PER_CALCULATION", "currency"),
    ("revenue_impact_score", "REVENUE_IMPACT", "currency"),
)


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
    window = round(min(3_600.0, uptime()), 3)
    fields.of_process(_USERS, "measure_cost", "CPU s", _COSTLIEST, window_seconds=window, reason=reason)
    if entries and price is None:
        why = f"a CPU-second has no price ({CPU_SECOND_PRICE})"
        fields.of_process(f"{_USERS}.cost", "measure_cost", "currency", _COSTLIEST, reason=why)
    return BusinessDashboard(
        tier=tier,
        subscriptions=_parts.subscriptions(fields, "subscriptions", **only),
        user_activity=_parts.user_activity(fields, "user_activity", **only),
        revenue_impact=_parts.revenue_impact(fields, "revenue_impact", **only),
        tiers={each: _tier(fields, each) for each in ([tier] if tier else tiers())},
        **_of_all(fields, entries, one_tier=tier is not None),
        **fields.head(),
    )


def _of_all(fields: Fields, users: list[UserCostEntry] | None, *, one_tier: bool) -> dict[str, Any]:
    """What is known of all tiers together alone: null, with that reason, for one of them."""
    if one_tier:
        rows = (*_BY_LABEL, *_NUMBERS, ("kpis", "KPI_VALUE", "of the KPI"))
        for path, key, *_, unit in rows:
            fields.of_all_tiers(path, key, unit)
        fields.of_process(
            _USERS, "measure_cost", "CPU s", _COSTLIEST, window_seconds=3600, reason=OF_ALL_TIERS
        )
        return dict.fromkeys((*(path for path, *_ in rows), _USERS))
    by = {path: fields.by(path, key, label, unit) for path, key, label, unit in _BY_LABEL}
    numbers = {path: fields.number(path, key, unit) for path, key, unit in _NUMBERS}
    return {**by, **numbers, _USERS: users, "kpis": _parts.kpis(fields, "kpis", "business")}


def _tier(fields: Fields, tier: str) -> TierCost:
    def number(name: str, key: str, unit: str) -> float | None:
        return fields.number(f"tiers.{tier}.{name}", key, unit, where={"user_tier": tier})

    return TierCost(
        cost_last_hour=number("cost_last_hour", "COST_TIER", "currency"),
        cost_per_user=number("cost_per_user", "COST_PER_USER", "currency"),
        monthly_revenue=number("monthly_revenue", "REVENUE", "currency"),
        satisfaction=number("satisfaction", "SATISFACTION", "score"),
        active_users_last_hour=fields.number(
            f"tiers.{tier}.active_users_last_hour",
            "ACTIVE_USERS",
            "users",
            where={"user_tier": tier, "window": "1h"},
            window=3_600,
        ),
    )
