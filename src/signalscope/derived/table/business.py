"""The business: subscriptions, users, features, satisfaction, cost, revenue."""

from __future__ import annotations

from signalscope.config import Config
from signalscope.derived._expressions import (
    Anywhere,
    Configured,
    Constant,
    Copy,
    Expr,
    Instrument,
    Parens,
    PromqlOnly,
    Relabel,
    Series,
    Setting,
    Wanted,
    is_not,
    matches,
    matches_not,
)
from signalscope.derived._operators import (
    Above,
    Max,
    Minus,
    On,
    Per,
    Plus,
    Ratio,
    Scale,
    Sum,
    Times,
    Union,
    Unless,
    total_and_by,
)
from signalscope.derived._promql import Promql
from signalscope.derived._rows import Variant, group, series
from signalscope.derived.table import increase, rate

HOURS_A_MONTH = 30 * 24
_DAY = 86_400
_SECONDS = "signal_service.api.request.duration"
_COST = "signal_service.calculation_cost"
_USES = Series("FEATURE_USES")
_BY_TIER = On(("user_tier",))


def _users(window: str, *by: str, **wanted: Wanted) -> Expr:
    return Sum(Series("ACTIVE_USERS", window=window, **wanted), *by)


def _satisfaction(by: tuple[str, ...]) -> Expr:
    """Return 100 times the Apdex (apdex.org): the ratio of satisfied requests plus half the ratio of tolerable ones.

    A failed request is neither satisfied nor tolerable.
    """
    served = matches_not("5..")

    def within(setting: str) -> Expr:
        return rate(_SECONDS, *by, part="bucket", le=Setting(setting), status_code=served)

    every = rate(_SECONDS, *by, part="count")
    answered = rate(_SECONDS, *by, part="count", status_code=served)
    # The bucket of tolerable requests includes the satisfied requests, which therefore count twice a half.
    good = Plus(within("business.satisfied_seconds"), within("business.tolerated_seconds"))
    all_failed = Scale(Unless(every, Above(answered, 0)), 0)
    return Per(Scale(Union(Parens(good), all_failed), 50), every)


def _spent(config: Config) -> Expr:
    """Return the cost of each feature in the last hour.

    Features that cause the same kind of work share its cost by their uses.
    """
    # A feature that is not in the configuration causes the kind of work with its own name.
    mapped = Copy(Sum(_USES, "feature"), "operation_type", "feature")
    for feature, operation in config.business.feature_operations.items():
        mapped = Relabel(mapped, "operation_type", operation, "feature", feature)
    of_operation = On(("operation_type",), "left")
    ratio = Per(mapped, Sum(mapped, "operation_type"), of_operation)
    return Sum(Times(ratio, Series("COST"), of_operation), "feature")


# Features share the revenue of a tier by their uses.
_EARNED = Sum(
    Times(
        Scale(Series("REVENUE"), by=HOURS_A_MONTH),
        Per(_USES, Sum(_USES, "user_tier"), On(("user_tier",), "left")),
        On(("user_tier",), "right"),
    ),
    "feature",
)
# A tier without requests in the window gets the satisfaction of the whole service.
_SATISFACTION_OF_TIER = Union(
    Series("SATISFACTION", user_tier=is_not("")),
    Plus(Times(Series("REVENUE"), Constant(0)), Sum(Series("SATISFACTION", user_tier="")), On((), "left")),
    on=_BY_TIER,
)


def _before(selector: str, days: int) -> str:
    return f"avg_over_time({selector}[1h] offset {days}d)"


def _growth(days: int) -> Variant:
    """Return the growth of the subscriptions against an earlier day; absent without values of that day."""

    def build(ask: Promql) -> str:
        now = ask.of("SUBSCRIPTIONS_TOTAL")
        return f"{now} / ({_before(now, days)} > 0) - 1"

    return Variant(PromqlOnly(build, over=days * _DAY), {"period": f"{days}d"})


def _retention(metric: str, days: int) -> Variant:
    def build(ask: Promql) -> str:
        users = ask.of("ACTIVE_USERS", 'window="24h"')
        return f"sum {ask.by()} ({users}) / (sum {ask.by()} ({_before(users, days)}) > 0)"

    return Variant(PromqlOnly(build, over=days * _DAY), {"metric": metric})


GROUPS = (
    group("business", "recording", {
        # All processes report the same subscriptions and users, so the highest value of any process counts.
        "SUBSCRIPTIONS": series(
            "job_user_tier:signal_service_active_subscriptions:sum", unit="{subscription}",
            meaning="Active subscriptions by tier.",
            expr=Sum(
                Max(Instrument("signal_service.active_subscriptions"), "user_tier", "signal_type", "delivery_method"),
                "user_tier",
            ),
        ),
        "SUBSCRIPTIONS_TOTAL": series(
            "job:signal_service_active_subscriptions:sum", unit="{subscription}",
            meaning="Active subscriptions of all tiers.", expr=Sum(Series("SUBSCRIPTIONS")),
        ),
        "ACTIVE_USERS": series(
            "job_window_user_tier:signal_service_active_users:max", unit="{user}",
            meaning="Distinct users in the window: exact with one process, a lower limit with several.",
            expr=Max(Instrument("signal_service.active_users"), "window", "user_tier"),
        ),
        "PREMIUM_ADOPTION": series(
            "job:signal_service_premium_adoption:ratio", unit="",
            meaning="Ratio of the users of the last 24 hours who have a premium tier.",
            expr=Ratio(_users("24h", user_tier=matches(Setting("business.premium_tiers"))), _users("24h")),
        ),
        "SATISFACTION": series(
            "user_satisfaction_score", unit="{score}",
            meaning="Apdex, 0 to 100: satisfied requests count 1, tolerable requests 0.5, other requests 0.",
            expr=total_and_by("user_tier", _satisfaction),
        ),
    }),
    # To read an hour of the counters of all processes is expensive: once a minute is enough.
    group("business-hour", "insight", {
        "FEATURE_USES": series(
            "job_feature_user_tier:signal_service_feature_usage:increase1h", unit="{use}",
            meaning="Uses of features in the last hour.",
            expr=increase("signal_service.feature_usage", "feature", "user_tier"),
        ),
        "PREMIUM_USAGE": series(
            "signal_service_premium_feature_usage", unit="{use}",
            meaning="Uses of premium features in the last hour.",
            expr=increase("signal_service.premium_feature_usage", "feature", "user_tier"),
        ),
        "ADOPTION": series(
            "feature_adoption_rates", unit="{use}/{user}",
            meaning="Uses of a feature in the last hour for each active user.",
            expr=Per(Sum(_USES, "feature"), _users("1h"), On((), "left")),
        ),
        "COST": series(
            "job_operation_type:signal_service_calculation_cost:increase1h", unit="{currency}",
            meaning="Cost in the last hour by kind of work.", expr=increase(_COST, "operation_type"),
        ),
        "COST_TIER": series(
            "job_user_tier:signal_service_calculation_cost:increase1h", unit="{currency}",
            meaning="Cost in the last hour by tier.", expr=increase(_COST, "user_tier"),
        ),
        "COST_PER_CALCULATION": series(
            "signal_service_cost_per_calculation", unit="{currency}",
            meaning="Cost in the last hour for each calculation of Greeks.",
            expr=Per(Sum(Series("COST")), increase("signal_service.greeks.calculation", part="count")),
        ),
        "COST_PER_USER": series(
            "signal_service_cost_per_user", unit="{currency}",
            meaning="Cost in the last hour for each active user, in total and by tier.",
            expr=Union(
                Parens(Per(Sum(Series("COST")), _users("1h"))),
                Parens(Per(Series("COST_TIER"), _users("1h", "user_tier"))),
            ),
        ),
    }, fixed=True),
    group("revenue", "recording", {
        "TIER_PRICE": series(
            "job_user_tier:signal_service_subscription_price:monthly", unit="{currency}", labels="job user_tier",
            meaning="Monthly price of a subscription in the configuration; absent for tiers without a price.",
            variants=lambda config: (
                Variant(Configured(price), {"job": config.selectors.job, "user_tier": tier})
                for tier, price in config.business.monthly_prices.items()
            ),
        ),
        "REVENUE": series(
            "job_user_tier:signal_service_subscription_revenue:monthly", unit="{currency}",
            meaning="Monthly revenue of the active subscriptions at the prices in the configuration.",
            expr=Times(Series("SUBSCRIPTIONS"), Anywhere("TIER_PRICE"), _BY_TIER),
        ),
        "REVENUE_IMPACT": series(
            "revenue_impact_score", unit="{currency}",
            meaning="Monthly revenue of each tier times its satisfaction (0 to 1), summed over all tiers.",
            expr=Sum(Scale(Times(Series("REVENUE"), _SATISFACTION_OF_TIER, _BY_TIER), by=100)),
        ),
        "PROFITABILITY": series(
            "signal_service_feature_profitability", unit="{currency}/h", labels="job feature",
            meaning="Revenue of a feature, in proportion to its uses, minus the cost of its work.",
            variants=lambda config: [Variant(Minus(Parens(_EARNED), Parens(_spent(config)), On(("feature",))))],
        ),
    }),
    # Comparisons with earlier days.
    group("business-history", "history", {
        "SUBSCRIPTION_GROWTH": series(
            "job:signal_service_active_subscriptions:growth", unit="", labels="job period",
            meaning="Growth of the subscriptions in one day or 30 days (`1d`, `30d`): 0.15 is 15 % more.",
            variants=lambda _: map(_growth, (1, 30)),
        ),
        "RETENTION": series(
            "retention_metrics", unit="", labels="job metric",
            meaning="`stickiness`: users of the last hour over users of the last 24 hours. `day_over_day`, "
            "`week_over_week`: users of 24 hours over those a day, a week before.",
            variants=lambda _: (
                Variant(Per(_users("1h"), _users("24h")), {"metric": "stickiness"}),
                _retention("day_over_day", 1), _retention("week_over_week", 7),
            ),
        ),
    }, fixed=True),
)  # fmt: skip
