"""Dashboard for service owners: objectives, KPIs and revenue."""

from __future__ import annotations

from collections.abc import Iterator

from signalscope.config import Config
from signalscope.config.defaults import HOUR_SECONDS
from signalscope.derived._promql import duration
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
    "Does the service meet its objectives, and is it profitable? For owners of the service.",
    since="now-6h",
)
def board(config: Config) -> Iterator[Line]:
    """Yield the panels for owners of the service."""
    limits = shared.limits(config)
    yield row(
        "Verdict: does the service meet its objectives?", 4,
        shared.up(config),
        shared.budget(config),
        shared.satisfaction(config),
        stat(
            "How much monthly revenue is well served?",
            "Monthly revenue of each tier times its satisfaction score.",
            f"sum({recorded('REVENUE_IMPACT')})", "currency", "no prices in the configuration, or no subscriptions",
            leads_to="revenue", decimals=0,
        ),
        shared.subscriptions(config),
        stat(
            "What percentage of KPI targets is met?",
            "KPIs that meet their target, of all KPIs with a value; the table below lists the others.",
            f"count({recorded('KPI_ATTAINMENT')} >= 1) / count({recorded('KPI_ATTAINMENT')})",
            "percentunit", "no KPI has a value yet", decimals=0,
        ),
    )  # fmt: skip
    yield row(
        "KPIs and SLOs", 9,
        table(
            "Which KPI targets are missed?",
            "Value, target and attainment of each KPI; 100 % means that the target is met. Lowest attainment first.",
            "no KPI has a value yet",
            Query(_in_its_unit(config, "KPI_ATTAINMENT", scaled=False), "Attainment", unit="percentunit",
                  limits=_REACHED),
            Query(_in_its_unit(config, "KPI_VALUE"), "Now", unit="none", decimals=2),
            Query(_in_its_unit(config, "KPI_TARGET"), "Target", unit="none", decimals=2),
            columns={"kpi": "KPI", "cache_type": "Cache", "unit": "Unit", "category": "Category"}, weight=3,
            ascending=True,
        ),
        bars(
            "What is the KPI attainment by category?",
            "Mean attainment of the KPIs; 100 % means that the targets are met.",
            "percentunit", "no KPI has a value yet",
            f"avg by (category) ({recorded('KPI_ATTAINMENT')})",
            low=0.0, high=1.0, limits=_REACHED, weight=2,
        ),
    )  # fmt: skip
    by = "max by (sloth_slo)"
    yield line(
        table(
            "Which SLOs are at risk?",
            "Error budget remaining over the time seen, and burn rate: at 1 the budget lasts exactly for the period. "
            f"The budget is shown {duration(config.slos.budget_seconds)} after the first data.",
            "no SLO has events yet",
            Query(f"{by} ({recorded('SLO_BURN')})", "Burn rate", unit="none"),
            Query(f"{by} ({recorded('SLO_REMAINING')})", "Budget remaining", unit="percentunit",
                  limits=limits["budget"]),
            Query(f"clamp_max(time() - {by} ({recorded('SLO_SINCE')}), {config.slos.period_days * 86_400})",
                  "Seen for", unit="s"),
            Query(f"{by} ({recorded('SLO_OBJECTIVE')})", "Objective", unit="percentunit"),
            columns={"sloth_slo": "SLO"}, weight=3,
        ),
        bars(
            "How much error budget remains by SLO?",
            "Error budget remaining over the time seen, at most the period.",
            "percentunit", shared.no_budget(config),
            f"{by} ({recorded('SLO_REMAINING')})", low=0.0, high=1.0, limits=limits["budget"], weight=2,
            leads_to="operations",
        ),
        height=7,
    )  # fmt: skip
    yield row(
        "Business and users", 8,
        shared.subscriptions_by_tier("How many subscriptions are active by tier?", leads_to="revenue"),
        series(
            "What do a million calculations cost?",
            "Cost of the last hour per calculation, times one million; it should fall.",
            "currency", "no price is configured, or no calculation was made",
            Query(f"1e6 * {recorded('COST_PER_CALCULATION')}", "one million calculations"), leads_to="cost",
        ),
        series(
            "How many users are active?",
            "Distinct users of the last hour by tier.",
            "short", "no active users", Query(recorded("ACTIVE_USERS", 'window="1h"'), "{{user_tier}}"),
            stacked=True, leads_to="experience",
        ),
    )  # fmt: skip
    yield line(
        shared.satisfaction_by_tier(
            "How satisfied are users by tier?",
            "Apdex score from 0 to 100: fast requests count 1, tolerable ones 0.5, slow and failed ones 0.",
            leads_to="experience",
        ),
        series(
            "What is the p95 latency by tier?",
            "95th percentile of API latency by tier.",
            "s", shared.NO_REQUESTS,
            quantile(0.95, "signal_service.api.request.duration", by=("user_tier",)),
            limits=limits["latency"], leads_to="experience", alerts=("SignalServiceHighLatency",),
        ),
        series(
            "How does the API error rate develop?",
            "Percentage of requests with status 5xx.",
            "percent", shared.NO_REQUESTS, Query(whole("ERROR_RATE"), "failed"), leads_to="operations",
            limits=limits["error"],
        ),
    )  # fmt: skip


def _in_its_unit(config: Config, key: str, *, scaled: bool = True) -> str:
    """Return PromQL for a series of all KPIs with the label `unit`; ratios are in percent, long times in hours."""
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
