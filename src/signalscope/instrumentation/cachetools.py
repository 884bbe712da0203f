"""cachetools: `Cache` and its subclasses, also those of the user, and those behind `cached` and `cachedmethod`."""

from __future__ import annotations

import functools
import inspect
import math
import threading
from collections.abc import Mapping
from time import perf_counter
from types import ModuleType
from typing import Any

from signalscope.decorators._nesting import inside
from signalscope.instrumentation._base._cache_instrumentor import CacheInstrumentor
from signalscope.instrumentation._base._caches import CACHE_METRICS
from signalscope.instrumentation._base._instrumentor import Library, Method, on_import
from signalscope.instrumentation._base._object_names import full_name
from signalscope.instrumentation._base._suppression import only_if_undone

__all__ = ["CachetoolsInstrumentor"]

_ABSENT = object()


class _Now(threading.local):
    """The operation of this thread: operations that a cache makes inside are parts of this operation."""

    cache: object = None
    kind = ""
    expiring = False
    deleting = False


_now = _Now()


class CachetoolsInstrumentor(CacheInstrumentor):
    """Instrumentor for the caches of cachetools.

    Example:
        >>> CachetoolsInstrumentor().instrument()
        >>> CachetoolsInstrumentor().uninstrument()
    """

    library = Library(
        name="cachetools",
        kind="cache",
        supports=("cachetools >= 5.3, < 9",),
        tested=("5.3.0", "8.0.2"),
        measures=(
            *CACHE_METRICS,
            "signal_service.cache.entries",
            "signal_service.cache.capacity",
            "signal_service.cache.evictions",
        ),
        spans="None: a lookup is quicker than a span.",
        unit=(
            "`cache[key]` and `get` are gets. A missing or expired key is a miss, also if `__missing__` returns a "
            "value. The test `key in cache` counts only if it is a miss: after a hit, a get follows. Sets are "
            "`cache[key] = value` and `setdefault`; deletes are `pop`, `popitem`, `del` and `clear`. Evictions "
            "have the reason `size` (to make room), `ttl` (expired, when the cache removes the entry) or "
            "`explicit` (removed by the program)."
        ),
        not_measured=(
            "Plain dictionaries given to `cached`.",
            "The capacity of a cache with `getsizeof`: it is not a number of entries.",
        ),
        notes=(
            "A loop over `items()` or `values()` reads every entry, so it counts hits.",
            "An expired entry counts in `cache.entries` until the cache removes it.",
            "A cache that a call decorated with `@instrument_cache` uses is measured by that decorator alone.",
        ),
    )

    has_sizes = True

    def entries(self, cache: Any) -> float | None:
        """Return the number of entries, including expired entries."""
        return float(self._base.__len__(cache))

    def capacity(self, cache: Any) -> float | None:
        """Return the limit of entries; None if there is none, or if `getsizeof` measures the entries."""
        limit = self._base.maxsize.fget(cache)
        counts_entries = cache.getsizeof is self._base.getsizeof
        return float(limit) if counts_entries and math.isfinite(limit) else None

    @on_import("cachetools")
    def _patch(self, module: ModuleType) -> None:
        self._base = base = module.Cache
        operations: Mapping[str, Method] = {
            "__getitem__": self._getitem,
            "get": self._get,
            "__contains__": self._contains,
            "__setitem__": functools.partial(self._change, "set"),
            "setdefault": functools.partial(self._change, "set"),
            "pop": functools.partial(self._change, "delete"),
            "popitem": functools.partial(self._change, "delete"),
            "__delitem__": self._delitem,
            "expire": self._expire,
            "clear": functools.partial(self._change, "clear"),
        }
        for cls in list(vars(module).values()):
            if inspect.isclass(cls) and issubclass(cls, base):
                for name, around in operations.items():
                    if name in vars(cls) or (cls is base and name == "clear"):
                        self.intercept(cls, name, around)
        self.on_created(base, self.track)
        self.intercept(module, "cached", self._cached, unless=only_if_undone)

    def _cached(self, original: Method, /, *args: Any, **kwargs: Any) -> Any:
        decorator = original(*args, **kwargs)
        tracked = self.caches.get(kwargs.get("cache", args[0] if args else None))
        if tracked is None:
            return decorator

        @functools.wraps(decorator)
        def named(function: Any) -> Any:
            tracked.add_function(full_name(function))
            return decorator(function)

        return named

    def _run(
        self, kind: str, begun: float, original: Method, cache: Any, /, *args: Any, **kwargs: Any
    ) -> Any:
        """Call the original as the operation of this thread; record its exception."""
        before = _now.cache, _now.kind
        _now.cache, _now.kind = cache, kind
        try:
            return original(cache, *args, **kwargs)
        except BaseException as error:
            if kind == "get" and isinstance(error, KeyError):
                self.record_get(cache, begun, is_hit=False)
            else:
                self.record_done(cache, "delete" if kind == "clear" else kind, begun, "error")
            raise
        finally:
            _now.cache, _now.kind = before

    def _getitem(self, original: Method, cache: Any, key: Any, /, *rest: Any, **more: Any) -> Any:
        if _now.cache is cache or self._is_ignored(cache):
            return original(cache, key, *rest, **more)
        begun, cls = perf_counter(), type(cache)
        is_hit = cls.__missing__ is self._base.__missing__ or self._run(
            "get", begun, cls.__contains__, cache, key
        )
        value = self._run("get", begun, original, cache, key, *rest, **more)
        self.record_get(cache, begun, is_hit=is_hit)
        return value

    def _get(self, original: Method, cache: Any, /, *args: Any, **kwargs: Any) -> Any:
        if _now.cache is cache or self._is_ignored(cache) or not _is_lookup(args, kwargs):
            return original(cache, *args, **kwargs)
        key = args[0] if args else kwargs["key"]
        default = args[1] if len(args) > 1 else kwargs.get("default")
        begun = perf_counter()
        value = self._run("get", begun, original, cache, key, _ABSENT)
        self.record_get(cache, begun, is_hit=value is not _ABSENT)
        return default if value is _ABSENT else value

    def _contains(self, original: Method, cache: Any, key: Any) -> Any:
        if _now.cache is cache or self._is_ignored(cache):
            return original(cache, key)
        begun = perf_counter()
        is_in_cache = original(cache, key)
        if not is_in_cache:
            self.record_get(cache, begun, is_hit=False)
        return is_in_cache

    def _change(self, kind: str, original: Method, cache: Any, /, *args: Any, **kwargs: Any) -> Any:
        if _now.cache is cache and kind == "set":
            # Called by `setdefault` or `__missing__`; it may evict entries too.
            inner, _now.kind = _now.kind, "set"
            try:
                return original(cache, *args, **kwargs)
            finally:
                _now.kind = inner
        if _now.cache is cache or self._is_ignored(cache):
            return original(cache, *args, **kwargs)
        entries = self._base.__len__(cache) if kind == "clear" else 0
        begun = perf_counter()
        value = self._run(kind, begun, original, cache, *args, **kwargs)
        self.record_done(cache, "delete" if kind == "clear" else kind, begun)
        if kind == "clear":
            self._evicted(cache, "explicit", entries - self._base.__len__(cache))
        return value

    def _delitem(self, original: Method, cache: Any, /, *args: Any, **kwargs: Any) -> Any:
        if _now.cache is not cache:
            if self._is_ignored(cache):
                return original(cache, *args, **kwargs)
            value = self._change("delete", original, cache, *args, **kwargs)
            self._evicted(cache, "explicit")
            return value
        if _now.deleting or _now.kind == "clear":
            return original(cache, *args, **kwargs)
        _now.deleting = True
        try:
            value = original(cache, *args, **kwargs)
        finally:
            _now.deleting = False
        in_set = "size" if _now.kind == "set" else "explicit"
        self._evicted(cache, "ttl" if _now.expiring else in_set)
        return value

    def _expire(self, original: Method, cache: Any, /, *args: Any, **kwargs: Any) -> Any:
        if self._is_ignored(cache):
            return original(cache, *args, **kwargs)
        before = _now.cache, _now.kind, _now.expiring, _now.deleting
        kind = _now.kind if _now.cache is cache else "expire"
        _now.cache, _now.kind, _now.expiring, _now.deleting = cache, kind, True, False
        try:
            return original(cache, *args, **kwargs)
        finally:
            _now.cache, _now.kind, _now.expiring, _now.deleting = before

    def _is_ignored(self, cache: Any) -> bool:
        """Return True if an operation is not counted, as for each cache that a decorated call has used."""
        tracked = self.caches.get(cache)
        if not inside("cache"):
            return tracked is not None and tracked.is_decorated
        if tracked is not None:
            tracked.is_decorated = True
        return True

    def _evicted(self, cache: Any, reason: str, times: int = 1) -> None:
        self.record(cache, lambda metrics: metrics.evicted(reason, times))


def _is_lookup(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bool:
    """Return True if the arguments of `get` are valid; otherwise `get` itself raises an exception."""
    return 0 < len(args) + len(kwargs) <= 2 and kwargs.keys() <= {"key", "default"}
