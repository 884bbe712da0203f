"""Dashboard for cost optimisation: cost by tier, feature and kind of work, and savings."""

from __future__ import annotations

from collections.abc import Iterator

from signalscope.config import Config
from signalscope.derived.table.business import HOURS_A_MONTH
from signalscope.mixin.dashboards import _shared as shared
from signalscope.mixin.dashboards._expr import gauge_of, rate, recorded, whole
from signalscope.mixin.dashboards._model import Line, Query, bars, dashboard, line, row, series, stat, table

_FREE = "no price is configured (SIGNALSCOPE_CPU_SECOND_PRICE)"
#: Costs are shown per month, as revenue is; a description says how they are calculated.
_TIMES = f"times the {HOURS_A_MONTH:g} hours of a month"
_ARRAYS, _SINGLE = 'vectorized="true"', 'vectorized="false"'


@dashboard(
    "cost",
    "Cost optimisation",
    "What does the service cost, for which tier and feature, and where can it save? For cost owners.",
    since="now-6h",
)
def board(config: Config) -> Iterator[Line]:
    """Yield the panels for cost owners."""
    limits = shared.limits(config)
    yield row(
        "Verdict: what does the service cost?", 4,
        stat(
            "What does the service cost per month?",
            f"CPU time of the last hour at the configured price, {_TIMES}.",
            _monthly(f"sum({recorded('COST')})"), "currency", _FREE,
        ),
        stat(
            "What do a million calculations cost?",
            "Cost of the last hour per Greeks calculation, times one million.",
            f"1e6 * {recorded('COST_PER_CALCULATION')}", "currency", _FREE,
        ),
        stat(
            "What do a thousand users cost per month?",
            f"Cost of the last hour per active user, times one thousand and {_TIMES}.",
            _monthly(f"1000 * {whole('COST_PER_USER')}"), "currency", _FREE,
        ),
        stat(
            "Which feature has the lowest profit per month?",
            "Feature with the lowest difference between its part of the revenue and its cost.",
            f"bottomk(1, {_monthly(recorded('PROFITABILITY'))})", "currency",
            "no prices in the configuration, or no feature was used", legend="{{feature}}",
            limits=shared.PROFIT,
        ),
        stat(
            "What percentage of options is vectorised?",
            "An option that is not vectorised costs many times as much.",
            whole("VECTORIZED_SHARE"), "percentunit", "no calculation in this time range",
            limits=limits["vectorized"], leads_to="developer", decimals=1,
        ),
    )  # fmt: skip
    revenue, cost = (f"max by (user_tier) ({recorded(key)})" for key in ("REVENUE", "COST_TIER"))
    per_user = recorded("COST_PER_USER", 'user_tier!=""')
    yield row(
        "Causes: cost by tier, feature and kind of work", 8,
        series(
            "Which tier costs most per month?",
            f"Cost of the last hour by tier, {_TIMES}.",
            "currency", _FREE, Query(_monthly(recorded("COST_TIER")), "{{user_tier}}"), stacked=True,
        ),
        table(
            "Which tier is profitable?",
            f"Revenue, cost and profit per month; the cost is that of the last hour, {_TIMES}.",
            "no prices in the configuration, or no subscriptions",
            Query(f"{revenue} - {_monthly(cost)}", "Profit", unit="currency", limits=shared.PROFIT),
            Query(f"{revenue}", "Revenue", unit="currency"),
            Query(_monthly(cost), "Cost", unit="currency"),
            columns={"user_tier": "Tier"}, leads_to="revenue",
        ),
        bars(
            "What do a thousand users of each tier cost per month?",
            f"Cost of the last hour per active user, times one thousand and {_TIMES}.",
            "currency", _FREE, Query(_monthly(f"1000 * {per_user}"), "{{user_tier}}"), low=0.0,
        ),
    )  # fmt: skip
    yield line(
        table(
            "Which feature is profitable?",
            "Uses in the last hour, and the difference between the feature's part of the revenue and its cost.",
            "no feature was used",
            Query(_monthly(f"max by (feature) ({recorded('PROFITABILITY')})"), "Profit per month", unit="currency",
                  limits=shared.PROFIT),
            Query(f"sum by (feature) ({recorded('FEATURE_USES')})", "Uses", unit="short"),
            columns={"feature": "Feature"},
        ),
        series(
            "What kind of work costs most per month?",
            f"Cost of the last hour by kind of work, {_TIMES}.",
            "currency", _FREE, Query(_monthly(recorded("COST")), "{{operation_type}}"), stacked=True,
        ),
        series(
            "What do a million calculations cost over time?",
            "Cost of the last hour per Greeks calculation, times one million; it should fall.",
            "currency", _FREE, Query(f"1e6 * {recorded('COST_PER_CALCULATION')}", "one million calculations"),
            leads_to="developer",
        ),
    )  # fmt: skip
    options = rate("signal_service.greeks.options", _SINGLE, by=("job",))
    dearer = f"(max by (job) ({recorded('PER_OPTION', _SINGLE)}) - max by (job) ({recorded('PER_OPTION', _ARRAYS)}))"
    yield row(
        "Detail: possible savings", 8,
        series(
            "How much CPU would vectorisation save?",
            "Additional CPU time of options that are not vectorised, as a percentage of one core.",
            "percentunit", "all options are vectorised", Query(f"{options} * {dearer}", "CPU of one core"),
            leads_to="developer",
        ),
        series(
            "How many cache misses are there?",
            "Cache misses per second by cache; each is calculated again.",
            "cps", "no cache misses",
            rate("signal_service.cache.operations", 'operation="get"', 'result="miss"', by=("cache_type",)),
            leads_to="developer",
        ),
        series(
            "How many results are discarded?",
            "Invalid results and failed signals per second.",
            "cps", "no result was discarded",
            Query(rate("signal_service.greeks.invalid_results"), "invalid results"),
            Query(rate("signal_service.signal.generation", 'outcome!="success"', suffix="_count"),
                  "failed signals"),
        ),
        bars(
            "How much memory do caches use?",
            "Size of the cached values in bytes.",
            "bytes", "no cache is observed",
            gauge_of("signal_service.cache.size", by=("cache_type",)), low=0.0,
        ),
    )  # fmt: skip


def _monthly(expr: str) -> str:
    return f"{HOURS_A_MONTH:g} * {expr}"
