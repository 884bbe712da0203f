"""aiocache: every cache, also behind `cached`, `cached_stampede` and `multi_cached`."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from time import perf_counter
from types import ModuleType
from typing import Any

from signalscope.instrumentation._base._cache_instrumentor import CacheInstrumentor
from signalscope.instrumentation._base._caches import CACHE_METRICS
from signalscope.instrumentation._base._instrumentor import Hook, IsUndone, Method
from signalscope.instrumentation._base._library import Library
from signalscope.instrumentation._base._object_names import full_name
from signalscope.instrumentation._base._suppression import is_suppressed

__all__ = ["AiocacheInstrumentor"]

#: The number of the get that a `cached_stampede` makes for one call; None outside of one.
_attempt: ContextVar[int | None] = ContextVar("signalscope_aiocache_attempt", default=None)
_calls: ContextVar[dict[str, int] | None] = ContextVar("signalscope_aiocache_calls", default=None)


class AiocacheInstrumentor(CacheInstrumentor):
    """Measures the caches of aiocache."""

    library = Library(
        name="aiocache",
        title="aiocache",
        kind="cache",
        supports=("aiocache >= 0.12, < 0.13",),
        tested=("0.12.0", "0.12.3"),
        measures=CACHE_METRICS,
        spans="None.",
        unit=(
            "A get that finds None is a miss, as for aiocache: a cached None too; one that gives the default "
            "that it was called with is a miss. `cached_stampede` looks twice and counts once. Of several "
            "keys, each is counted. `add`, `set` and `multi_set` are sets."
        ),
        not_measured=(
            "Entries, capacity and evictions: all memory caches of a process share one dictionary.",
            "`exists`, `increment`, `expire`, `clear` and `raw`.",
            "Anything while AIOCACHE_DISABLE=1.",
        ),
        notes=(
            "`cache_type` is the cache's alias, else its namespace, else the variable or function that has it.",
        ),
    )

    package = "aiocache"

    def hooks(self) -> Mapping[str, Hook]:
        """Return the hooks of the modules of caches, decorators and aliases."""
        return {
            "aiocache.base": self._patch,
            "aiocache.decorators": self._patch_decorators,
            "aiocache.factory": self._patch_factory,
        }

    def own_name(self, cache: Any) -> str:
        """Return the namespace."""
        return cache.namespace if isinstance(cache.namespace, str) else ""

    def _patch(self, module: ModuleType) -> None:
        base, add = module.BaseCache, self.replace
        self.on_created(base, self.track)
        add(base, "get", self._get)
        add(base, "multi_get", self._multi_get)
        for name in ("set", "add"):
            add(base, name, functools.partial(self._other, operation="set", count=lambda _: 1))
        add(base, "multi_set", functools.partial(self._other, operation="set", count=len))
        add(base, "delete", functools.partial(self._other, operation="delete", count=lambda _: 1))

    def _patch_decorators(self, module: ModuleType) -> None:
        for each in (module.cached, module.multi_cached):
            self.replace(each, "__call__", self._decorate)
        self.replace(module.cached_stampede, "decorator", self._stampede)
        self.replace(module.cached_stampede, "get_from_cache", self._get_in_stampede)

    def _patch_factory(self, module: ModuleType) -> None:
        self.replace(type(module.caches), "get", self._by_alias)

    def _get(self, original: Method, is_undone: IsUndone) -> Method:
        @functools.wraps(original)
        async def get(cache: Any, *args: Any, **kwargs: Any) -> Any:
            if _is_off(is_undone):
                return await original(cache, *args, **kwargs)
            default = args[1] if len(args) > 1 else kwargs.get("default")
            with self.operation(cache, "get") as begun:
                value = await original(cache, *args, **kwargs)
            hit = value is not None and value is not default
            if hit or _attempt.get() != 1:  # the second get of a stampede counts
                self.record(cache, lambda metrics: metrics.get(perf_counter() - begun, hit=hit))
            return value

        return get

    def _multi_get(self, original: Method, is_undone: IsUndone) -> Method:
        @functools.wraps(original)
        async def multi_get(cache: Any, *args: Any, **kwargs: Any) -> Any:
            if _is_off(is_undone):
                return await original(cache, *args, **kwargs)
            with self.operation(cache, "get") as begun:
                values = await original(cache, *args, **kwargs)
            elapsed = perf_counter() - begun
            misses = sum(value is None for value in values)
            self.record(cache, lambda metrics: metrics.gets(elapsed, len(values) - misses, misses))
            return values

        return multi_get

    def _other(
        self, original: Method, is_undone: IsUndone, *, operation: str, count: Callable[[Any], int]
    ) -> Method:
        @functools.wraps(original)
        async def other(cache: Any, *args: Any, **kwargs: Any) -> Any:
            if _is_off(is_undone):
                return await original(cache, *args, **kwargs)
            with self.operation(cache, operation) as begun:
                value = await original(cache, *args, **kwargs)
            elapsed = perf_counter() - begun
            first = args[0] if args else next(iter(kwargs.values()), ())
            self.record(cache, lambda metrics: metrics.done(operation, elapsed, times=_safe(count, first)))
            return value

        return other

    def _decorate(self, original: Method, is_undone: IsUndone) -> Method:
        """Note the decorated function, whose name a cache without any other name gets."""

        @functools.wraps(original)
        def decorate(decorator: Any, function: Any) -> Any:
            value = original(decorator, function)
            tracked = self.caches.get(decorator.cache)
            if tracked is not None and not is_undone():
                tracked.add_function(full_name(function))
            return value

        return decorate

    def _stampede(self, original: Method, is_undone: IsUndone) -> Method:
        @functools.wraps(original)
        async def decorator(self_: Any, *args: Any, **kwargs: Any) -> Any:
            token = _calls.set({})
            try:
                return await original(self_, *args, **kwargs)
            finally:
                _calls.reset(token)

        return decorator

    def _get_in_stampede(self, original: Method, is_undone: IsUndone) -> Method:
        @functools.wraps(original)
        async def get_from_cache(self_: Any, key: Any) -> Any:
            calls = _calls.get()
            if calls is None or is_undone():
                return await original(self_, key)
            number = calls[key] = calls.get(key, 0) + 1
            token = _attempt.set(number)
            try:
                return await original(self_, key)
            finally:
                _attempt.reset(token)

        return get_from_cache

    def _by_alias(self, original: Method, is_undone: IsUndone) -> Method:
        @functools.wraps(original)
        def get(caches: Any, alias: str) -> Any:
            cache = original(caches, alias)
            tracked = self.caches.get(cache)
            if not is_undone() and tracked is not None and alias != "default" and not tracked.cache_type:
                tracked.add_name(alias)
            return cache

        return get


def _is_off(is_undone: IsUndone) -> bool:
    return is_suppressed(is_undone, "cache") or os.environ.get("AIOCACHE_DISABLE") == "1"


def _safe(count: Callable[[Any], int], what: Any) -> int:
    try:
        return count(what)
    except TypeError:  # an iterator of pairs, used up by now
        return 1
