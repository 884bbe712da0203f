"""Revenue: what brings money in, and what puts it at risk?"""

from __future__ import annotations

from collections.abc import Iterator

from signalscope.config import Config
from signalscope.mixin.dashboards import _shared as shared
from signalscope.mixin.dashboards._expr import gauge_of, grown, recorded
from signalscope.mixin.dashboards._model import Line, Query, bars, dashboard, line, row, series, stat
from signalscope.mixin.dashboards._style import below

_UNSERVED = "no prices in the config, or no satisfaction yet"
_UNPRICED = "no prices in the config, or no subscriptions"
_MONTH, _A_DAY = 'period="30d"', 'period="1d"'


@dashboard(
    "revenue", "Revenue", "What brings money in, and what puts it at risk? For whoever sells.", since="now-6h"
)
def board(config: Config) -> Iterator[Line]:
    """The dashboard of whoever sells."""
    limits = shared.limits(config)
    yield row(
        "Verdict: is revenue safe?", 4,
        stat(
            "How much comes in each month?",
            "What the active subscriptions bring in, by the prices in the config.",
            f"sum({recorded('REVENUE')})", "currency", _UNPRICED, decimals=0,
        ),
        stat(
            "How much of it is served well?",
            "Revenue of each tier times its users' satisfaction, of all revenue.",
            f"sum({recorded('REVENUE_IMPACT')}) / sum({recorded('REVENUE')})", "percentunit",
            _UNSERVED, limits=below(config.kpis.satisfaction / 100), leads_to="experience", decimals=1,
        ),
        shared.subscriptions(config),
        stat(
            "Do subscriptions grow?",
            "Against 30 days before; against one day before where there is less history.",
            f"max({recorded('SUBSCRIPTION_GROWTH', _MONTH)}) or max({recorded('SUBSCRIPTION_GROWTH', _A_DAY)})",
            "percentunit", "less than a day of history",
            limits=shared.PROFIT, decimals=1,
        ),
        stat(
            "How many users pay for premium?",
            "Users active in the last 24 hours whose tier is a premium one, of all active users.",
            recorded("PREMIUM_ADOPTION"), "percentunit", "no users were seen", decimals=0,
        ),
    )  # fmt: skip
    yield row(
        "Causes: who pays, and for what", 8,
        series(
            "Which tier brings it in?",
            "Monthly revenue by tier.",
            "currency", _UNPRICED, Query(recorded("REVENUE"), "{{user_tier}}"), stacked=True,
        ),
        shared.subscriptions_by_tier("How many subscriptions are there?"),
        shared.satisfaction_by_tier(
            "Are those who pay satisfied?",
            "Satisfaction by tier: a paying tier below the others is revenue at risk.",
            leads_to="experience", limits=limits["satisfaction"],
        ),
    )  # fmt: skip
    yield line(
        bars(
            "Which premium features are used?",
            "Uses in the last hour.",
            "short", "no premium feature was used",
            f"sort_desc(sum by (feature) ({recorded('PREMIUM_USAGE')}))", low=0.0, decimals=0,
        ),
        bars(
            "Which features pay?",
            "A feature's share of the revenue, by its uses, less the cost of its work, per hour.",
            "currency", "no prices in the config, or no feature was used",
            Query(f"sort_desc({recorded('PROFITABILITY')})", "{{feature}}"), leads_to="cost",
            limits=shared.PROFIT,
        ),
        series(
            "Is revenue served better or worse?",
            "Monthly revenue that is served to satisfaction, of what comes in.",
            "currency", _UNSERVED,
            Query(f"sum({recorded('REVENUE')})", "comes in"),
            Query(f"sum({recorded('REVENUE_IMPACT')})", "served well"),
        ),
    )  # fmt: skip
    yield row(
        "Detail", 8,
        shared.retention("Do users come back?"),
        bars(
            "How do subscribers want their signals?",
            "Active subscriptions by way of delivery.",
            "short", "no subscriptions",
            Query(
                "sum by (delivery_method) ("
                + gauge_of("signal_service.active_subscriptions", how="max",
                           by=("user_tier", "signal_type", "delivery_method"))
                + ")", "{{delivery_method}}",
            ), decimals=0, low=0.0,
        ),
        bars(
            "Which tier uses features?",
            "Uses of features in the shown time.",
            "short", "no feature was used",
            grown("signal_service.feature_usage", by=("user_tier",)), decimals=0, low=0.0,
        ),
    )  # fmt: skip
