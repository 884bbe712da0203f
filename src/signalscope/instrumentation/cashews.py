"""cashews: every `Cache`, with its prefixes and middlewares, also behind its decorators."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from time import perf_counter
from types import ModuleType
from typing import Any

from signalscope.instrumentation._base._cache_instrumentor import CacheInstrumentor
from signalscope.instrumentation._base._cache_sizes import CacheSizes
from signalscope.instrumentation._base._caches import (
    CACHE_METRICS,
    CacheMetrics,
    cache_patterns,
    library_at_work,
    metrics_of,
)
from signalscope.instrumentation._base._instrumentor import Hook, IsUndone, Method
from signalscope.instrumentation._base._library import Library
from signalscope.instrumentation._base._suppression import is_suppressed

__all__ = ["CashewsInstrumentor"]

_COMMANDS = {
    "get": "get",
    "get_many": "get",
    "set": "set",
    "set_many": "set",
    "delete": "delete",
    "delete_many": "delete",
}


class CashewsInstrumentor(CacheInstrumentor):
    """Measures the caches of cashews, by a middleware next to the backend."""

    library = Library(
        name="cashews",
        title="cashews",
        kind="cache",
        supports=("cashews >= 6.0, < 8",),
        tested=("6.0.0", "7.6.0"),
        measures=(*CACHE_METRICS, "signal_service.cache.entries", "signal_service.cache.capacity"),
        spans="None.",
        unit=(
            "What reaches the backend, after every middleware of the program: a get that gives the default "
            "that it was called with is a miss, as for cashews. A disabled cache reaches no backend, so "
            "nothing is counted. Of several keys, each is counted. `set` that `exist` forbids is a set."
        ),
        not_measured=(
            "`incr`, locks, bits, sets, `scan`, `get_match`, `delete_match` and `clear`.",
            "Evictions, and the sizes of Redis and disk backends.",
        ),
        notes=(
            "`cache_type` is what SIGNALSCOPE_CACHES says of the key (`greeks:*=greeks`), else the prefix "
            "that the backend was set up with, else the cache's name.",
        ),
    )

    package = "cashews"

    def __init__(self) -> None:
        super().__init__()
        if not hasattr(self, "sizes"):
            self.sizes = CacheSizes(lambda memory: len(memory.store), lambda memory: memory.size)

    def hooks(self) -> Mapping[str, Hook]:
        """Return the hook of the module of the base class of caches."""
        return {"cashews.wrapper.wrapper": self._patch}

    def begin(self) -> None:
        """Start to report sizes."""
        self.sizes.begin()

    def end(self) -> None:
        """Forget the caches."""
        super().end()
        self.sizes.end()

    def own_name(self, cache: Any) -> str:
        """Return the name that the program gave it."""
        return getattr(cache, "name", "")

    def _patch(self, module: ModuleType) -> None:
        self.on_created(module.Wrapper, self.track)
        self.replace(module.Wrapper, "_with_middlewares_for_backend", self._with_middlewares)
        self.replace(module.Wrapper, "_add_backend", self._add_backend)

    def _add_backend(self, original: Method, is_undone: IsUndone) -> Method:
        @functools.wraps(original)
        def add_backend(cache: Any, backend: Any, *args: Any, **kwargs: Any) -> Any:
            value = original(cache, backend, *args, **kwargs)
            if not is_undone() and hasattr(backend, "store") and hasattr(backend, "size"):
                self.safely(lambda: self._added(cache, backend))
            return value

        return add_backend

    def _added(self, cache: Any, backend: Any) -> None:
        tracked, prefix = self.tracked(cache), _prefix(cache, backend)
        self.sizes.add(backend, lambda: prefix or tracked.cache_type)

    def _with_middlewares(self, original: Method, is_undone: IsUndone) -> Method:
        @functools.wraps(original)
        def with_middlewares(cache: Any, cmd: Any, backend: Any, middlewares: Any) -> Any:
            operation = _COMMANDS.get(cmd.value)
            if operation is None or is_suppressed(is_undone, "cache"):
                return original(cache, cmd, backend, middlewares)

            async def measure(call: Method, cmd: Any, backend: Any, *args: Any, **kwargs: Any) -> Any:
                return await self._measured(cache, operation, backend, call, args, kwargs)

            return original(cache, cmd, backend, [measure, *middlewares])

        return with_middlewares

    async def _measured(  # noqa: PLR0917  # what a middleware gets
        self, cache: Any, operation: str, backend: Any, call: Method, args: Any, kwargs: Any
    ) -> Any:
        begun = perf_counter()
        try:
            with library_at_work():
                value = await call(*args, **kwargs)
        except BaseException:
            elapsed = perf_counter() - begun
            self._record(cache, backend, args, kwargs, lambda to: to.done(operation, elapsed, "error"))
            raise
        elapsed = perf_counter() - begun
        if operation == "get" and args:
            self._record_many(
                cache, backend, elapsed, list(zip(args, value, strict=False)), kwargs.get("default")
            )
            return value
        found = operation != "get" or value is not kwargs.get("default")

        def act(to: CacheMetrics) -> None:
            if operation == "get":
                to.get(elapsed, hit=found)
            else:
                to.done(operation, elapsed, times=max(1, len(kwargs.get("pairs", args))))

        self._record(cache, backend, args, kwargs, act)
        return value

    def _record_many(
        self, cache: Any, backend: Any, elapsed: float, got: Sequence[tuple[Any, Any]], default: Any
    ) -> None:
        """Record the gets of one command, whose keys may belong to several caches."""
        counted: dict[CacheMetrics, list[int]] = {}
        for key, value in got:
            self._record(
                cache,
                backend,
                (key,),
                {},
                lambda to, missed=value is default: counted.setdefault(to, []).append(missed),  # type: ignore[misc]
            )
        for to, missed in counted.items():
            to.gets(elapsed, len(missed) - sum(missed), sum(missed))

    def _record(
        self, cache: Any, backend: Any, args: Any, kwargs: Any, act: Callable[[CacheMetrics], object]
    ) -> None:
        self.safely(lambda: act(self._metrics(cache, backend, args, kwargs)))

    def _metrics(self, cache: Any, backend: Any, args: Any, kwargs: Any) -> CacheMetrics:
        prefix = _prefix(cache, backend)
        patterns = cache_patterns()
        configured = patterns.find([*_keys(args, kwargs), prefix]) if patterns else None
        of_cache = self.tracked(cache).metrics(cache)
        named = configured or prefix
        return metrics_of(named) if named else of_cache


def _prefix(cache: Any, backend: Any) -> str:
    """Return the prefix of a backend, without separators."""
    backend = getattr(backend, "_backend", backend)  # a transaction's
    for prefix, found in cache._backends.items():
        if found is backend or (isinstance(found, tuple) and found[0] is backend):  # until cashews 7
            return str(prefix).strip(":-_/. ")
    return ""


def _keys(args: Any, kwargs: Mapping[str, Any]) -> list[str]:
    """Return the first key of a command; all keys of a command belong to one backend."""
    if args:
        return [str(args[0])]
    key = kwargs.get("key")
    return [str(key if key is not None else next(iter(kwargs.get("pairs", {})), ""))]
