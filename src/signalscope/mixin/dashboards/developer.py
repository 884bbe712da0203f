"""Dashboard for developers: latency, errors and efficiency of the code."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from signalscope.config import Config
from signalscope.derived._promql import ratio
from signalscope.mixin.dashboards import _shared as shared
from signalscope.mixin.dashboards._expr import (
    gauge_of,
    heat_of,
    mean,
    quantile,
    rate,
    recorded,
    short_instance,
    whole,
)
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

_GREEKS = "no calculation in this time range"
_CALCULATION = "signal_service.greeks.calculation"
_ARRAYS, _SINGLE = 'vectorized="true"', 'vectorized="false"'
_API = "signal_service.api.request.duration"


@dashboard("developer", "Developer", "Which code is slow, wrong or inefficient? For developers.")
def board(config: Config) -> Iterator[Line]:
    """Yield the panels for developers."""
    limits = shared.limits(config)
    yield row(
        "Verdict: does the code perform well?", 4,
        shared.latency(config, "operations"),
        shared.error_rate(config, "operations"),
        stat(
            "What percentage of options is vectorised?",
            "Options priced in array operations, as a percentage of all priced options.",
            whole("VECTORIZED_SHARE"), "percentunit", _GREEKS, limits=limits["vectorized"], decimals=1,
            alerts=("VectorizedShareLow",),
        ),
        stat(
            "What is the p90 of vectorised calculations?",
            "90th percentile of the duration of vectorised calculations.",
            recorded("VECTORIZED_P90"), "s", _GREEKS,
            limits=above(config.thresholds.vectorized_p90_seconds), alerts=("SlowGreeksCalculations",),
        ),
        stat(
            "Which percentage of the results is invalid?",
            "Checked prices and Greeks that are NaN, infinite, missing, out of range or not converged.",
            recorded("GREEKS_INVALID_RATIO"), "percentunit", _GREEKS,
            limits=above(config.thresholds.invalid_greeks_ratio), alerts=("InvalidGreeksRatioHigh",), decimals=4,
        ),
        stat(
            "What is the speedup of vectorisation?",
            "Time per option without vectorisation, divided by the time with it.",
            recorded("VECTORIZED_SPEEDUP"), "none", "needs vectorised and other calculations", decimals=0,
            alerts=("VectorizedWithoutGain",), limits=below(config.thresholds.vectorized_speedup),
        ),
    )  # fmt: skip
    yield row(
        "API: latency and errors by endpoint", 9,
        table(
            "Which endpoint is slow or fails?",
            "Current request rate, error rate and latency of each endpoint.",
            shared.NO_REQUESTS,
            Query(rate("signal_service.api.requests", by=("endpoint",)), "Requests", unit="reqps"),
            Query(recorded("ERROR_RATE", 'endpoint!=""'), "Error rate", unit="percent", limits=limits["error"]),
            Query(quantile(0.5, _API, by=("endpoint",)), "p50", unit="s"),
            Query(quantile(0.95, _API, by=("endpoint",)), "p95", unit="s", limits=limits["latency"]),
            columns={"endpoint": "Endpoint"}, weight=2,
        ),
        heat(
            "What is the distribution of API latency?",
            "Requests by duration. Two bands show two kinds of work; a band that moves shows a change.",
            heat_of(_API), "s", shared.NO_REQUESTS,
        ),
    )  # fmt: skip
    yield line(
        series(
            "What is the p95 latency by endpoint?",
            "95th percentile of API latency by endpoint; exemplars link to traces.",
            "s", shared.NO_REQUESTS, quantile(0.95, _API, by=("endpoint",)),
            exemplars=True, limits=limits["latency"], alerts=("SignalServiceHighLatency",),
        ),
        series(
            "Which endpoints return errors?",
            "Requests with status 5xx per second by endpoint.",
            "reqps", "no request failed",
            rate("signal_service.api.requests", 'status_code=~"5.."', by=("endpoint",)),
        ),
        series(
            "Which external service costs the most time?",
            "Average number of calls in progress: seconds of waiting per second, by service.",
            "short", "no calls in this time range",
            rate("signal_service.external_service.duration", by=("service_name",), suffix="_sum"),
            stacked=True,
        ),
    )  # fmt: skip
    yield row(
        "Process: event loop, threads and garbage collector", 8,
        series(
            "How late are the event loops?",
            "99th percentile of the lag of each process, of a timer that is due every 100 ms.",
            "s", "no event loop is watched",
            Query(short_instance(recorded("EVENT_LOOP_LAG_P99")), "{{instance}} {{process}}"),
            limits=above(
                config.thresholds.event_loop_lag_critical_seconds, config.thresholds.event_loop_lag_seconds
            ),
            alerts=("EventLoopLagHigh",),
        ),
        series(
            "Which thread pool has no free thread?",
            "Tasks that wait for a thread, by pool.",
            "short", "no thread pool is observed",
            gauge_of("signal_service.executor.queued_tasks", by=("executor",)),
            alerts=("ExecutorSaturated",),
        ),
        series(
            "How busy are the thread pools?",
            "Busy and idle threads, by pool. A thread that is not started yet is idle.",
            "short", "no thread pool is observed",
            gauge_of("signal_service.executor.threads", by=("executor", "state")),
        ),
        series(
            "How much time does garbage collection take?",
            "Seconds of collection for each second, by generation; the process stands still meanwhile.",
            "percentunit", "no garbage collection in this time",
            rate("signal_service.gc.pause", by=("generation",), suffix="_sum"),
        ),
    )  # fmt: skip
    yield row(
        "Greeks: calculation time and batches", 8,
        series(
            "What is the calculation time per option?",
            "Time per option, with and without vectorisation. If both are close, the vectorised code probably loops.",
            "s", _GREEKS,
            *_both(lambda way: recorded("PER_OPTION", way)),
        ),
        series(
            "What is the p90 of calculation time?",
            "90th percentile per call, with and without vectorisation; exemplars link to traces.",
            "s", _GREEKS,
            *_both(lambda way: quantile(0.9, _CALCULATION, way)),
            exemplars=True, limits=above(config.thresholds.vectorized_p90_seconds),
            alerts=("SlowGreeksCalculations",),
        ),
        series(
            "How many options are priced?",
            "Options per second, with and without vectorisation.",
            "cps", _GREEKS,
            *_both(lambda way: rate("signal_service.greeks.options", way)),
            stacked=True,
        ),
    )  # fmt: skip
    yield line(
        heat(
            "What is the distribution of batch sizes?",
            "Vectorised calculations by number of options.",
            heat_of("signal_service.greeks.batch_options", _ARRAYS), "short", _GREEKS,
        ),
        bars(
            "Which batch size is the fastest?",
            "Time per option by class of batch size.",
            "s", _GREEKS,
            Query(f"sort({recorded('PER_OPTION_BATCH', _ARRAYS)})", "{{batch_size}}"),
            low=0.0,
        ),
        series(
            "Why are results invalid?",
            "Invalid results per second by reason; large arrays are sampled.",
            "cps", "no invalid results",
            rate("signal_service.greeks.invalid_results", by=("reason",)),
            alerts=("InvalidGreeksRatioHigh", "GreeksCalculationSystemFailure"),
        ),
    )  # fmt: skip
    by = ("model_type", "calculation_type")
    calls, failed = (
        rate(_CALCULATION, *where, by=by, suffix="_count") for where in ((), ('outcome!="success"',))
    )
    yield row(
        "Models and signals: speed and quality", 8,
        table(
            "Which model is slow or fails?",
            "Current call rate, error ratio and duration by model and kind of calculation.",
            _GREEKS,
            Query(calls, "Calls", unit="cps"),
            Query(ratio(failed, calls), "Error ratio", unit="percentunit"),
            Query(mean(_CALCULATION, by=by), "Mean", unit="s"),
            Query(quantile(0.95, _CALCULATION, by=by), "p95", unit="s"),
            columns={"model_type": "Model", "calculation_type": "Calculation"}, weight=2,
        ),
        series(
            "What are the outcomes of calculations?",
            "Calls per second by outcome. A call with an invalid result is not a success.",
            "cps", _GREEKS, rate(_CALCULATION, by=("outcome",), suffix="_count"),
            stacked=True, alerts=("GreeksCalculationSystemFailure",),
        ),
    )  # fmt: skip
    yield line(
        series(
            "What is the p95 of signal generation?",
            "95th percentile of signal generation by signal type; exemplars link to traces.",
            "s", "no signal in this time range",
            quantile(0.95, "signal_service.signal.generation", by=("signal_type",)),
            exemplars=True, limits=limits["signal"],
            alerts=("SignalLatencyBudgetBurnFast", "SignalLatencyBudgetBurnSlow"),
        ),
        series(
            "What is the signal accuracy?",
            "Percentage of correct signals by signal type: the mean over instances and horizons.",
            "percentunit", "no signal was evaluated yet",
            gauge_of("signal_service.signal.accuracy_ratio", by=("signal_type",), how="avg"),
            low=0.0, high=1.0,
        ),
        series(
            "How many signals are there by direction?",
            "Signals per second by direction.",
            "cps", "no signal in this time range",
            rate("signal_service.signals.emitted", by=("direction",)),
        ),
    )  # fmt: skip
    yield row(
        "Cache and database", 8,
        shared.cache_hits(config, "Cache hits as a percentage of reads, by cache."),
        series(
            "What is the p95 of cache operations?",
            "95th percentile of the duration of cache operations by cache.",
            "s", "no cache operation in this time range",
            quantile(0.95, "signal_service.cache.operation", by=("cache_type",)),
        ),
        series(
            "Why are cache entries evicted?",
            "Evictions per second by cache and reason. `size`: the cache is too small. `ttl`: the entry has expired.",
            "cps", "no evictions",
            rate("signal_service.cache.evictions", by=("cache_type", "reason")),
        ),
        bars(
            "What is the cache saturation?",
            "Entries divided by the cache capacity.",
            "percentunit", "no cache is observed",
            Query(f"{gauge_of('signal_service.cache.entries', by=('cache_type',))} / "
                  f"{gauge_of('signal_service.cache.capacity', by=('cache_type',))}", "{{cache_type}}"),
            low=0.0, high=1.0,
        ),
    )  # fmt: skip
    yield line(
        series(
            "Which database query is slow?",
            "95th percentile of query time by table and operation; exemplars link to traces.",
            "s", "no query in this time range",
            quantile(0.95, "signal_service.database.query", by=("table", "operation")),
            exemplars=True, limits=above(config.thresholds.database_p95_seconds),
        ),
        series(
            "How many database queries are there?",
            "Queries per second by table and operation.",
            "cps", "no query in this time range",
            rate("signal_service.database.query", by=("table", "operation"), suffix="_count"),
        ),
        series(
            "Which background task is slow?",
            "95th percentile of task duration by task type.",
            "s", "no task ran in this time range",
            quantile(0.95, "signal_service.background_task", by=("task_type",)),
        ),
        series(
            "How much memory does each kind of work use?",
            "Memory in bytes as reported by the service.",
            "bytes", "no memory usage is reported",
            gauge_of("signal_service.memory.usage", 'operation_type!="process"', by=("operation_type",)),
        ),
    )  # fmt: skip


def _both(expr: Callable[[str], str]) -> tuple[Query, Query]:
    return Query(expr(_ARRAYS), "vectorised"), Query(expr(_SINGLE), "not vectorised")
