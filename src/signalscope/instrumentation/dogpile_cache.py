"""dogpile.cache: every `CacheRegion`, also behind `cache_on_arguments`."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from time import perf_counter
from types import ModuleType
from typing import Any

from signalscope.instrumentation._base._cache_instrumentor import CacheInstrumentor
from signalscope.instrumentation._base._cache_sizes import CacheSizes
from signalscope.instrumentation._base._caches import (
    CACHE_METRICS,
    TrackedCache,
    library_at_work,
)
from signalscope.instrumentation._base._instrumentor import Hook, IsUndone, Method
from signalscope.instrumentation._base._library import Library
from signalscope.instrumentation._base._suppression import is_suppressed

__all__ = ["DogpileCacheInstrumentor"]


class _Getting:
    """One running `get_or_create` or `get_or_create_multi`.

    Attributes:
        region: The region.
        missed: How many values had to be created here.
        creating: Seconds that creating them took.
    """

    __slots__ = ("creating", "missed", "region")

    def __init__(self, region: object) -> None:
        self.region = region
        self.missed = 0
        self.creating = 0.0


class _Now(threading.local):
    getting: _Getting | None = None


_now = _Now()


class DogpileCacheInstrumentor(CacheInstrumentor):
    """Measures the regions of dogpile.cache."""

    library = Library(
        name="dogpile_cache",
        title="dogpile.cache",
        kind="cache",
        supports=("dogpile.cache >= 1.1, < 2",),
        tested=("1.1.8", "1.5.0"),
        measures=(*CACHE_METRICS, "signal_service.cache.entries"),
        spans="None.",
        unit=(
            "`get_or_create` is one get, though dogpile looks twice: a miss when the value is created in "
            "this call, else a hit, also when another thread has created it meanwhile, and when an old value "
            "is given while a new one is created elsewhere. `get` of `NO_VALUE` is a miss. Of several keys, "
            "each is counted. The time of a get is without the time that creating took."
        ),
        not_measured=(
            "Evictions and capacity: backends have no common notion of them.",
            "Entries of other backends than `dogpile.cache.memory` and `memory_pickle`.",
        ),
        notes=("`cache_type` is the region's name, else the name of the variable that holds it.",),
    )

    package = "dogpile"

    def __init__(self) -> None:
        super().__init__()
        if not hasattr(self, "sizes"):
            self.sizes = CacheSizes(_entries, lambda _: None)

    def hooks(self) -> Mapping[str, Hook]:
        """Return the hook of the module of regions."""
        return {"dogpile.cache.region": self._patch}

    def begin(self) -> None:
        """Start to report sizes."""
        self.sizes.begin()

    def end(self) -> None:
        """Forget the regions."""
        super().end()
        self.sizes.end()

    def own_name(self, cache: Any) -> str:
        """Return the name of the region."""
        return cache.name or ""

    def track(self, cache: Any) -> TrackedCache:
        """Report the size of the region as well."""
        tracked = super().track(cache)
        self.sizes.add(cache, lambda: tracked.cache_type)
        return tracked

    def _patch(self, module: ModuleType) -> None:
        region, nothing = module.CacheRegion, module.NO_VALUE
        add = self.replace
        self.on_created(region, self.track)
        add(region, "get", functools.partial(self._get, nothing=nothing))
        add(region, "get_multi", functools.partial(self._get_multi, nothing=nothing))
        add(region, "get_or_create", functools.partial(self._get_or_create, many=False))
        add(region, "get_or_create_multi", functools.partial(self._get_or_create, many=True))
        add(region, "_log_time", self._creating)
        for name, count in (("set", lambda _: 1), ("set_multi", len)):
            add(region, name, functools.partial(self._store, count=count))
        # Used by `get_or_create` and `get_or_create_multi` to store values.
        add(region, "_set_cached_value_to_backend", functools.partial(self._store, count=lambda _: 1))
        add(region, "_set_multi_cached_value_to_backend", functools.partial(self._store, count=len))
        add(region, "delete", functools.partial(self._delete, count=lambda _: 1))
        add(region, "delete_multi", functools.partial(self._delete, count=_length))

    def _get(self, original: Method, is_undone: IsUndone, *, nothing: object) -> Method:
        @functools.wraps(original)
        def get(region: Any, *args: Any, **kwargs: Any) -> Any:
            if is_suppressed(is_undone, "cache"):
                return original(region, *args, **kwargs)
            with self.operation(region, "get") as begun:
                value = original(region, *args, **kwargs)
            self.record(region, lambda metrics: metrics.get(perf_counter() - begun, hit=value is not nothing))
            return value

        return get

    def _get_multi(self, original: Method, is_undone: IsUndone, *, nothing: object) -> Method:
        @functools.wraps(original)
        def get_multi(region: Any, *args: Any, **kwargs: Any) -> Any:
            if is_suppressed(is_undone, "cache"):
                return original(region, *args, **kwargs)
            with self.operation(region, "get") as begun:
                values = original(region, *args, **kwargs)
            elapsed = perf_counter() - begun
            misses = sum(value is nothing for value in values)
            self.record(region, lambda metrics: metrics.gets(elapsed, len(values) - misses, misses))
            return values

        return get_multi

    def _get_or_create(self, original: Method, is_undone: IsUndone, *, many: bool) -> Method:
        @functools.wraps(original)
        def get_or_create(region: Any, *args: Any, **kwargs: Any) -> Any:
            if is_suppressed(is_undone, "cache"):
                return original(region, *args, **kwargs)
            before, _now.getting = _now.getting, _Getting(region)
            getting = _now.getting
            begun = perf_counter()
            total = 1
            try:
                with library_at_work():
                    value = original(region, *args, **kwargs)
                total = len(value) if many else 1
            except BaseException:
                if not getting.missed:  # else the user's creator failed, after a miss
                    self.record(region, lambda metrics: metrics.done("get", perf_counter() - begun, "error"))
                total = getting.missed
                raise
            finally:
                _now.getting = before
                elapsed = max(0.0, perf_counter() - begun - getting.creating)
                hits = max(0, total - getting.missed)
                if hits + getting.missed:
                    self.record(region, lambda metrics: metrics.gets(elapsed, hits, getting.missed))
            return value

        return get_or_create

    def _creating(self, original: Method, is_undone: IsUndone) -> Method:
        """Patch the context manager around the creation of values, which gets the key or the list of keys."""

        @functools.wraps(original)
        @contextmanager
        def log_time(region: Any, keys: Any) -> Iterator[Any]:
            getting = _now.getting
            if getting is None or getting.region is not region or is_undone():
                with original(region, keys) as value:
                    yield value
                return
            getting.missed += len(keys) if isinstance(keys, list) else 1
            _now.getting = None  # gets of the creator count by themselves
            begun = perf_counter()
            try:
                with original(region, keys) as value, library_at_work(library=False):
                    yield value
            finally:
                getting.creating += perf_counter() - begun
                _now.getting = getting

        return log_time

    def _store(self, original: Method, is_undone: IsUndone, *, count: Callable[[Any], int]) -> Method:
        @functools.wraps(original)
        def store(region: Any, *args: Any, **kwargs: Any) -> Any:
            what = args[0] if args else next(iter(kwargs.values()), ())
            if is_suppressed(is_undone, "cache") or not count(what):
                return original(region, *args, **kwargs)
            with self.operation(region, "set") as begun:
                value = original(region, *args, **kwargs)
            self.record(
                region, lambda metrics: metrics.done("set", perf_counter() - begun, times=count(what))
            )
            return value

        return store

    def _delete(self, original: Method, is_undone: IsUndone, *, count: Callable[[Any], int]) -> Method:
        @functools.wraps(original)
        def delete(region: Any, *args: Any, **kwargs: Any) -> Any:
            if is_suppressed(is_undone, "cache"):
                return original(region, *args, **kwargs)
            number = count(args[0] if args else next(iter(kwargs.values()), ()))
            with self.operation(region, "delete") as begun:
                value = original(region, *args, **kwargs)
            self.record(region, lambda metrics: metrics.done("delete", perf_counter() - begun, times=number))
            return value

        return delete


def _length(keys: Any) -> int:
    return len(keys) if hasattr(keys, "__len__") else 1


def _entries(region: Any) -> float | None:
    backend = vars(region).get("backend")
    while hasattr(backend, "proxied"):  # a ProxyBackend
        backend = backend.proxied
    found = getattr(backend, "_cache", None)
    return float(len(found)) if isinstance(found, dict) else None
