"""cachetools: `Cache` and its subclasses, the user's own ones included, also behind `cached` and `cachedmethod`."""

from __future__ import annotations

import functools
import inspect
import math
import threading
from collections.abc import Callable, Mapping
from time import perf_counter
from types import ModuleType
from typing import Any

from signalscope.decorators._nesting import inside
from signalscope.instrumentation._base._cache_instrumentor import CacheInstrumentor
from signalscope.instrumentation._base._cache_sizes import CacheSizes
from signalscope.instrumentation._base._caches import CACHE_METRICS, TrackedCache
from signalscope.instrumentation._base._instrumentor import Hook, IsUndone, Method
from signalscope.instrumentation._base._library import Library
from signalscope.instrumentation._base._object_names import full_name
from signalscope.instrumentation._base._suppression import is_suppressed

__all__ = ["CachetoolsInstrumentor"]

_ABSENT = object()


class _Now(threading.local):
    """The operation of this thread: what a cache does inside of it is a part of it."""

    cache: object = None
    kind = ""
    expiring = False
    deleting = False


_now = _Now()


class CachetoolsInstrumentor(CacheInstrumentor):
    """Measures the caches of cachetools."""

    library = Library(
        name="cachetools",
        title="cachetools",
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
            "A get is `cache[key]` or `get`; a key that is not there, or whose time is over, is a miss, also "
            "when `__missing__` gives a value. `key in cache` counts when it finds nothing, as a miss: a "
            "read follows otherwise. `cache[key] = value` and `setdefault` are sets; `pop`, `popitem`, `del` "
            "and `clear` deletes. An entry that makes room for another left by `size`, one that expired by "
            "`ttl` (when the cache notices it), one that the program took out `explicit`."
        ),
        not_measured=(
            "Plain dictionaries given to `cached`.",
            "The capacity of a cache with `getsizeof`, which is not a number of entries.",
        ),
        notes=(
            "Iterating over `items()` or `values()` reads every entry, so it counts hits.",
            "An entry that has expired counts in `cache.entries` until the cache takes it out.",
            "A cache that a call decorated with `@instrument_cache` uses is measured by that decorator alone.",
        ),
    )

    package = "cachetools"

    def __init__(self) -> None:
        super().__init__()
        if not hasattr(self, "sizes"):
            self.sizes = CacheSizes(lambda _: None, lambda _: None)

    def hooks(self) -> Mapping[str, Hook]:
        """Return the hook of the module."""
        return {"cachetools": self._patch}

    def end(self) -> None:
        """Forget the caches."""
        super().end()
        self.sizes.end()

    def track(self, cache: Any) -> TrackedCache:
        """Report the size of the cache as well, unless decorated calls use it."""
        tracked = super().track(cache)
        self.sizes.add(cache, lambda: "" if tracked.is_decorated else tracked.cache_type)
        return tracked

    def _patch(self, module: ModuleType) -> None:
        base = module.Cache
        length, maxsize = base.__len__, base.maxsize.fget

        def capacity(cache: Any) -> float | None:
            most = maxsize(cache)
            counts_entries = cache.getsizeof is base.getsizeof
            return float(most) if counts_entries and math.isfinite(most) else None

        self.sizes = CacheSizes(lambda cache: float(length(cache)), capacity)
        self.sizes.begin()
        self._missing, self._length = base.__missing__, length
        ways: Mapping[str, Callable[[Method, IsUndone], Method]] = {
            "__getitem__": self._getitem,
            "get": self._get,
            "__contains__": self._contains,
            "__setitem__": functools.partial(self._other, kind="set"),
            "setdefault": functools.partial(self._other, kind="set"),
            "pop": functools.partial(self._other, kind="delete"),
            "popitem": functools.partial(self._other, kind="delete"),
            "__delitem__": self._delitem,
            "expire": self._expire,
        }
        for each in list(vars(module).values()):
            if inspect.isclass(each) and issubclass(each, base):
                for name, make in ways.items():
                    if name in vars(each):
                        self.replace(each, name, make)
                if each is base or "clear" in vars(each):
                    self.replace(each, "clear", functools.partial(self._other, kind="clear"))
        self.on_created(base, self.track)
        self.replace(module, "cached", self._cached)

    def _cached(self, original: Method, is_undone: IsUndone) -> Method:
        @functools.wraps(original)
        def cached(*args: Any, **kwargs: Any) -> Any:
            decorator = original(*args, **kwargs)
            tracked = self.caches.get(kwargs.get("cache", args[0] if args else None))
            if is_undone() or tracked is None:
                return decorator

            @functools.wraps(decorator)
            def named(function: Any) -> Any:
                tracked.add_function(full_name(function))
                return decorator(function)

            return named

        return cached

    def _getitem(self, original: Method, is_undone: IsUndone) -> Method:
        @functools.wraps(original)
        def getitem(cache: Any, key: Any, *rest: Any, **more: Any) -> Any:
            if _now.cache is cache or self._is_ignored(cache, is_undone):
                return original(cache, key, *rest, **more)
            before = _now.cache, _now.kind
            _now.cache, _now.kind = cache, "get"
            begun = perf_counter()
            try:
                there = type(cache).__missing__ is self._missing or key in cache
                value = original(cache, key, *rest, **more)
            except KeyError:
                self._got(cache, begun, hit=False)
                raise
            except BaseException:
                self._done(cache, "get", begun, "error")
                raise
            finally:
                _now.cache, _now.kind = before
            self._got(cache, begun, hit=there)
            return value

        return getitem

    def _get(self, original: Method, is_undone: IsUndone) -> Method:
        @functools.wraps(original)
        def get(cache: Any, *args: Any, **kwargs: Any) -> Any:
            if _now.cache is cache or self._is_ignored(cache, is_undone) or not _is_lookup(args, kwargs):
                return original(cache, *args, **kwargs)
            key = args[0] if args else kwargs["key"]
            default = args[1] if len(args) > 1 else kwargs.get("default")
            before = _now.cache, _now.kind
            _now.cache, _now.kind = cache, "get"
            begun = perf_counter()
            try:
                value = original(cache, key, _ABSENT)
            except BaseException:
                self._done(cache, "get", begun, "error")
                raise
            finally:
                _now.cache, _now.kind = before
            self._got(cache, begun, hit=value is not _ABSENT)
            return default if value is _ABSENT else value

        return get

    def _contains(self, original: Method, is_undone: IsUndone) -> Method:
        @functools.wraps(original)
        def contains(cache: Any, key: Any) -> Any:
            if _now.cache is cache or self._is_ignored(cache, is_undone):
                return original(cache, key)
            begun = perf_counter()
            there = original(cache, key)
            if not there:
                self._got(cache, begun, hit=False)
            return there

        return contains

    def _other(self, original: Method, is_undone: IsUndone, *, kind: str) -> Method:
        operation = "set" if kind == "set" else "delete"

        @functools.wraps(original)
        def other(cache: Any, *args: Any, **kwargs: Any) -> Any:
            if _now.cache is cache and kind == "set" and not is_undone():
                return self._set_inside(original, cache, args, kwargs)
            if _now.cache is cache or self._is_ignored(cache, is_undone):
                return original(cache, *args, **kwargs)
            before = _now.cache, _now.kind
            _now.cache, _now.kind = cache, kind
            entries = self._length(cache) if kind == "clear" else 0
            begun = perf_counter()
            try:
                value = original(cache, *args, **kwargs)
            except BaseException:
                self._done(cache, operation, begun, "error")
                raise
            finally:
                _now.cache, _now.kind = before
            self._done(cache, operation, begun, "ok")
            if kind == "clear":
                self._evicted(cache, "explicit", entries - self._length(cache))
            return value

        return other

    @staticmethod
    def _set_inside(original: Method, cache: Any, args: Any, kwargs: Any) -> Any:
        """Call a set that is a part of `setdefault` or of a `__missing__`; it may evict entries too."""
        before, _now.kind = _now.kind, "set"
        try:
            return original(cache, *args, **kwargs)
        finally:
            _now.kind = before

    def _delitem(self, original: Method, is_undone: IsUndone) -> Method:
        alone = self._other(original, is_undone, kind="delete")

        @functools.wraps(original)
        def delitem(cache: Any, *args: Any, **kwargs: Any) -> Any:
            if _now.cache is not cache:
                if self._is_ignored(cache, is_undone):
                    return original(cache, *args, **kwargs)
                value = alone(cache, *args, **kwargs)
                self._evicted(cache, "explicit")
                return value
            if _now.deleting or _now.kind == "clear" or is_undone():
                return original(cache, *args, **kwargs)
            _now.deleting = True
            try:
                value = original(cache, *args, **kwargs)
            finally:
                _now.deleting = False
            in_set = "size" if _now.kind == "set" else "explicit"
            self._evicted(cache, "ttl" if _now.expiring else in_set)
            return value

        return delitem

    def _expire(self, original: Method, is_undone: IsUndone) -> Method:
        @functools.wraps(original)
        def expire(cache: Any, *args: Any, **kwargs: Any) -> Any:
            if self._is_ignored(cache, is_undone):
                return original(cache, *args, **kwargs)
            before = _now.cache, _now.kind, _now.expiring, _now.deleting
            kind = _now.kind if _now.cache is cache else "expire"
            _now.cache, _now.kind, _now.expiring, _now.deleting = cache, kind, True, False
            try:
                return original(cache, *args, **kwargs)
            finally:
                _now.cache, _now.kind, _now.expiring, _now.deleting = before

        return expire

    def _is_ignored(self, cache: Any, is_undone: IsUndone) -> bool:
        """Return True if an operation is not counted; a cache that a decorated call has used never is."""
        if is_suppressed(is_undone):
            return True
        tracked = self.caches.get(cache)
        if not inside("cache"):
            return tracked is not None and tracked.is_decorated
        if tracked is not None:
            tracked.is_decorated = True
        return True

    def _got(self, cache: Any, begun: float, *, hit: bool) -> None:
        elapsed = perf_counter() - begun
        self.record(cache, lambda metrics: metrics.get(elapsed, hit=hit))

    def _done(self, cache: Any, operation: str, begun: float, result: str) -> None:
        elapsed = perf_counter() - begun
        self.record(cache, lambda metrics: metrics.done(operation, elapsed, result))

    def _evicted(self, cache: Any, reason: str, times: int = 1) -> None:
        self.record(cache, lambda metrics: metrics.evicted(reason, times))


def _is_lookup(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bool:
    """Return True if the arguments of `get` are valid; otherwise `get` raises by itself."""
    return 0 < len(args) + len(kwargs) <= 2 and len(args) + ("key" in kwargs) + ("default" in kwargs) == len(
        args
    ) + len(kwargs)
