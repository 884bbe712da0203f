"""dogpile.cache: every `CacheRegion`, also behind `cache_on_arguments`."""

from __future__ import annotations

import functools
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter
from types import ModuleType
from typing import Any

from signalscope.instrumentation._base._cache_instrumentor import CacheInstrumentor
from signalscope.instrumentation._base._caches import CACHE_METRICS, library_at_work
from signalscope.instrumentation._base._instrumentor import Library, Method, on_import
from signalscope.instrumentation._base._suppression import is_suppressed_in_cache, only_if_undone

__all__ = ["DogpileCacheInstrumentor"]

_OPERATIONS = {
    "get": ("get", False),
    "get_multi": ("get", True),
    "set": ("set", False),
    "set_multi": ("set", True),
    # Used by `get_or_create` and `get_or_create_multi` to store values.
    "_set_cached_value_to_backend": ("set", False),
    "_set_multi_cached_value_to_backend": ("set", True),
    "delete": ("delete", False),
    "delete_multi": ("delete", True),
}


@dataclass(slots=True)
class _Getting:
    """One running `get_or_create` or `get_or_create_multi`.

    Attributes:
        region: The region.
        missed: The number of values that were created here.
        creating: The time to create them, in seconds.
    """

    region: object
    missed: int = 0
    creating: float = 0.0


class _Now(threading.local):
    getting: _Getting | None = None


_now = _Now()


class DogpileCacheInstrumentor(CacheInstrumentor):
    """Instrumentor for the regions of dogpile.cache.

    Example:
        >>> DogpileCacheInstrumentor().instrument()
        >>> DogpileCacheInstrumentor().uninstrument()
    """

    library = Library(
        name="dogpile_cache",
        title="dogpile.cache",
        kind="cache",
        supports=("dogpile.cache >= 1.1, < 2",),
        tested=("1.1.8", "1.5.0"),
        measures=(*CACHE_METRICS, "signal_service.cache.entries"),
        unit=(
            "`get_or_create` is one get. It is a miss if this call creates the value, else a hit. So it is a hit if "
            "another thread has created the value, or creates a new one while the old value is returned. A `get` "
            "that returns `NO_VALUE` is a miss. An operation on several keys counts once for each key. The duration "
            "of a get does not include the time to create the value."
        ),
        not_measured=(
            "Evictions and capacity: each backend defines them in another way.",
            "Entries of other backends than `dogpile.cache.memory` and `memory_pickle`.",
        ),
        notes=("`cache_type` is the region's name, else the name of the variable that holds it.",),
    )

    package = "dogpile"
    has_sizes = True

    def entries(self, cache: Any) -> float | None:
        """Return the number of entries of a backend in memory."""
        backend = vars(cache).get("backend")
        while hasattr(backend, "proxied"):  # a ProxyBackend
            backend = backend.proxied
        entries = getattr(backend, "_cache", None)
        return float(len(entries)) if isinstance(entries, dict) else None

    def own_name(self, cache: Any) -> str:
        """Return the name of the region."""
        return cache.name or ""

    @on_import("dogpile.cache.region")
    def _patch(self, module: ModuleType) -> None:
        region = module.CacheRegion
        self._absent = module.NO_VALUE
        self.on_created(region, self.track)
        self.surround_operations(region, _OPERATIONS)
        for name, has_many in (("get_or_create", False), ("get_or_create_multi", True)):
            around = functools.partial(self._get_or_create, has_many)
            self.intercept(region, name, around, unless=is_suppressed_in_cache)
        self.intercept(region, "_log_time", self._create, unless=only_if_undone)

    def is_miss(self, value: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bool:
        """Return True for NO_VALUE."""
        return value is self._absent

    def _get_or_create(
        self, has_many: bool, original: Method, region: Any, /, *args: Any, **kwargs: Any
    ) -> Any:
        before, getting = _now.getting, _Getting(region)
        _now.getting = getting
        begun = perf_counter()
        total = 1
        try:
            with library_at_work():
                value = original(region, *args, **kwargs)
            total = len(value) if has_many else 1
        except BaseException:
            if not getting.missed:  # else the user's creator failed, after a miss
                self.record_done(region, "get", begun, "error")
            total = getting.missed
            raise
        finally:
            _now.getting = before
            elapsed = max(0.0, perf_counter() - begun - getting.creating)
            hits = max(0, total - getting.missed)
            if hits + getting.missed:
                self.record(region, lambda metrics: metrics.gets(elapsed, hits, getting.missed))
        return value

    @contextmanager
    def _create(self, original: Method, region: Any, keys: Any) -> Iterator[Any]:
        """Note and time the creation of values, for a key or a list of keys."""
        getting = _now.getting
        if getting is None or getting.region is not region:
            with original(region, keys) as value:
                yield value
            return
        getting.missed += len(keys) if isinstance(keys, list) else 1
        _now.getting = None  # gets inside the creator count separately
        begun = perf_counter()
        try:
            with original(region, keys) as value, library_at_work(library=False):
                yield value
        finally:
            getting.creating += perf_counter() - begun
            _now.getting = getting
