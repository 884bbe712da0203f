"""Capacity planning: what runs out, when, and what is to be done before?"""

from __future__ import annotations

from collections.abc import Iterator

from signalscope.config import Config
from signalscope.mixin.dashboards import _shared as shared
from signalscope.mixin.dashboards._expr import gauge_of, rate, recorded
from signalscope.mixin.dashboards._model import Line, Query, bars, dashboard, line, row, series, stat, table

#: Of resources that can be full; `load` is in requests a second.
_SHARES, _LOAD, _AHEAD = 'resource!="load"', 'resource="load"', 'horizon="48h"'
#: Other than what they are made of, these series are minutes apart.
_NOT_YET = "no resource reports, or not for some minutes yet"
_NO_HISTORY = "not enough history for a forecast yet"


@dashboard(
    "capacity",
    "Capacity planning",
    "What runs out, when, and what is to be done before? For whoever plans.",
    since="now-6h",
)
def board(config: Config) -> Iterator[Line]:
    """The dashboard of whoever plans."""
    limits = shared.limits(config)
    yield row(
        "Verdict: is there room?", 4,
        stat(
            "How many replicas are wanted?",
            "The most that any reason asks for; the reasons are below.",
            f"max({recorded('SCALING')})", "none", "no measured capacity yet", decimals=0,
        ),
        stat(
            "How many run?",
            "Replicas that report.",
            recorded("REPLICAS"), "none", "no replica reports", decimals=0,
        ),
        stat(
            "When does the first resource run out?",
            "The soonest exhaustion of any resource, if its load goes on as expected.",
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
            "How full is each resource, and how full will it be in 48 hours?",
            "The fullest's share. Dashed: expected in 48 hours; nine of ten forecasts of last week kept within.",
            "percentunit", _NOT_YET,
            Query(f"max({recorded('CAPACITY_USED', _SHARES)})", "now"),
            Query(f"max({recorded('FORECAST', _SHARES, _AHEAD)})", "in 48 hours", "forecast"),
            Query(f"max({recorded('FORECAST_UPPER', _SHARES, _AHEAD)})", "at most", "upper"),
            Query(f"max({recorded('FORECAST_LOWER', _SHARES, _AHEAD)})", "at least", "lower"),
            low=0.0, limits=limits["saturation"], weight=3,
        ),
        table(
            "What runs out, and when?",
            "Each resource now and in 48 hours, and the time until it is exhausted.",
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
            "Is the load what was foreseen?",
            "Requests per second, and what was foreseen for then. A time range up to now+48h shows what is coming.",
            "reqps", _NO_HISTORY,
            Query(recorded("CAPACITY_USED", _LOAD), "measured"),
            Query(f"{recorded('FORECAST', _LOAD, _AHEAD)} offset 48h", "foreseen", "forecast"),
            Query(f"{recorded('FORECAST_UPPER', _LOAD, _AHEAD)} offset 48h", "at most", "upper"),
            Query(f"{recorded('FORECAST_LOWER', _LOAD, _AHEAD)} offset 48h", "at least", "lower"),
        ),
        shared.normal(
            "Is the load what it usually is?", "Requests per second within the band of what is normal.",
            "reqps", "request_rate",
        ),
        shared.normal(
            "Are as many options priced as usual?", "Options per second within the band of what is normal.",
            "cps", "greeks_throughput",
        ),
        shared.normal(
            "Are as many signals emitted as usual?", "Signals per second within the band of what is normal.",
            "cps", "signal_rate",
        ),
    )  # fmt: skip
    yield row(
        "Bottleneck and recommendation", 8,
        bars(
            "Which resource is the bottleneck?",
            "Saturation now; the highest is what limits the service.",
            "percentunit", "no resource reports", Query(f"sort_desc({recorded('BOTTLENECK')})", "{{resource}}"),
            low=0.0, high=1.0, limits=limits["saturation"],
        ),
        series(
            "What has been the bottleneck?",
            "Saturation by kind of resource.",
            "percentunit", "no resource reports",
            f"max by (kind) ({recorded('BOTTLENECK')})", low=0.0, high=1.0, limits=limits["saturation"],
        ),
        bars(
            "What asks for how many replicas?",
            "Replicas wanted, by reason.",
            "none", "no measured capacity yet", Query(recorded("SCALING_CANDIDATE"), "{{reason}}"),
            low=0.0, decimals=0,
        ),
    )  # fmt: skip
    yield row(
        "Detail: what is used, and what it costs", 8,
        series(
            "How many cores are in use?",
            "CPU time of all processes, per second.",
            "none", "no process reports", Query(rate("process.cpu"), "cores"), alerts=("SignalServiceHighCPUUsage",),
        ),
        series(
            "How much memory is in use?",
            "Resident memory of all processes.",
            "bytes", "no process reports", Query(gauge_of("process.resident_memory"), "memory"),
            alerts=("MemoryExhaustedBeforeClose",),
        ),
        series(
            "How full are queues?",
            "Items waiting, of those each queue can hold.",
            "percentunit", "no queue is observed", Query(recorded("QUEUE_FILL"), "{{queue_type}}"),
            low=0.0, high=1.0, limits=limits["saturation"],
        ),
        series(
            "How full are caches?",
            "Entries, of those each cache can hold. A full cache is no problem as long as it hits.",
            "percentunit", "no cache is observed", Query(recorded("CACHE_FILL"), "{{cache_type}}"),
            low=0.0, high=1.0,
        ),
    )  # fmt: skip
    yield line(
        series(
            "How does the cost develop?",
            "Cost of the last hour by kind of work.",
            "currency", "no price is configured", Query(recorded("COST"), "{{operation_type}}"),
            stacked=True, leads_to="cost",
        ),
        series(
            "What can one replica take?",
            "Requests per second at the CPU that is aimed at, as measured while replicas were busy.",
            "reqps", "no measured capacity yet", Query(recorded("REPLICA_CAPACITY"), "one replica"),
        ),
        shared.subscriptions_by_tier("How do subscriptions drive the load?", leads_to="revenue"),
    )  # fmt: skip
