"""Series of caches: hits, time, fill, evictions."""

from __future__ import annotations

from signalscope.config import Config
from signalscope.mixin._promql import Promql, quantile, ratio
from signalscope.mixin.rules import Group, Recording

__all__ = ["groups"]


def groups(config: Config) -> list[Group]:
    """The group of this module."""
    ask = Promql(config.selectors.job)
    hits = ask.of("CACHE_OPERATIONS", 'operation="get"', 'result="hit"')
    found_out = ask.of("CACHE_OPERATIONS", 'operation="get"', 'result=~"hit|miss"')
    entries, capacity, size = (
        f"sum by (job, cache_type) ({ask.raw(f'signal_service.cache.{each}')})"
        for each in ("entries", "capacity", "size")
    )
    buckets = ask.rate("signal_service.cache.operation", by="cache_type, operation, le", suffix="_bucket")
    return [
        Group(
            "cache",
            config.pipeline.recording,
            (
                Recording(
                    "CACHE_OPERATIONS",
                    ask.rate("signal_service.cache.operations", by="cache_type, operation, result"),
                ),
                Recording(
                    "CACHE_HITS",
                    ratio(f"sum by (job, cache_type) ({hits})", f"sum by (job, cache_type) ({found_out})"),
                ),
                Recording("CACHE_P95", quantile(0.95, buckets)),
                Recording("CACHE_FILL", f"{entries} / ({capacity} > 0)"),
                Recording("CACHE_BYTES", size),
                Recording(
                    "CACHE_EVICTIONS", ask.rate("signal_service.cache.evictions", by="cache_type, reason")
                ),
            ),
        )
    ]
