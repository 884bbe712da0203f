"""aiocache: every cache, also behind `cached`, `cached_stampede` and `multi_cached`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextvars import ContextVar
from types import ModuleType
from typing import Any

from signalscope.instrumentation._base._cache_instrumentor import CacheInstrumentor
from signalscope.instrumentation._base._caches import CACHE_METRICS
from signalscope.instrumentation._base._instrumentor import Library, Method, on_import
from signalscope.instrumentation._base._object_names import full_name
from signalscope.instrumentation._base._suppression import IsUndone, is_suppressed_in_cache, only_if_undone

__all__ = ["AiocacheInstrumentor"]

#: The number of the current get in a call of a `cached_stampede`; None outside of such a call.
_attempt: ContextVar[int | None] = ContextVar("signalscope_aiocache_attempt", default=None)
_calls: ContextVar[dict[str, int] | None] = ContextVar("signalscope_aiocache_calls", default=None)


class AiocacheInstrumentor(CacheInstrumentor):
    """Instrumentor for the caches of aiocache.

    Example:
        >>> AiocacheInstrumentor().instrument()
        >>> AiocacheInstrumentor().uninstrument()
    """

    library = Library(
        name="aiocache",
        kind="cache",
        supports=("aiocache >= 0.12, < 0.13",),
        tested=("0.12.0", "0.12.3"),
        measures=CACHE_METRICS,
        unit=(
            "A get that returns None or the caller's default is a miss, also for a cached None, as in aiocache. "
            "A call of `cached_stampede` makes two gets and counts once. An operation on several keys counts "
            "once for each key. `add`, `set` and `multi_set` are sets."
        ),
        not_measured=(
            "Entries, capacity and evictions: all memory caches of a process share one dictionary.",
            "`exists`, `increment`, `expire`, `clear` and `raw`.",
            "Anything while AIOCACHE_DISABLE=1.",
        ),
        notes=(
            "`cache_type` is the cache's alias, else its namespace, else the name of its variable or function.",
        ),
    )

    def own_name(self, cache: Any) -> str:
        """Return the namespace."""
        return cache.namespace if isinstance(cache.namespace, str) else ""

    @on_import("aiocache.base")
    def _patch(self, module: ModuleType) -> None:
        self.on_created(module.BaseCache, self.track)
        operations = {
            "get": ("get", False),
            "multi_get": ("get", True),
            "set": ("set", False),
            "add": ("set", False),
            "multi_set": ("set", True),
            "delete": ("delete", False),
        }
        self.surround_operations(module.BaseCache, operations, is_async=True, unless=_is_off)

    @on_import("aiocache.decorators")
    def _patch_decorators(self, module: ModuleType) -> None:
        for decorator in (module.cached, module.multi_cached):
            self.intercept(decorator, "__call__", self._decorate, unless=only_if_undone)
        self.intercept(module.cached_stampede, "decorator", self._stampede, unless=only_if_undone)
        self.intercept(module.cached_stampede, "get_from_cache", self._get_in_stampede, unless=only_if_undone)

    @on_import("aiocache.factory")
    def _patch_factory(self, module: ModuleType) -> None:
        self.intercept(type(module.caches), "get", self._by_alias, unless=only_if_undone)

    def is_miss(self, value: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bool:
        """Return True for None and for the caller's default."""
        return value is None or value is (args[1] if len(args) > 1 else kwargs.get("default"))

    def record_get(self, cache: Any, begun: float, *, is_hit: bool) -> None:
        """Record a lookup, except a miss of the first lookup in a `cached_stampede`: the second lookup counts."""
        if is_hit or _attempt.get() != 1:
            super().record_get(cache, begun, is_hit=is_hit)

    def _decorate(self, original: Method, decorator: Any, function: Any) -> Any:
        """Note the decorated function: a cache without any other name gets its name."""
        value = original(decorator, function)
        tracked = self.caches.get(decorator.cache)
        if tracked is not None:
            tracked.add_function(full_name(function))
        return value

    @staticmethod
    async def _stampede(original: Method, /, *args: Any, **kwargs: Any) -> Any:
        token = _calls.set({})
        try:
            return await original(*args, **kwargs)
        finally:
            _calls.reset(token)

    @staticmethod
    async def _get_in_stampede(original: Method, decorator: Any, key: Any) -> Any:
        calls = _calls.get()
        if calls is None:
            return await original(decorator, key)
        calls[key] = calls.get(key, 0) + 1
        token = _attempt.set(calls[key])
        try:
            return await original(decorator, key)
        finally:
            _attempt.reset(token)

    def _by_alias(self, original: Method, caches: Any, alias: str) -> Any:
        cache = original(caches, alias)
        tracked = self.caches.get(cache)
        if tracked is not None and alias != "default" and not tracked.cache_type:
            tracked.add_name(alias)
        return cache


def _is_off(is_undone: IsUndone) -> bool:
    return is_suppressed_in_cache(is_undone) or os.environ.get("AIOCACHE_DISABLE") == "1"
