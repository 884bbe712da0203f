"""Executive: do we keep our promises, and does it pay?"""

from __future__ import annotations

from collections.abc import Iterator

from signalscope.config import Config
from signalscope.config.defaults import HOUR_SECONDS
from signalscope.derived.table.kpis import kpis
from signalscope.mixin.dashboards import _shared as shared
from signalscope.mixin.dashboards._expr import quantile, recorded, whole
from signalscope.mixin.dashboards._model import Line, Query, bars, dashboard, line, row, series, stat, table
from signalscope.mixin.dashboards._style import GOOD, WARN, Limits

_REACHED = Limits(WARN, ((1.0, GOOD),))
_SCALES = {"%": "100 * {}", "h": f"{{}} / {HOUR_SECONDS}"}


@dashboard(
    "executive",
    "Executive",
    "Do we keep our promises, and does it pay? For whoever answers for the service.",
    since="now-6h",
)
def board(config: Config) -> Iterator[Line]:
    """The dashboard of whoever answers for the service."""
    limits = shared.limits(config)
    yield row(
        "Verdict: do we keep our promises?", 4,
        shared.up(config),
        shared.budget(config),
        shared.satisfaction(config),
        stat(
            "How much monthly revenue is served well?",
            "Revenue of each tier times its users' satisfaction.",
            f"sum({recorded('REVENUE_IMPACT')})", "currency", "no prices in the config, or no subscriptions",
            leads_to="revenue", decimals=0,
        ),
        shared.subscriptions(config),
        stat(
            "How many goals are reached?",
            "Of all KPIs that have a value now; the table below says which are not.",
            f"count({recorded('KPI_ATTAINMENT')} >= 1) / count({recorded('KPI_ATTAINMENT')})",
            "percentunit", "no KPI has a value yet", decimals=0,
        ),
    )  # fmt: skip
    yield row(
        "Goals and objectives", 9,
        table(
            "Which goals do we miss?",
            "Each KPI's value and target in its own unit, and how near it is: 100 % is reached. The farthest first.",
            "no KPI has a value yet",
            Query(_in_its_unit(config, "KPI_ATTAINMENT", scaled=False), "Reached", unit="percentunit",
                  limits=_REACHED),
            Query(_in_its_unit(config, "KPI_VALUE"), "Now", unit="none", decimals=2),
            Query(_in_its_unit(config, "KPI_TARGET"), "Target", unit="none", decimals=2),
            columns={"kpi": "Goal", "cache_type": "Cache", "unit": "Unit", "category": "Kind"}, weight=3,
            ascending=True,
        ),
        bars(
            "How near is each kind of goal?",
            "The mean of its KPIs; 100 % is reached.",
            "percentunit", "no KPI has a value yet",
            f"avg by (category) ({recorded('KPI_ATTAINMENT')})",
            low=0.0, high=1.0, limits=_REACHED, weight=2,
        ),
    )  # fmt: skip
    by = "max by (sloth_slo)"
    yield line(
        table(
            "Which objectives are in danger?",
            "Error budget that is left of the period's, and how many times too fast it is being spent now.",
            "no SLO has seen traffic yet",
            Query(f"{by} ({recorded('SLO_BURN')})", "Burning", unit="none"),
            Query(f"{by} ({recorded('SLO_REMAINING')})", "Budget left", unit="percentunit",
                  limits=limits["budget"]),
            Query(f"{by} ({recorded('SLO_OBJECTIVE')})", "Objective", unit="percentunit"),
            columns={"sloth_slo": "Objective of"}, weight=3,
        ),
        bars(
            "How much error budget is left?",
            "Of each SLO's period.",
            "percentunit", "no SLO has seen traffic yet",
            f"{by} ({recorded('SLO_REMAINING')})", low=0.0, high=1.0, limits=limits["budget"], weight=2,
            leads_to="operations",
        ),
        height=7,
    )  # fmt: skip
    yield row(
        "Business and users", 8,
        shared.subscriptions_by_tier("Do subscriptions grow?", leads_to="revenue"),
        series(
            "What do a million calculations cost?",
            "Cost of the last hour for each calculation in it; it should fall.",
            "currency", "no price is configured, or no calculation was made",
            Query(f"1e6 * {recorded('COST_PER_CALCULATION')}", "of a million"), leads_to="cost",
        ),
        series(
            "Who is active?",
            "Distinct users of the last hour, by tier.",
            "short", "no users were seen", Query(recorded("ACTIVE_USERS", 'window="1h"'), "{{user_tier}}"),
            stacked=True, leads_to="experience",
        ),
    )  # fmt: skip
    yield line(
        shared.satisfaction_by_tier(
            "Are users satisfied?",
            "0 to 100 for each tier: quick answers count whole, tolerable ones half, slow and failed ones not.",
            leads_to="experience",
        ),
        series(
            "How long do clients wait?",
            "95th percentile of API latency by tier.",
            "s", shared.NO_REQUESTS,
            quantile(0.95, "signal_service.api.request.duration", by=("user_tier",)),
            limits=limits["latency"], leads_to="experience", alerts=("SignalServiceHighLatency",),
        ),
        series(
            "What share of requests fails?",
            "Requests that ended with 5xx, of all.",
            "percent", shared.NO_REQUESTS, Query(whole("ERROR_RATE"), "failed"), leads_to="operations",
            limits=limits["error"],
        ),
    )  # fmt: skip


def _in_its_unit(config: Config, key: str, *, scaled: bool = True) -> str:
    """A series of every KPI with the label `unit`: shares in percent, long times in hours."""
    names: dict[str, list[str]] = {}
    for kpi in kpis(config):
        long = kpi.unit == "s" and kpi.target > HOUR_SECONDS
        unit = "h" if long else "%" if kpi.unit == "ratio" else kpi.unit
        names.setdefault(unit, []).append(kpi.name)
    parts = []
    for unit, of_unit in names.items():
        one_of = "|".join(sorted(set(of_unit)))
        chosen = recorded(key, f'kpi=~"{one_of}"')
        values = f"max by (kpi, category, cache_type) ({chosen})"
        value = _SCALES.get(unit, "{}").format(values) if scaled else values
        parts.append(f'label_replace({value}, "unit", "{unit}", "", "")')
    return " or ".join(parts)
