"""cashews: every `Cache`, with its prefixes and middlewares, also behind its decorators."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from time import perf_counter
from types import ModuleType
from typing import Any

from signalscope.instrumentation._base._cache_instrumentor import CacheInstrumentor
from signalscope.instrumentation._base._caches import (
    CACHE_METRICS,
    CacheMetrics,
    cache_patterns,
    library_at_work,
    metrics_of,
)
from signalscope.instrumentation._base._instrumentor import Library, Method, on_import
from signalscope.instrumentation._base._suppression import is_suppressed_in_cache, only_if_undone

__all__ = ["CashewsInstrumentor"]

#: The operation of each command.
_COMMANDS = {f"{name}{many}": name for name in ("get", "set", "delete") for many in ("", "_many")}


class CashewsInstrumentor(CacheInstrumentor):
    """Instrumentor for the caches of cashews, with a middleware next to the backend.

    Example:
        >>> CashewsInstrumentor().instrument()
        >>> CashewsInstrumentor().uninstrument()
    """

    library = Library(
        name="cashews",
        kind="cache",
        supports=("cashews >= 6.0, < 8",),
        tested=("6.0.0", "7.6.0"),
        measures=(*CACHE_METRICS, "signal_service.cache.entries", "signal_service.cache.capacity"),
        unit=(
            "A command that reaches the backend, after all middlewares of the program. A get that returns the "
            "caller's default is a miss, as in cashews. A disabled cache does not use its backend, so nothing is "
            "counted. A command for several keys counts once for each key. A `set` that `exist` forbids is a set."
        ),
        not_measured=(
            "`incr`, locks, bits, sets, `scan`, `get_match`, `delete_match` and `clear`.",
            "Evictions, and the sizes of Redis and disk backends.",
        ),
        notes=(
            "`cache_type` is the value of SIGNALSCOPE_CACHES for the key (`greeks:*=greeks`), else the backend's "
            "prefix in `setup`, else the cache's name.",
        ),
    )

    def entries(self, cache: Any) -> float | None:
        """Return the number of entries of a backend in memory."""
        return float(len(cache.store))

    def capacity(self, cache: Any) -> float | None:
        """Return the limit of entries of a backend in memory."""
        size: float | None = cache.size
        return size

    def own_name(self, cache: Any) -> str:
        """Return the name that the program has given to the cache."""
        return getattr(cache, "name", "")

    @on_import("cashews.wrapper.wrapper")
    def _patch(self, module: ModuleType) -> None:
        self.on_created(module.Wrapper, self.track)
        middlewares = "_with_middlewares_for_backend"
        self.intercept(module.Wrapper, middlewares, self._with_middlewares, unless=is_suppressed_in_cache)
        self.intercept(module.Wrapper, "_add_backend", self._add_backend, unless=only_if_undone)

    def _add_backend(self, original: Method, cache: Any, backend: Any, /, *args: Any, **kwargs: Any) -> Any:
        value = original(cache, backend, *args, **kwargs)
        if hasattr(backend, "store") and hasattr(backend, "size"):
            self.safely(self._track_backend, cache, backend)
        return value

    def _track_backend(self, cache: Any, backend: Any) -> None:
        tracked, prefix = self.tracked(cache), _prefix(cache, backend)
        self.report_size(backend, lambda: prefix or tracked.cache_type)

    def _with_middlewares(
        self, original: Method, cache: Any, cmd: Any, backend: Any, middlewares: Any
    ) -> Any:
        operation = _COMMANDS.get(cmd.value)
        if operation is None:
            return original(cache, cmd, backend, middlewares)

        async def measured(call: Method, cmd: Any, backend: Any, *args: Any, **kwargs: Any) -> Any:
            metrics_for = functools.partial(self._metrics, cache, backend)
            first_key = _first_key(args, kwargs)
            begun = perf_counter()
            try:
                with library_at_work():
                    value = await call(*args, **kwargs)
            except BaseException:
                elapsed = perf_counter() - begun
                self.safely(lambda: metrics_for(first_key).done(operation, elapsed, "error"))
                raise
            elapsed = perf_counter() - begun
            if operation == "get":
                values = zip(args, value, strict=False) if args else [(first_key, value)]
                missed = [(str(key), result is kwargs.get("default")) for key, result in values]
                self.safely(self._record_gets, metrics_for, elapsed, missed)
            else:
                times = max(1, len(kwargs.get("pairs", args)))
                self.safely(lambda: metrics_for(first_key).done(operation, elapsed, times=times))
            return value

        return original(cache, cmd, backend, [measured, *middlewares])

    @staticmethod
    def _record_gets(
        metrics_for: Callable[[str], CacheMetrics], elapsed: float, missed: Sequence[tuple[str, bool]]
    ) -> None:
        """Record the gets of one command, whose keys may belong to several caches."""
        by_metrics: dict[CacheMetrics, list[bool]] = {}
        for key, is_miss in missed:
            by_metrics.setdefault(metrics_for(key), []).append(is_miss)
        for metrics, misses in by_metrics.items():
            metrics.gets(elapsed, len(misses) - sum(misses), sum(misses))

    def _metrics(self, cache: Any, backend: Any, key: str) -> CacheMetrics:
        prefix = _prefix(cache, backend)
        metrics = self.tracked(cache).metrics(cache)
        cache_type = cache_patterns.find([key, prefix]) or prefix
        return metrics_of(cache_type) if cache_type else metrics


def _prefix(cache: Any, backend: Any) -> str:
    """Return the prefix of a backend, without separators."""
    backend = getattr(backend, "_backend", backend)  # the backend of a transaction
    for prefix, entry in cache._backends.items():
        if entry is backend or (isinstance(entry, tuple) and entry[0] is backend):  # until cashews 7
            return str(prefix).strip(":-_/. ")
    return ""


def _first_key(args: Any, kwargs: Mapping[str, Any]) -> str:
    """Return the first key of a command; all keys of a command belong to one backend."""
    if args:
        return str(args[0])
    key = kwargs.get("key")
    return str(key if key is not None else next(iter(kwargs.get("pairs", {})), ""))
