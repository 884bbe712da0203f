"""Series of the business: subscriptions, users, features, satisfaction, cost, revenue."""

from __future__ import annotations

from signalscope.config import Config
from signalscope.mixin import series
from signalscope.mixin._promql import Promql, le, literal
from signalscope.mixin.rules import Group, Recording

__all__ = ["HOURS_A_MONTH", "groups", "prices"]

_SUBSCRIPTIONS = "signal_service.active_subscriptions"
_SECONDS = "signal_service.api.request.duration"
_COST = "signal_service.calculation_cost"
HOURS_A_MONTH = 30 * 24


def groups(config: Config) -> list[Group]:
    """The groups of this module."""
    ask = Promql(config.selectors.job)
    return [
        Group("business", config.pipeline.recording, (*_users(ask, config), _satisfaction(ask, config))),
        # An hour of every process' counters is much to read: once a minute is enough.
        Group("business-hour", config.pipeline.insight, (*_uses(ask), *_cost(ask)), fixed=True),
        Group("revenue", config.pipeline.recording, _revenue(ask, config)),
        Group("business-history", config.pipeline.history, _history(ask), fixed=True),
    ]


def _users(ask: Promql, config: Config) -> tuple[Recording, ...]:
    # Processes share subscriptions and users; each kind counts once: the highest that any process reports.
    kinds = "job, user_tier, signal_type, delivery_method"
    users = ask.raw("signal_service.active_users")
    day = ask.of("ACTIVE_USERS", _DAY)
    premium = "|".join(map(literal, config.business.premium_tiers))
    paying = ask.of("ACTIVE_USERS", 'window="24h"', f'user_tier=~"{premium}"')
    return (
        Recording("SUBSCRIPTIONS", f"sum by (job, user_tier) (max by ({kinds}) ({ask.raw(_SUBSCRIPTIONS)}))"),
        Recording("SUBSCRIPTIONS_TOTAL", f"sum by (job) ({ask.of('SUBSCRIPTIONS')})"),
        Recording("ACTIVE_USERS", f"max by (job, window, user_tier) ({users})"),
        Recording(
            "PREMIUM_ADOPTION",
            f"(sum by (job) ({paying}) or 0 * sum by (job) ({day})) / (sum by (job) ({day}) > 0)",
        ),
    )


def _uses(ask: Promql) -> tuple[Recording, ...]:
    """Uses of features in the last hour."""
    uses, recent = ask.of("FEATURE_USES"), ask.of("ACTIVE_USERS", _HOUR)
    return (
        Recording("FEATURE_USES", ask.increase("signal_service.feature_usage", by="feature, user_tier")),
        Recording(
            "PREMIUM_USAGE", ask.increase("signal_service.premium_feature_usage", by="feature, user_tier")
        ),
        Recording(
            "ADOPTION",
            f"sum by (job, feature) ({uses}) / on (job) group_left () (sum by (job) ({recent}) > 0)",
        ),
    )


def _satisfaction(ask: Promql, config: Config) -> Recording:
    """Apdex (apdex.org): satisfied requests, and half of the tolerable ones, of all; a failed one is neither."""
    served = 'status_code!~"5.."'
    business = config.business

    def share(by: str) -> str:
        satisfied, tolerable = (
            ask.rate(_SECONDS, le(bound), served, by=by, suffix="_bucket")
            for bound in (business.satisfied_seconds, business.tolerated_seconds)
        )
        # The tolerable ones include the satisfied, which so count twice half.
        every = ask.rate(_SECONDS, by=by, suffix="_count")
        nobody = f"0 * ({every} unless {ask.rate(_SECONDS, served, by=by, suffix='_count')} > 0)"
        return f"(50 * (({satisfied} + {tolerable}) or {nobody}) / ({every} > 0))"

    return Recording("SATISFACTION", f"{share('')} or {share('user_tier')}")


def _cost(ask: Promql) -> tuple[Recording, ...]:
    calculations = ask.increase("signal_service.greeks.calculation", suffix="_count")
    users = ask.of("ACTIVE_USERS", 'window="1h"')
    total = f"sum by (job) ({ask.of('COST')})"
    return (
        Recording("COST", ask.increase(_COST, by="operation_type")),
        Recording("COST_TIER", ask.increase(_COST, by="user_tier")),
        Recording("COST_PER_CALCULATION", f"{total} / ({calculations} > 0)"),
        Recording(
            "COST_PER_USER",
            f"({total} / (sum by (job) ({users}) > 0))"
            f" or ({ask.of('COST_TIER')} / (sum by (job, user_tier) ({users}) > 0))",
        ),
    )


def prices(config: Config) -> tuple[Recording, ...]:
    """What a subscription of each tier brings in, as the config says."""
    return tuple(
        Recording("TIER_PRICE", f"vector({price:g})", {"job": config.selectors.job, "user_tier": tier})
        for tier, price in config.business.monthly_prices.items()
    )


def _revenue(ask: Promql, config: Config) -> tuple[Recording, ...]:
    revenue = ask.of("REVENUE")
    uses = ask.of("FEATURE_USES")
    of_service = f"sum by (job) ({ask.of('SATISFACTION', _ALL)})"
    of_tier = ask.of("SATISFACTION", 'user_tier!=""')
    # A tier without requests in the window is as satisfied as the service is.
    satisfaction = f"({of_tier} or on (job, user_tier) {revenue} * 0 + on (job) group_left () {of_service})"
    earned = (
        f"sum by (job, feature) ({revenue} / {HOURS_A_MONTH}"
        f" * on (job, user_tier) group_right () ({uses}"
        f" / on (job, user_tier) group_left () (sum by (job, user_tier) ({uses}) > 0)))"
    )
    price = series.get("TIER_PRICE").name
    return (
        *prices(config),
        Recording("REVENUE", f"{ask.of('SUBSCRIPTIONS')} * on (job, user_tier) {price}"),
        Recording(
            "REVENUE_IMPACT",
            f"sum by (job) ({revenue} * on (job, user_tier) {satisfaction} / 100)",
        ),
        Recording("PROFITABILITY", f"({earned}) - on (job, feature) ({_spent(ask, config)})"),
    )


def _spent(ask: Promql, config: Config) -> str:
    """The cost of a feature in the last hour: of its kind of work, shared by uses among the features that do it."""
    operations = config.business.feature_operations
    uses = f"sum by (job, feature) ({ask.of('FEATURE_USES')})"
    # A feature that the config does not name does the work of its own name.
    mapped = f'label_replace({uses}, "operation_type", "$1", "feature", "(.*)")'
    for feature, operation in operations.items():
        mapped = (
            f'label_replace({mapped}, "operation_type", "{operation.replace("$", "$$")}", '
            f'"feature", "{literal(feature)}")'
        )
    share = f"{mapped} / on (job, operation_type) group_left () (sum by (job, operation_type) ({mapped}) > 0)"
    return f"sum by (job, feature) ({share} * on (job, operation_type) group_left () {ask.of('COST')})"


def _history(ask: Promql) -> tuple[Recording, ...]:
    """What is compared with days before; absent until there are such."""
    now = ask.of("SUBSCRIPTIONS_TOTAL")
    day = f"sum by (job) ({ask.of('ACTIVE_USERS', _DAY)})"
    hour = f"sum by (job) ({ask.of('ACTIVE_USERS', _HOUR)})"
    return (
        *(
            Recording(
                "SUBSCRIPTION_GROWTH",
                f"{now} / (avg_over_time({now}[1h] offset {period}) > 0) - 1",
                {"period": period},
            )
            for period in ("1d", "30d")
        ),
        Recording("RETENTION", f"{hour} / ({day} > 0)", {"metric": "stickiness"}),
        *(
            Recording(
                "RETENTION",
                f"{day} / (sum by (job) (avg_over_time({ask.of('ACTIVE_USERS', _DAY)}[1h] offset {before})) > 0)",
                {"metric": metric},
            )
            for metric, before in (("day_over_day", "1d"), ("week_over_week", "7d"))
        ),
    )


_ALL = 'user_tier=""'
_HOUR, _DAY = 'window="1h"', 'window="24h"'
