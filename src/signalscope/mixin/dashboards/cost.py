"""Cost optimisation: what is paid for nothing?"""

from __future__ import annotations

from collections.abc import Iterator

from signalscope.config import Config
from signalscope.derived.table.business import HOURS_A_MONTH
from signalscope.mixin.dashboards import _shared as shared
from signalscope.mixin.dashboards._expr import gauge_of, rate, recorded, whole
from signalscope.mixin.dashboards._model import Line, Query, bars, dashboard, line, row, series, stat, table

_FREE = "no price is configured (SIGNALSCOPE_CPU_SECOND_PRICE)"
_ARRAYS, _SINGLE = 'vectorized="true"', 'vectorized="false"'


@dashboard(
    "cost",
    "Cost optimisation",
    "What is paid for, by whom, and what for nothing? For whoever pays.",
    since="now-6h",
)
def board(config: Config) -> Iterator[Line]:
    """The dashboard of whoever pays."""
    limits = shared.limits(config)
    yield row(
        "Verdict: what does it cost?", 4,
        stat(
            "What did the last hour cost?",
            "CPU time at the configured price.",
            f"sum({recorded('COST')})", "currency", _FREE,
        ),
        stat(
            "What do a million calculations cost?",
            "Cost of the last hour for each Greeks calculation in it, times a million.",
            f"1e6 * {recorded('COST_PER_CALCULATION')}", "currency", _FREE,
        ),
        stat(
            "What do a thousand users cost?",
            "Cost of the last hour for each user active in it, times a thousand.",
            f"1000 * {whole('COST_PER_USER')}", "currency", _FREE,
        ),
        stat(
            "What earns the least?",
            "The feature with the lowest share of the revenue less the cost of its work, per hour.",
            f"bottomk(1, {recorded('PROFITABILITY')})", "currency",
            "no prices in the config, or no feature was used", legend="{{feature}}",
            limits=shared.PROFIT,
        ),
        stat(
            "How many options are priced in arrays?",
            "Each one that is not costs many times as much.",
            whole("VECTORIZED_SHARE"), "percentunit", "no calculation in this time",
            limits=limits["vectorized"], leads_to="developer", decimals=1,
        ),
    )  # fmt: skip
    per_user = recorded("COST_PER_USER", 'user_tier!=""')
    yield row(
        "Causes: tiers, features, kinds of work", 8,
        series(
            "Which tier costs most?",
            "Cost of the last hour by tier.",
            "currency", _FREE, Query(recorded("COST_TIER"), "{{user_tier}}"), stacked=True,
        ),
        bars(
            "Which tier pays for itself?",
            "What a tier brings in an hour, by its monthly revenue, less what it costs.",
            "currency", "no prices in the config, or no subscriptions",
            f"sort_desc(max by (user_tier) ({recorded('REVENUE')}) / {HOURS_A_MONTH}"
            f" - max by (user_tier) ({recorded('COST_TIER')}))",
            leads_to="revenue", limits=shared.PROFIT,
        ),
        bars(
            "What do a thousand users of each tier cost?",
            "Cost of the last hour for each user active in it, times a thousand.",
            "currency", _FREE, Query(f"1000 * {per_user}", "{{user_tier}}"), low=0.0,
        ),
    )  # fmt: skip
    yield line(
        table(
            "Which feature pays?",
            "Uses in the last hour, and the feature's share of the revenue less the cost of its work.",
            "no feature was used",
            Query(f"max by (feature) ({recorded('PROFITABILITY')})", "Profit per hour", unit="currency",
                  limits=shared.PROFIT),
            Query(f"sum by (feature) ({recorded('FEATURE_USES')})", "Uses", unit="short"),
            columns={"feature": "Feature"},
        ),
        series(
            "What kind of work costs most?",
            "Cost of the last hour by kind of work.",
            "currency", _FREE, Query(recorded("COST"), "{{operation_type}}"), stacked=True,
        ),
        series(
            "Do calculations get cheaper?",
            "Cost of the last hour for each Greeks calculation in it, times a million; it should fall.",
            "currency", _FREE, Query(f"1e6 * {recorded('COST_PER_CALCULATION')}", "of a million"),
            leads_to="developer",
        ),
    )  # fmt: skip
    options = rate("signal_service.greeks.options", _SINGLE, by=("job",))
    dearer = f"(max by (job) ({recorded('PER_OPTION', _SINGLE)}) - max by (job) ({recorded('PER_OPTION', _ARRAYS)}))"
    yield row(
        "Detail: where to save", 8,
        series(
            "What would arrays save?",
            "CPU time that options priced one by one take beyond what they would take in arrays, of one core.",
            "percentunit", "no option is priced one by one", Query(f"{options} * {dearer}", "of one core"),
            leads_to="developer",
        ),
        series(
            "What is calculated again for want of a hit?",
            "Misses per second, by cache.",
            "cps", "no cache missed",
            rate("signal_service.cache.operations", 'operation="get"', 'result="miss"', by=("cache_type",)),
            leads_to="developer",
        ),
        series(
            "What is paid for and thrown away?",
            "Results that cannot be used, and signals that failed, per second.",
            "cps", "nothing was thrown away",
            Query(rate("signal_service.greeks.invalid_results"), "results that cannot be used"),
            Query(rate("signal_service.signal.generation", 'outcome!="success"', suffix="_count"),
                  "signals that failed"),
        ),
        bars(
            "How much memory do caches hold?",
            "Bytes the cached values take.",
            "bytes", "no cache is observed",
            gauge_of("signal_service.cache.size", by=("cache_type",)), low=0.0,
        ),
    )  # fmt: skip
