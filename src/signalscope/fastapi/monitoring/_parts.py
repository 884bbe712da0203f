"""The parts that several answers share; each gets the path under which it stands."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal, cast

from signalscope.derived._vector import only
from signalscope.derived.table.forecast import WITHIN
from signalscope.derived.table.kpis import Kpi as MixinKpi
from signalscope.derived.table.kpis import kpis as mixin_kpis
from signalscope.fastapi import _settings
from signalscope.fastapi.monitoring._fields import Fields
from signalscope.fastapi.monitoring._models import (
    Bottleneck,
    Breaker,
    Exhaustion,
    ExternalDependencies,
    Kpi,
    ResourceUtilization,
    RevenueImpact,
    Scaling,
    ScalingIndicators,
    Subscriptions,
    UserActivity,
)

__all__ = [
    "BREAKER_KEYS",
    "BUSINESS_KEYS",
    "CAPACITY_KEYS",
    "KPI_KEYS",
    "breakers",
    "dependencies",
    "kpis",
    "revenue_impact",
    "scaling_indicators",
    "subscriptions",
    "user_activity",
    "utilization",
]

BREAKER_KEYS = ("BREAKER_STATES", "BREAKER_CALLS", "BREAKER_TRANSITIONS")
BUSINESS_KEYS = (
    "SUBSCRIPTIONS_TOTAL", "SUBSCRIPTIONS", "SUBSCRIPTION_GROWTH", "ACTIVE_USERS", "FEATURE_USES",
    "SATISFACTION", "COST", "PREMIUM_USAGE", "COST_PER_USER",
)  # fmt: skip
CAPACITY_KEYS = (
    "CPU", "MEMORY_BYTES", "QUEUE_FILL", "SCALING", "BOTTLENECK", "EXHAUSTION", "DEPENDENCY_SCORE",
    "DEPENDENCY_TIME", "API_MEAN", "API_REQUESTS", "DEPENDENCY_ERROR_RATIO", "DEPENDENCY_P95",
)  # fmt: skip
KPI_KEYS = ("KPI_VALUE", "KPI_TARGET", "KPI_ATTAINMENT")
_TOP_FEATURES = 10
_IMPACT = str(ExternalDependencies.model_fields["network_latency_impact"].description)
_COMPLIANCE = str(ExternalDependencies.model_fields["service_level_compliance"].description)
_BAD_TO_GOOD: tuple[Literal["open", "half_open", "closed"], ...] = ("open", "half_open", "closed")


def breakers(fields: Fields, path: str) -> list[Breaker] | None:
    """Every circuit breaker that reports; None when none does."""
    states, calls, transitions = (
        fields.vector(f"{path}.{name}", key, unit)
        for name, key, unit in (
            ("state", "BREAKER_STATES", "state"),
            ("calls", "BREAKER_CALLS", "calls"),
            ("transitions", "BREAKER_TRANSITIONS", "state changes"),
        )
    )
    found: dict[tuple[str, str], Breaker] = {}

    def breaker(names: Mapping[str, str]) -> Breaker:
        service, operation = of = (names["service_name"], names["operation"])
        if of not in found:
            found[of] = Breaker(
                service_name=service, operation=operation, state=None, calls={}, transitions={}
            )
        return found[of]

    for state in reversed(_BAD_TO_GOOD):  # the worst has the last word
        for each, value in only(states, state=state).items():
            one = breaker(dict(each))
            one.state = state if value > 0 else one.state
    for each, value in calls.items():
        names = dict(each)
        breaker(names).calls[names["outcome"]] = value
    for each, value in transitions.items():
        names = dict(each)
        breaker(names).transitions[names["to"]] = value
    fields.note(path, "BREAKER_STATES", "breakers", missing=not found)
    return [each for _, each in sorted(found.items())] or None


def subscriptions(fields: Fields, path: str, **tier: str) -> Subscriptions:
    """Subscriptions, and their growth; of one tier, if given."""
    growth = None
    if tier:
        fields.of_all_tiers(f"{path}.growth_rate_daily", "SUBSCRIPTION_GROWTH", "ratio")
    else:
        growth = fields.number(
            f"{path}.growth_rate_daily", "SUBSCRIPTION_GROWTH", "ratio", where={"period": "1d"}
        )
    total = "SUBSCRIPTIONS" if tier else "SUBSCRIPTIONS_TOTAL"
    return Subscriptions(
        total_active=fields.number(f"{path}.total_active", total, "subscriptions", where=tier),
        by_tier=fields.by(f"{path}.by_tier", "SUBSCRIPTIONS", "user_tier", "subscriptions", where=tier),
        growth_rate_daily=growth,
    )


def user_activity(fields: Fields, path: str, **tier: str) -> UserActivity:
    """Users, what they use, and how satisfied they are; of one tier, if given."""
    return UserActivity(
        active_users_last_hour=fields.number(
            f"{path}.active_users_last_hour",
            "ACTIVE_USERS",
            "users",
            where={"window": "1h", **tier},
            window=3_600,
        ),
        top_features_usage=fields.by(
            f"{path}.top_features_usage", "FEATURE_USES", "feature", "uses", most=_TOP_FEATURES, where=tier
        ),
        user_satisfaction_score=fields.number(
            f"{path}.user_satisfaction_score",
            "SATISFACTION",
            "score",
            where={"user_tier": tier.get("user_tier", "")},
        ),
    )


def revenue_impact(fields: Fields, path: str, **tier: str) -> RevenueImpact:
    """Cost and premium use; of one tier, if given."""
    cost = "COST_TIER" if tier else "COST"
    return RevenueImpact(
        computation_cost_last_hour=fields.number(
            f"{path}.computation_cost_last_hour", cost, "currency", where=tier
        ),
        premium_feature_usage=fields.by(
            f"{path}.premium_feature_usage", "PREMIUM_USAGE", "feature", "uses", where=tier
        ),
        cost_per_user=fields.number(
            f"{path}.cost_per_user",
            "COST_PER_USER",
            "currency",
            where={"user_tier": tier.get("user_tier", "")},
        ),
    )


def utilization(fields: Fields, path: str) -> ResourceUtilization:
    """CPU, memory, queue."""
    return ResourceUtilization(
        cpu_usage_percentage=fields.number(
            f"{path}.cpu_usage_percentage", "CPU", "% of a core", factor=100, how=max
        ),
        memory_usage_gb=fields.number(f"{path}.memory_usage_gb", "MEMORY_BYTES", "GB", factor=1e-9),
        queue_utilization=fields.number(f"{path}.queue_utilization", "QUEUE_FILL", "ratio", how=max),
    )


def scaling_indicators(fields: Fields, path: str) -> ScalingIndicators:
    """Replicas, bottleneck, exhaustion."""
    wanted = fields.vector(f"{path}.scaling_recommendation", "SCALING", "replicas")
    saturation = fields.vector(f"{path}.bottleneck_analysis", "BOTTLENECK", "ratio")
    left = fields.by(f"{path}.predicted_capacity_exhaustion", "EXHAUSTION", "resource", "s", how=min)
    scaling = next(
        (Scaling(replicas=value, reason=dict(each).get("reason", "")) for each, value in wanted.items()), None
    )
    bottleneck = exhaustion = None
    if saturation:
        worst = max(saturation, key=lambda each: (saturation[each], each))
        names = dict(worst)
        bottleneck = Bottleneck(
            resource=names.get("resource", ""),
            kind=names.get("kind", ""),
            saturation=saturation[worst],
            resources={
                dict(each).get("resource", ""): value
                for each, value in sorted(saturation.items(), key=lambda each: -each[1])
            },
        )
    if left:
        first = min(left, key=lambda each: (left[each], each))
        foreseen = first if left[first] < WITHIN else None
        exhaustion = Exhaustion(resource=foreseen, seconds=left[first], resources=left)
    return ScalingIndicators(
        scaling_recommendation=scaling,
        bottleneck_analysis=bottleneck,
        predicted_capacity_exhaustion=exhaustion,
    )


def dependencies(fields: Fields, path: str) -> ExternalDependencies:
    """How external services do, and what they cost in time."""
    score = fields.number(f"{path}.dependency_health_score", "DEPENDENCY_SCORE", "%")
    waiting, mean, rate = (
        math.fsum(vector.values()) if (vector := fields.facts.get(key).vector) else None
        for key in ("DEPENDENCY_TIME", "API_MEAN", "API_REQUESTS")
    )
    served = mean * rate if mean is not None and rate is not None else 0.0
    impact = waiting / served if waiting is not None and served > 0 else None
    fields.note(
        f"{path}.network_latency_impact", "DEPENDENCY_TIME", "s/s", missing=impact is None,
        reason=None if waiting is None else "no requests were served in the window",
        also=("API_MEAN", "API_REQUESTS"), meaning=_IMPACT,
    )  # fmt: skip
    errors, slow = (
        {dict(each)["service_name"]: value for each, value in fields.facts.get(key).vector.items()}
        for key in ("DEPENDENCY_ERROR_RATIO", "DEPENDENCY_P95")
    )
    limits = _settings.config().thresholds
    # Nobody knows of a service without a latency whether it complies, unless it fails too often anyhow.
    judged = [
        error <= limits.dependency_error_ratio and slow[name] <= limits.dependency_p95_seconds
        for name, error in errors.items()
        if name in slow or error > limits.dependency_error_ratio
    ]
    fields.note(
        f"{path}.service_level_compliance", "DEPENDENCY_ERROR_RATIO", "%", missing=not judged,
        reason="there is no latency of any service" if errors else None,
        also=("DEPENDENCY_P95",), meaning=_COMPLIANCE,
    )  # fmt: skip
    compliance = 100 * sum(judged) / len(judged) if judged else None
    return ExternalDependencies(
        dependency_health_score=score, network_latency_impact=impact, service_level_compliance=compliance
    )


def kpis(fields: Fields, path: str, *categories: str) -> list[Kpi] | None:
    """The KPIs of some categories; None without any."""
    values = fields.vector(path, "KPI_VALUE", "of the KPI")
    targets, attained = (
        {_kpi(each): (value, dict(each)) for each, value in fields.facts.get(key).vector.items()}
        for key in ("KPI_TARGET", "KPI_ATTAINMENT")
    )
    present = {_kpi(each): value for each, value in values.items()}
    known: dict[tuple[str, str, str], MixinKpi] = {
        (each.name, each.category, each.cache_type): each for each in mixin_kpis(_settings.config())
    }
    found = []
    for of in sorted({*targets, *present}):
        name, category, cache = of
        if category not in categories:
            continue
        target, names = targets.get(of, (None, {}))
        numbers = {"value": present.get(of), "target": target, "attainment": attained.get(of, (None, {}))[0]}
        missing = [label for label, value in numbers.items() if value is None]
        about = known.get(of)
        found.append(
            Kpi(
                name=name,
                category=category,
                cache_type=cache or None,
                meaning=about.meaning if about else None,
                unit=about.unit if about else None,
                **numbers,
                direction=cast("Literal['above', 'below'] | None", names.get("direction")),
                reason=f"Prometheus has no {' and no '.join(missing)} of it" if missing else None,
            )
        )
    if values and not found:
        reason = f"Prometheus has no KPI that is {' or '.join(categories)}"
        fields.note(path, "KPI_VALUE", "of the KPI", missing=True, reason=reason)
    return found or None


def _kpi(each: tuple[tuple[str, str], ...]) -> tuple[str, str, str]:
    names = dict(each)
    return names.get("kpi", ""), names.get("category", ""), names.get("cache_type", "")
