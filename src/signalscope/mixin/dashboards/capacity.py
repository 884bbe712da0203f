"""Dashboard for capacity planning: saturation, forecasts and the scaling recommendation."""

from __future__ import annotations

from collections.abc import Iterator

from signalscope.config import Config
from signalscope.mixin.dashboards import _shared as shared
from signalscope.mixin.dashboards._expr import gauge_of, rate, recorded
from signalscope.mixin.dashboards._model import Line, Query, bars, dashboard, line, row, series, stat, table

#: Resources with a saturation ratio; `load` is in requests per second.
_SHARES, _LOAD, _AHEAD = 'resource!="load"', 'resource="load"', 'horizon="48h"'
#: These series have an interval of several minutes.
_NOT_YET = "no saturation is reported yet; it takes some minutes"
_NO_HISTORY = "not enough history for a forecast yet"


@dashboard(
    "capacity",
    "Capacity planning",
    "Which resource runs out, when, and how many replicas are needed? For capacity planners.",
    since="now-6h",
)
def board(config: Config) -> Iterator[Line]:
    """Yield the panels for capacity planners."""
    limits = shared.limits(config)
    yield row(
        "Verdict: is the capacity sufficient?", 4,
        stat(
            "How many replicas are recommended?",
            "Highest recommendation of all reasons; the reasons are below.",
            f"max({recorded('SCALING')})", "none", "no measured capacity yet", decimals=0,
        ),
        stat(
            "How many replicas run?",
            "Replicas that report metrics.",
            recorded("REPLICAS"), "none", "no replica reports metrics", decimals=0,
        ),
        stat(
            "When is the first resource exhausted?",
            "Time until the first resource is exhausted, if the load follows the forecast.",
            f"min({recorded('EXHAUSTION')})", "dtdurations", _NO_HISTORY,
            limits=limits["exhaustion"], decimals=0, alerts=("CapacityExhaustedWithin48h",),
        ),
        shared.bottleneck(config),
        stat(
            "What did the last hour cost?",
            "CPU time at the configured price.",
            f"sum({recorded('COST')})", "currency", "no price is configured", leads_to="cost",
        ),
    )  # fmt: skip
    yield row(
        "Trends and the next 48 hours", 9,
        series(
            "What is the highest saturation now, and in 48 hours?",
            "Dashed: forecast for 48 hours ahead. The limits contained 90 % of the forecasts of last week.",
            "percentunit", _NOT_YET,
            Query(f"max({recorded('CAPACITY_USED', _SHARES)})", "now"),
            Query(f"max({recorded('FORECAST', _SHARES, _AHEAD)})", "in 48 hours", "forecast"),
            Query(f"max({recorded('FORECAST_UPPER', _SHARES, _AHEAD)})", "upper limit", "upper"),
            Query(f"max({recorded('FORECAST_LOWER', _SHARES, _AHEAD)})", "lower limit", "lower"),
            low=0.0, limits=limits["saturation"], weight=3,
        ),
        table(
            "Which resources are exhausted, and when?",
            "Saturation of each resource now and in 48 hours, and the time until it is exhausted.",
            _NOT_YET,
            Query(f"max by (resource) ({recorded('CAPACITY_USED', _SHARES)})", "Now", unit="percentunit",
                  limits=limits["saturation"]),
            Query(f"max by (resource) ({recorded('FORECAST', _SHARES, _AHEAD)})", "In 48 h", unit="percentunit",
                  limits=limits["saturation"]),
            Query(f"min by (resource) ({recorded('EXHAUSTION')})", "Exhausted in", unit="dtdurations",
                  limits=limits["exhaustion"]),
            columns={"resource": "Resource"}, weight=2,
        ),
    )  # fmt: skip
    yield line(
        series(
            "Does the load follow the forecast?",
            "Requests per second, and the forecast made 48 hours before. A range up to now+48h shows the future.",
            "reqps", _NO_HISTORY,
            Query(recorded("CAPACITY_USED", _LOAD), "measured"),
            Query(f"{recorded('FORECAST', _LOAD, _AHEAD)} offset 48h", "forecast", "forecast"),
            Query(f"{recorded('FORECAST_UPPER', _LOAD, _AHEAD)} offset 48h", "upper limit", "upper"),
            Query(f"{recorded('FORECAST_LOWER', _LOAD, _AHEAD)} offset 48h", "lower limit", "lower"),
        ),
        shared.normal(
            "Is the load normal?", "Requests per second, with the prediction interval.",
            "reqps", "request_rate",
        ),
        shared.normal(
            "Is the rate of priced options normal?", "Options per second, with the prediction interval.",
            "cps", "greeks_throughput",
        ),
        shared.normal(
            "Is the rate of signals normal?", "Signals per second, with the prediction interval.",
            "cps", "signal_rate",
        ),
    )  # fmt: skip
    yield row(
        "Bottleneck and recommendation", 8,
        bars(
            "Which resource is the bottleneck?",
            "Saturation now; the resource with the highest value limits the service.",
            "percentunit", "no saturation is reported", Query(f"sort_desc({recorded('BOTTLENECK')})", "{{resource}}"),
            low=0.0, high=1.0, limits=limits["saturation"],
        ),
        series(
            "Which kind of resource was the bottleneck?",
            "Saturation by kind of resource.",
            "percentunit", "no saturation is reported",
            f"max by (kind) ({recorded('BOTTLENECK')})", low=0.0, high=1.0, limits=limits["saturation"],
        ),
        bars(
            "How many replicas are recommended by reason?",
            "Recommended replicas by reason.",
            "none", "no measured capacity yet", Query(recorded("SCALING_CANDIDATE"), "{{reason}}"),
            low=0.0, decimals=0,
        ),
    )  # fmt: skip
    yield row(
        "Detail: usage and cost", 8,
        series(
            "How many CPU cores are used?",
            "CPU time of all processes, per second.",
            "none", "no process metrics", Query(rate("process.cpu"), "cores"), alerts=("SignalServiceHighCPUUsage",),
        ),
        series(
            "How much memory is used?",
            "Resident memory of all processes.",
            "bytes", "no process metrics", Query(gauge_of("process.resident_memory"), "memory"),
            alerts=("MemoryExhaustedBeforeClose",),
        ),
        series(
            "What is the queue saturation?",
            "Waiting items divided by the queue capacity.",
            "percentunit", "no queue is observed", Query(recorded("QUEUE_FILL"), "{{queue_type}}"),
            low=0.0, high=1.0, limits=limits["saturation"],
        ),
        series(
            "What is the cache saturation?",
            "Entries divided by the cache capacity. A full cache is normal while its hit ratio is high.",
            "percentunit", "no cache is observed", Query(recorded("CACHE_FILL"), "{{cache_type}}"),
            low=0.0, high=1.0,
        ),
    )  # fmt: skip
    yield line(
        series(
            "What is the cost by kind of work?",
            "Cost of the last hour by kind of work.",
            "currency", "no price is configured", Query(recorded("COST"), "{{operation_type}}"),
            stacked=True, leads_to="cost",
        ),
        series(
            "What is the capacity of one replica?",
            "Requests per second at the target CPU usage, measured while replicas were busy.",
            "reqps", "no measured capacity yet", Query(recorded("REPLICA_CAPACITY"), "one replica"),
        ),
        shared.subscriptions_by_tier("How many subscriptions are active by tier?", leads_to="revenue"),
    )  # fmt: skip
