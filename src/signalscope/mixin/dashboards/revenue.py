"""Dashboard for sales: revenue, subscriptions and features."""

from __future__ import annotations

from collections.abc import Iterator

from signalscope.config import Config
from signalscope.derived.table.business import HOURS_A_MONTH
from signalscope.mixin.dashboards import _shared as shared
from signalscope.mixin.dashboards._expr import gauge_of, grown, recorded
from signalscope.mixin.dashboards._model import Line, Query, bars, dashboard, line, row, series, stat
from signalscope.mixin.dashboards._style import below

_UNSERVED = "no prices in the configuration, or no satisfaction score yet"
_UNPRICED = "no prices in the configuration, or no subscriptions"
_MONTH, _A_DAY = 'period="30d"', 'period="1d"'


@dashboard("revenue", "Revenue", "What earns revenue, and what puts it at risk? For sales.", since="now-6h")
def board(config: Config) -> Iterator[Line]:
    """Yield the panels for sales."""
    limits = shared.limits(config)
    yield row(
        "Verdict: is revenue safe?", 4,
        stat(
            "What is the monthly revenue?",
            "Active subscriptions times the prices in the configuration.",
            f"sum({recorded('REVENUE')})", "currency", _UNPRICED, decimals=0,
        ),
        stat(
            "What percentage of revenue is well served?",
            "Revenue of each tier times its satisfaction score, as a percentage of all revenue.",
            f"sum({recorded('REVENUE_IMPACT')}) / sum({recorded('REVENUE')})", "percentunit",
            _UNSERVED, limits=below(config.kpis.satisfaction / 100), leads_to="experience", decimals=1,
        ),
        shared.subscriptions(config),
        stat(
            "What is the subscription growth?",
            "Compared with 30 days before; with less history, compared with one day before.",
            f"max({recorded('SUBSCRIPTION_GROWTH', _MONTH)}) or max({recorded('SUBSCRIPTION_GROWTH', _A_DAY)})",
            "percentunit", "less than a day of history",
            limits=shared.PROFIT, decimals=1,
        ),
        stat(
            "What percentage of users is premium?",
            "Users of premium tiers as a percentage of all users active in the last 24 hours.",
            recorded("PREMIUM_ADOPTION"), "percentunit", "no active users", decimals=0,
        ),
    )  # fmt: skip
    yield row(
        "Causes: revenue by tier and feature", 8,
        series(
            "What is the monthly revenue by tier?",
            "Monthly revenue by tier.",
            "currency", _UNPRICED, Query(recorded("REVENUE"), "{{user_tier}}"), stacked=True,
        ),
        shared.subscriptions_by_tier("How many subscriptions are active by tier?"),
        shared.satisfaction_by_tier(
            "How satisfied are users by tier?",
            "Apdex score by tier. A low score of a paying tier puts revenue at risk.",
            leads_to="experience", limits=limits["satisfaction"],
        ),
    )  # fmt: skip
    yield line(
        bars(
            "Which premium features are used?",
            "Uses of premium features in the last hour.",
            "short", "no premium feature was used",
            f"sort_desc(sum by (feature) ({recorded('PREMIUM_USAGE')}))", low=0.0, decimals=0,
        ),
        bars(
            "Which features are profitable?",
            "Revenue attributed to the feature by its uses in the last hour, minus its cost, per month.",
            "currency", "no prices in the configuration, or no feature was used",
            Query(f"sort_desc({HOURS_A_MONTH:g} * {recorded('PROFITABILITY')})", "{{feature}}"), leads_to="cost",
            limits=shared.PROFIT,
        ),
        series(
            "How much revenue is well served over time?",
            "Monthly revenue, and the part that is well served.",
            "currency", _UNSERVED,
            Query(f"sum({recorded('REVENUE')})", "monthly revenue"),
            Query(f"sum({recorded('REVENUE_IMPACT')})", "well served"),
        ),
    )  # fmt: skip
    yield row(
        "Detail", 8,
        shared.retention("What is the user retention?"),
        bars(
            "What are the delivery methods?",
            "Active subscriptions by delivery method.",
            "short", "no subscriptions",
            Query(
                "sum by (delivery_method) ("
                + gauge_of("signal_service.active_subscriptions", how="max",
                           by=("user_tier", "signal_type", "delivery_method"))
                + ")", "{{delivery_method}}",
            ), decimals=0, low=0.0,
        ),
        bars(
            "How many feature uses are there by tier?",
            "Uses of features in this time range.",
            "short", "no feature was used",
            grown("signal_service.feature_usage", by=("user_tier",)), decimals=0, low=0.0,
        ),
    )  # fmt: skip
