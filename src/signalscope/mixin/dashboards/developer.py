"""Developer: which code is slow, wrong or wasteful?"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from signalscope.config import Config
from signalscope.derived._promql import ratio
from signalscope.mixin.dashboards import _shared as shared
from signalscope.mixin.dashboards._expr import gauge_of, heat_of, mean, quantile, rate, recorded, whole
from signalscope.mixin.dashboards._model import (
    Line,
    Query,
    bars,
    dashboard,
    heat,
    line,
    row,
    series,
    stat,
    table,
)
from signalscope.mixin.dashboards._style import above, below

_GREEKS = "no calculation in this time"
_CALCULATION = "signal_service.greeks.calculation"
_ARRAYS, _SINGLE = 'vectorized="true"', 'vectorized="false"'
_API = "signal_service.api.request.duration"


@dashboard("developer", "Developer", "Which code is slow, wrong or wasteful? For whoever changes it.")
def board(config: Config) -> Iterator[Line]:
    """The dashboard of whoever changes the code."""
    limits = shared.limits(config)
    yield row(
        "Verdict: is the code well?", 4,
        shared.latency(config, "operations"),
        shared.error_rate(config, "operations"),
        stat(
            "How many options are priced in arrays?",
            "Options priced in array operations, of all options priced.",
            whole("VECTORIZED_SHARE"), "percentunit", _GREEKS, limits=limits["vectorized"], decimals=1,
            alerts=("VectorizedShareLow",),
        ),
        stat(
            "How long do slow array calculations take?",
            "90th percentile of vectorised calculation calls.",
            recorded("VECTORIZED_P90"), "s", _GREEKS,
            limits=above(config.thresholds.vectorized_p90_seconds), alerts=("SlowGreeksCalculations",),
        ),
        stat(
            "How many results per option cannot be used?",
            "NaN, infinite, missing, out of range or not converged, for each option priced: of its price and Greeks.",
            recorded("GREEKS_INVALID_RATIO"), "none", _GREEKS,
            limits=above(config.thresholds.invalid_greeks_ratio), alerts=("InvalidGreeksRatioHigh",), decimals=4,
        ),
        stat(
            "How many times cheaper are arrays?",
            "Calculation time for each option one by one, over the time in arrays.",
            recorded("VECTORIZED_SPEEDUP"), "none", "both ways are needed to compare them", decimals=0,
            alerts=("VectorizedWithoutGain",), limits=below(config.thresholds.vectorized_speedup),
        ),
    )  # fmt: skip
    yield row(
        "API: which endpoint?", 9,
        table(
            "Which endpoint is slow or failing?",
            "Each endpoint now: requests per second, failures, quantiles of latency.",
            shared.NO_REQUESTS,
            Query(rate("signal_service.api.requests", by=("endpoint",)), "Requests", unit="reqps"),
            Query(recorded("ERROR_RATE", 'endpoint!=""'), "Failing", unit="percent", limits=limits["error"]),
            Query(quantile(0.5, _API, by=("endpoint",)), "Half", unit="s"),
            Query(quantile(0.95, _API, by=("endpoint",)), "95 of 100", unit="s", limits=limits["latency"]),
            columns={"endpoint": "Endpoint"}, weight=2,
        ),
        heat(
            "How are response times spread?",
            "Requests by duration: two bands are two kinds of work, a moving band is a change.",
            heat_of(_API), "s", shared.NO_REQUESTS,
        ),
    )  # fmt: skip
    yield line(
        series(
            "Which endpoint got slower?",
            "95th percentile of latency by endpoint; points lead to traces.",
            "s", shared.NO_REQUESTS, quantile(0.95, _API, by=("endpoint",)),
            exemplars=True, limits=limits["latency"], alerts=("SignalServiceHighLatency",),
        ),
        series(
            "Where do errors come from?",
            "Requests that ended with 5xx, per second, by endpoint.",
            "reqps", "no request failed",
            rate("signal_service.api.requests", 'status_code=~"5.."', by=("endpoint",)),
        ),
        series(
            "Which external call costs time?",
            "How many calls are being waited for, on average: seconds of waiting for each service, each second.",
            "short", "no calls in this time",
            rate("signal_service.external_service.duration", by=("service_name",), suffix="_sum"),
            stacked=True,
        ),
    )  # fmt: skip
    yield row(
        "Greeks: vectorised or one by one?", 8,
        series(
            "What does one option cost?",
            "Calculation time for each option, in arrays and one by one. Close together: the arrays are none.",
            "s", _GREEKS,
            *_both(lambda way: recorded("PER_OPTION", way)),
        ),
        series(
            "How long do calculations take?",
            "90th percentile of a call, in arrays and one by one; points lead to traces.",
            "s", _GREEKS,
            *_both(lambda way: quantile(0.9, _CALCULATION, way)),
            exemplars=True, limits=above(config.thresholds.vectorized_p90_seconds),
            alerts=("SlowGreeksCalculations",),
        ),
        series(
            "How many options are priced, and how?",
            "Options per second, in arrays and one by one.",
            "cps", _GREEKS,
            *_both(lambda way: rate("signal_service.greeks.options", way)),
            stacked=True,
        ),
    )  # fmt: skip
    yield line(
        heat(
            "How large are the batches?",
            "Calculation calls by the number of options in them.",
            heat_of("signal_service.greeks.batch_options", _ARRAYS), "short", _GREEKS,
        ),
        bars(
            "Which batch size is the cheapest?",
            "Calculation time for each option by class of batch size.",
            "s", _GREEKS,
            Query(f"sort({recorded('PER_OPTION_BATCH', _ARRAYS)})", "{{batch_size}}"),
            low=0.0,
        ),
        series(
            "Why can results not be used?",
            "Results per second, by reason; large arrays are sampled.",
            "cps", "every result could be used",
            rate("signal_service.greeks.invalid_results", by=("reason",)),
            alerts=("InvalidGreeksRatioHigh", "GreeksCalculationSystemFailure"),
        ),
    )  # fmt: skip
    by = ("model_type", "calculation_type")
    calls, failed = (
        rate(_CALCULATION, *where, by=by, suffix="_count") for where in ((), ('outcome!="success"',))
    )
    yield row(
        "Models: which one, and how good?", 8,
        table(
            "Which model is slow or fails?",
            "Each model and what it calculates, now: calls, those without a usable result, their time.",
            _GREEKS,
            Query(calls, "Calls", unit="cps"),
            Query(ratio(failed, calls), "Failing", unit="percentunit"),
            Query(mean(_CALCULATION, by=by), "Mean", unit="s"),
            Query(quantile(0.95, _CALCULATION, by=by), "95 of 100", unit="s"),
            columns={"model_type": "Model", "calculation_type": "Calculation"}, weight=2,
        ),
        series(
            "How do calculations end?",
            "Calls per second by outcome. A result that is rubbish is not a success.",
            "cps", _GREEKS, rate(_CALCULATION, by=("outcome",), suffix="_count"),
            stacked=True, alerts=("GreeksCalculationSystemFailure",),
        ),
    )  # fmt: skip
    yield line(
        series(
            "How long do signals take?",
            "95th percentile of generation by kind of signal; points lead to traces.",
            "s", "no signal in this time",
            quantile(0.95, "signal_service.signal.generation", by=("signal_type",)),
            exemplars=True, limits=limits["signal"],
            alerts=("SignalLatencyBudgetBurnFast", "SignalLatencyBudgetBurnSlow"),
        ),
        series(
            "Which signals prove right?",
            "Share of signals that proved right, by kind: the mean of instances and horizons.",
            "percentunit", "no signal was judged yet",
            gauge_of("signal_service.signal.accuracy_ratio", by=("signal_type",), how="avg"),
            low=0.0, high=1.0,
        ),
        series(
            "What do signals suggest?",
            "Signals per second by direction.",
            "cps", "no signal in this time",
            rate("signal_service.signals.emitted", by=("direction",)),
        ),
    )  # fmt: skip
    yield row(
        "Cache and database", 8,
        shared.cache_hits(config, "Hits, of all gets, by cache."),
        series(
            "How quick are they?",
            "95th percentile of a cache operation, by cache.",
            "s", "no cache was asked",
            quantile(0.95, "signal_service.cache.operation", by=("cache_type",)),
        ),
        series(
            "Why do entries leave?",
            "Entries per second, by cache and reason. Size: the cache is too small; ttl: it is only old.",
            "cps", "no entry left",
            rate("signal_service.cache.evictions", by=("cache_type", "reason")),
        ),
        bars(
            "How full are they?",
            "Entries, of those each cache can hold.",
            "percentunit", "no cache is observed",
            Query(f"{gauge_of('signal_service.cache.entries', by=('cache_type',))} / "
                  f"{gauge_of('signal_service.cache.capacity', by=('cache_type',))}", "{{cache_type}}"),
            low=0.0, high=1.0,
        ),
    )  # fmt: skip
    yield line(
        series(
            "Which query is slow?",
            "95th percentile of a query, by table and operation; points lead to traces.",
            "s", "no query in this time",
            quantile(0.95, "signal_service.database.query", by=("table", "operation")),
            exemplars=True, limits=above(config.thresholds.database_p95_seconds),
        ),
        series(
            "How many queries are made?",
            "Queries per second, by table and operation.",
            "cps", "no query in this time",
            rate("signal_service.database.query", by=("table", "operation"), suffix="_count"),
        ),
        series(
            "Which background task is slow?",
            "95th percentile by kind of task.",
            "s", "no task ran in this time",
            quantile(0.95, "signal_service.background_task", by=("task_type",)),
        ),
        series(
            "How much memory does each kind of work hold?",
            "Bytes in use, as the service reports them.",
            "bytes", "nothing is observed",
            gauge_of("signal_service.memory.usage", 'operation_type!="process"', by=("operation_type",)),
        ),
    )  # fmt: skip


def _both(expr: Callable[[str], str]) -> tuple[Query, Query]:
    return Query(expr(_ARRAYS), "vectorised"), Query(expr(_SINGLE), "one by one")
