"""Caches: hits, fill, size and evictions."""

from __future__ import annotations

from signalscope.derived._expressions import Clamp, Instrument, Match, Series, one_of
from signalscope.derived._operators import Per, Ratio, Sum
from signalscope.derived._rows import group, series
from signalscope.derived.table import rate


def _gets(result: str | Match) -> Sum:
    return Sum(Series("CACHE_OPERATIONS", operation="get", result=result), "cache_type")


def _gauge(name: str) -> Sum:
    return Sum(Instrument(f"signal_service.cache.{name}"), "cache_type")


GROUPS = (
    group("cache", "recording", {
        "CACHE_OPERATIONS": series(
            "job_cache_type_operation_result:signal_service_cache_operations:rate5m", unit="{operation}/s",
            meaning="Cache operations by result.",
            expr=rate("signal_service.cache.operations", "cache_type", "operation", "result"),
        ),
        "CACHE_HITS": series(
            "job_cache_type:signal_service_cache_hits:ratio5m", unit="",
            meaning="Ratio of gets that hit, weighted by traffic; gets that failed do not count.",
            expr=Ratio(_gets("hit"), _gets(one_of("hit", "miss"))),
        ),
        "CACHE_FILL": series(
            "job_cache_type:signal_service_cache_fill:ratio", unit="",
            meaning="Entries in the cache over its capacity, 0 to 1.",
            expr=Clamp(Per(_gauge("entries"), _gauge("capacity"))),
        ),
        "CACHE_BYTES": series(
            "job_cache_type:signal_service_cache_size_bytes:sum", unit="By",
            meaning="Bytes of the cached values.", expr=_gauge("size"),
        ),
        "CACHE_EVICTIONS": series(
            "job_cache_type_reason:signal_service_cache_evictions:rate5m", unit="{entry}/s",
            meaning="Entries that were evicted from the cache.",
            expr=rate("signal_service.cache.evictions", "cache_type", "reason"),
        ),
    }),
)  # fmt: skip
