"""Series of CPU, memory, database and tasks, and what limits the service."""

from __future__ import annotations

from signalscope.config import Config
from signalscope.mixin._promql import Promql, duration, named, quantile, ratio
from signalscope.mixin.rules import Group, Recording

__all__ = ["groups"]

_QUERY = "signal_service.database.query"
_TASK = "signal_service.background_task"


def groups(config: Config) -> list[Group]:
    """The groups of this module."""
    ask = Promql(config.selectors.job)
    cpu = ask.raw("process.cpu")
    memory = ask.raw("process.resident_memory")
    queries = ask.rate(_QUERY, by="query_type, le", suffix="_bucket")
    tasks = ask.rate(_TASK, by="task_type, le", suffix="_bucket")
    return [
        Group(
            "resources",
            config.pipeline.recording,
            (
                Recording("CPU", f"sum by (job, instance) (rate({cpu}[{duration(config.windows.cpu)}]))"),
                Recording("CPU_CORES", ask.rate("process.cpu")),
                Recording(
                    "MEMORY",
                    f"sum by (job, instance) ({memory}) / {config.thresholds.memory_bytes:.0f}",
                ),
                Recording("MEMORY_BYTES", f"sum by (job) ({memory})"),
                Recording(
                    "MEMORY_OPERATION",
                    f"sum by (job, operation_type) ({ask.raw('signal_service.memory.usage')})",
                ),
                Recording("QUERIES", ask.rate(_QUERY, by="query_type, operation", suffix="_count")),
                Recording("QUERY_P95", quantile(0.95, queries)),
                Recording("TASKS", ask.rate(_TASK, by="task_type, outcome", suffix="_count")),
                Recording("TASK_P95", quantile(0.95, tasks)),
            ),
        ),
        Group(
            "bottleneck",
            config.pipeline.recording,
            (Recording("BOTTLENECK", _bottleneck(ask, config)),),
        ),
    ]


def _bottleneck(ask: Promql, config: Config) -> str:
    """Saturation of each resource: 0 is idle, 1 is at the limit that the config gives it."""
    limits = config.thresholds
    queue, cache, dependency = "queue_type", "cache_type", "service_name"
    pushed_out = f"sum by (job, {cache}) ({ask.of('CACHE_EVICTIONS', _SIZE)})"
    stored = f"sum by (job, {cache}) ({ask.of('CACHE_OPERATIONS', _SET)})"
    slow_queries = f"max by (job) ({ask.of('QUERY_P95')} / {limits.database_p95_seconds:g})"
    parts = [
        _as(f"max by (job) ({ask.of('CPU')})", "cpu", "cpu"),
        _as(f"max by (job) ({ask.of('MEMORY')})", "memory", "memory"),
        _labelled(ask.of("QUEUE_BACKPRESSURE"), queue, "queue"),
        # Room runs out when each new entry pushes one out; being full is what a cache is for.
        _labelled(ratio(pushed_out, stored), cache, "cache"),
        _as(slow_queries, "database", "database"),
        _labelled(_dependency(ask, limits.dependency_p95_seconds), dependency, "dependency"),
    ]
    return f"clamp(max by (job, resource, kind) ({' or '.join(parts)}), 0, 1)"


def _dependency(ask: Promql, limit: float) -> str:
    """The worst of: unhealthy, failing, slow."""
    unhealthy = named(f"1 - max by (job, service_name) ({ask.of('DEPENDENCY_HEALTH')})", part="health")
    failing = named(ask.of("DEPENDENCY_ERROR_RATIO"), part="errors")
    slow = named(f"{ask.of('DEPENDENCY_P95')} / {limit:g}", part="latency")
    return f"max by (job, service_name) ({unhealthy} or {failing} or {slow})"


def _as(expression: str, resource: str, kind: str) -> str:
    return named(expression, resource=resource, kind=kind)


def _labelled(expression: str, label: str, kind: str) -> str:
    return named(f'label_replace({expression}, "resource", "$1", "{label}", "(.*)")', kind=kind)


_SIZE, _SET = 'reason="size"', 'operation="set"'
