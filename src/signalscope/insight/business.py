"""What it is worth: satisfaction, adoption, cost, revenue, profitability."""

from __future__ import annotations

import math
from collections.abc import Mapping

from signalscope.derived._vector import Labels, Vector, divided, labels, only, ratio, scaled, summed

__all__ = [
    "adoption",
    "cost_per_calculation",
    "cost_per_user",
    "growth",
    "premium_adoption",
    "profitability",
    "revenue",
    "revenue_impact",
    "satisfaction",
]

_HOURS_A_MONTH = 30 * 24


def satisfaction(buckets: Vector, *, satisfied: float, tolerated: float) -> dict[Labels, float]:
    """The user satisfaction score, 0 to 100: of the service, and of each ``user_tier``.

    Apdex (apdex.org): satisfied requests and half of the tolerable ones, of all. A failed request (5xx) is
    neither, however quick it was.

    Args:
        buckets: Requests, cumulative, by ``user_tier``, ``status_code`` and ``le``.
        satisfied: Seconds within which a request satisfies; one of the bounds.
        tolerated: Seconds within which it is tolerable; one of the bounds.
    """
    served = {each: value for each, value in buckets.items() if not dict(each)["status_code"].startswith("5")}
    found: dict[Labels, float] = {}
    for by in ((), ("user_tier",)):
        everything = summed(_at(buckets, math.inf), *by)
        # The tolerable ones include the satisfied, which so count twice half.
        good = [summed(_at(served, bound), *by) for bound in (satisfied, tolerated)]
        for each, count in everything.items():
            if count > 0:
                found[each] = 50 * sum(one.get(each, 0.0) for one in good) / count
    return found


def _at(buckets: Vector, bound: float) -> dict[Labels, float]:
    return {each: value for each, value in buckets.items() if float(dict(each)["le"]) == bound}


def adoption(uses: Vector, users: Vector) -> dict[Labels, float]:
    """Uses of each ``feature`` in the last hour for each user who was active in it.

    Args:
        uses: By ``feature`` and ``user_tier``.
        users: Users of the last hour, by ``user_tier``.
    """
    active = math.fsum(users.values())
    return scaled(summed(uses, "feature"), 1 / active) if active > 0 else {}


def premium_adoption(users: Vector, premium: tuple[str, ...]) -> dict[Labels, float]:
    """Active users whose tier is a premium one, of all.

    Args:
        users: Users of the last 24 hours, by ``user_tier``.
        premium: The premium tiers.
    """
    return ratio(summed(only(users, user_tier=premium)), summed(users))


def growth(now: float | None, before: float | None) -> float | None:
    """Growth against an earlier value: 0.15 is 15 % more; None where there is none above zero."""
    return None if now is None or before is None or before <= 0 else now / before - 1


def cost_per_calculation(cost: Vector, calculations: Vector) -> dict[Labels, float]:
    """Cost of a window for each calculation in it."""
    return divided(summed(cost), summed(calculations))


def cost_per_user(cost: Vector, users: Vector) -> dict[Labels, float]:
    """Cost of the last hour for each user who was active in it: of all, and of each ``user_tier``.

    Args:
        cost: Currency units, by ``user_tier``.
        users: Users of the last hour, by ``user_tier``.
    """
    return {
        found: value
        for by in ((), ("user_tier",))
        for found, value in divided(summed(cost, *by), summed(users, *by)).items()
    }


def revenue(subscriptions: Vector, prices: Mapping[str, float]) -> dict[Labels, float]:
    """What the active subscriptions bring in a month, by ``user_tier``; nothing of tiers without a price."""
    return {
        found: value * prices[tier]
        for found, value in summed(subscriptions, "user_tier").items()
        if (tier := dict(found).get("user_tier", "")) in prices
    }


def revenue_impact(earned: Vector, score: Vector) -> dict[Labels, float]:
    """Monthly revenue that is served to satisfaction: revenue of each tier times its satisfaction.

    A tier without requests is as satisfied as the service is; without any requests there is no score.

    Args:
        earned: As `revenue` gives it.
        score: As `satisfaction` gives it.
    """
    parts = [
        value * score.get(found, score.get((), math.nan)) / 100
        for found, value in earned.items()
        if found in score or () in score
    ]
    return {(): math.fsum(parts)} if parts else {}


def profitability(
    uses: Vector, earned: Vector, cost: Vector, operations: Mapping[str, str]
) -> dict[Labels, float]:
    """A ``feature``'s share of the hourly revenue, by its uses, less the cost of its work in the last hour.

    Args:
        uses: Uses in the last hour, by ``feature`` and ``user_tier``.
        earned: Revenue of a month by ``user_tier``.
        cost: Cost of the last hour by ``operation_type``.
        operations: The kind of work that a feature does; of its own name when it is not here. Features that do
            the same work share its cost by their uses.
    """
    of_tier = summed(uses, "user_tier")
    income: dict[str, list[float]] = {}
    for found, value in uses.items():
        names = dict(found)
        tier = labels(user_tier=names["user_tier"])
        if of_tier[tier] > 0 and tier in earned:
            share = earned[tier] / _HOURS_A_MONTH * value / of_tier[tier]
            income.setdefault(names["feature"], []).append(share)
    by_feature = {dict(found)["feature"]: value for found, value in summed(uses, "feature").items()}
    of_work: dict[str, float] = {}
    for feature, value in by_feature.items():
        work = operations.get(feature, feature)
        of_work[work] = of_work.get(work, 0.0) + value
    spent = summed(cost, "operation_type")
    profits: dict[Labels, float] = {}
    for feature, parts in income.items():
        work = operations.get(feature, feature)
        costs = spent.get(labels(operation_type=work))
        if costs is not None and of_work[work] > 0:
            profits[labels(feature=feature)] = math.fsum(parts) - costs * by_feature[feature] / of_work[work]
    return profits
