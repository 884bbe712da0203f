"""CPU, memory, database queries, and the bottleneck of the service."""

from __future__ import annotations

from signalscope.derived._expressions import Clamp, Copy, Expr, Instrument, Label, Quantile, Series, Setting
from signalscope.derived._operators import Max, Minus, Ratio, Scale, Sum, Union
from signalscope.derived._rows import group, series
from signalscope.derived.table import PROCESS, rate

_MEMORY = Instrument("process.resident_memory")


def _cache(key: str, **matchers: str) -> Expr:
    return Sum(Series(key, **matchers), "cache_type")


def _resource(expr: Expr, kind: str) -> Expr:
    return Label(expr, resource=kind, kind=kind)


def _resources(expr: Expr, label: str, kind: str) -> Expr:
    return Label(Copy(expr, "resource", label), kind=kind)


# The highest of three ratios: unhealthy probes, failed calls, and latency over its threshold.
_DEPENDENCY = Max(
    Union(
        Label(Minus(1, Max(Series("DEPENDENCY_HEALTH"), "service_name")), part="health"),
        Label(Series("DEPENDENCY_ERROR_RATIO"), part="errors"),
        Label(
            Scale(Series("DEPENDENCY_P95"), by=Setting("thresholds.dependency_p95_seconds")), part="latency"
        ),
    ),
    "service_name",
)
_SLOW_QUERIES = Max(Scale(Series("QUERY_P95"), by=Setting("thresholds.database_p95_seconds")))

GROUPS = (
    group("resources", "recording", {
        "CPU": series(
            "instance:process_cpu_utilization:ratio", unit="", labels="job instance process?",
            meaning="CPU time of one process as a ratio of one core; above 1 if it uses several cores.",
            expr=rate("process.cpu", *PROCESS, over=Setting("windows.cpu")),
        ),
        "CPU_CORES": series(
            "job:process_cpu_seconds:rate5m", unit="s/s", meaning="Cores that the service uses.",
            expr=rate("process.cpu"),
        ),
        "MEMORY": series(
            "instance:process_memory_utilization:ratio", unit="", labels="job instance process?",
            meaning="Resident memory of one process over the limit in the configuration.",
            expr=Scale(Sum(_MEMORY, *PROCESS), by=Setting("thresholds.memory_bytes")),
        ),
        "MEMORY_BYTES": series(
            "job:process_resident_memory_bytes:sum", unit="By", meaning="Resident memory of the service.",
            expr=Sum(_MEMORY),
        ),
        "MEMORY_OPERATION": series(
            "job_operation_type:signal_service_memory_usage_bytes:sum", unit="By",
            meaning="Bytes in use by kind of work.",
            expr=Sum(Instrument("signal_service.memory.usage"), "operation_type"),
        ),
        "QUERY_P95": series(
            "job_query_type:signal_service_database_query_seconds:p95", unit="s",
            meaning="95th percentile of the time of a database query.",
            expr=Quantile(0.95, rate("signal_service.database.query", "query_type", "le", part="bucket")),
        ),
    }),
    group("process", "evaluation", {
        "EVENT_LOOP_LAG_P99": series(
            "instance:signal_service_event_loop_lag_seconds:p99", unit="s", labels="job instance process?",
            meaning="99th percentile of the lag of a process' event loops.",
            expr=Quantile(
                0.99,
                rate(
                    "signal_service.event_loop.lag", *PROCESS, "le", part="bucket",
                    over=Setting("lag_window"),
                ),
            ),
        ),
    }, fixed=True),
    group("bottleneck", "recording", {
        # 0 is idle, 1 is at the limit in the configuration.
        "BOTTLENECK": series(
            "bottleneck_analysis", unit="",
            meaning="Saturation of each resource, 0 to 1; the highest is the bottleneck. The `kind` is cpu, memory, "
            "queue, cache, database or dependency; `resource` is a queue, cache or dependency, else the kind.",
            expr=Clamp(
                Max(
                    Union(
                        _resource(Max(Series("CPU")), "cpu"),
                        _resource(Max(Series("MEMORY")), "memory"),
                        _resources(Series("QUEUE_BACKPRESSURE"), "queue_type", "queue"),
                        # A full cache is normal. It is saturated when each new entry evicts another one.
                        _resources(
                            Ratio(
                                _cache("CACHE_EVICTIONS", reason="size"), _cache("CACHE_OPERATIONS", operation="set")
                            ),
                            "cache_type", "cache",
                        ),
                        _resource(_SLOW_QUERIES, "database"),
                        _resources(_DEPENDENCY, "service_name", "dependency"),
                    ),
                    "resource", "kind",
                )
            ),
        ),
    }),
)  # fmt: skip
