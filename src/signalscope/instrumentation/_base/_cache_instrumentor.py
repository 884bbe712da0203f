"""The base of the instrumentors of cache libraries: a table of the program's caches and their names."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sized
from contextlib import contextmanager
from time import perf_counter
from typing import Any, ClassVar

from signalscope.instrumentation._base._caches import CacheMetrics, TrackedCache, library_at_work
from signalscope.instrumentation._base._instrumentor import LibraryInstrumentor
from signalscope.instrumentation._base._object_names import creation_site
from signalscope.instrumentation._base._sums import known_sums
from signalscope.instrumentation._base._suppression import IsUndone, is_suppressed_in_cache
from signalscope.instrumentation._base._weak import WeakTable
from signalscope.recording import internal_error, observe
from signalscope.recording._errors import read_each


class CacheInstrumentor(LibraryInstrumentor):
    """Base of the instrumentors of cache libraries.

    Attributes:
        package: The package whose stack frames do not belong to the program; empty if it has the library's name.
        has_sizes: True if the sizes of every cache are reported, except of caches that decorated calls use.
        caches: The known caches.
    """

    package: ClassVar[str] = ""
    has_sizes: ClassVar[bool] = False
    caches: WeakTable[TrackedCache]

    def create(self) -> None:
        """Create the tables of caches."""
        self.caches = WeakTable()
        self._sized: WeakTable[Callable[[], str]] = WeakTable()

    def begin(self) -> None:
        """Start to report sizes, which are read when metrics are collected."""
        for name, read in (("entries", self.entries), ("capacity", self.capacity)):
            stop = observe(f"signal_service.cache.{name}", functools.partial(self._sums, read))
            self.cleanup.callback(stop)

    def end(self) -> None:
        """Forget the caches."""
        self.caches.clear()
        self._sized.clear()

    def entries(self, cache: Any) -> float | None:
        """Return the number of entries of a cache, without a change to it; None if the number is unknown."""
        return None

    def capacity(self, cache: Any) -> float | None:
        """Return the largest number of entries of a cache; None if its limit is not a number of entries."""
        return None

    def own_name(self, cache: Any) -> str:
        """Return the name that the cache has in its library; empty if it has none."""
        return ""

    def track(self, cache: Any) -> TrackedCache:
        """Add a cache to the table, and note the place in the program that creates it."""
        name, package = self.own_name(cache), self.package or self.library.name
        tracked = TrackedCache(package, creation_site(cache, (package,)), [name] if name else [])
        self.caches.set(cache, tracked)
        if self.has_sizes:
            self.report_size(cache, lambda: "" if tracked.is_decorated else tracked.cache_type)
        return tracked

    def report_size(self, cache: object, cache_type: Callable[[], str]) -> None:
        """Report the size of a cache as long as it lives; sizes of caches of the same type are added.

        Args:
            cache: The cache; it is not kept alive.
            cache_type: Returns the type of the cache; empty if the size is not reported (yet).
        """
        self._sized.set(cache, cache_type)

    def _sums(self, read: Callable[[Any], float | None]) -> Iterator[tuple[float, tuple[str]]]:
        sizes = read_each(
            lambda entry: (entry[1](), _read_safely(read, entry[0])),
            self._sized.items(),
            "instrumentation.cache_size",
        )
        for name, total in known_sums((name, size) for name, size in sizes if name).items():
            yield total, (name,)

    def tracked(self, cache: Any) -> TrackedCache:
        """Return the entry of a cache; add it if it is missing, as for a copied or unpickled cache."""
        return self.caches.get(cache) or self.track(cache)

    def record(self, cache: Any, act: Callable[[CacheMetrics], object]) -> None:
        """Record an operation of a cache; never raise an exception."""
        try:
            act(self.tracked(cache).metrics(cache))
        except Exception:  # must not reach the caller
            internal_error(f"instrumentation.{self.library.name}")

    def record_get(self, cache: Any, begun: float, *, is_hit: bool) -> None:
        """Record a lookup; `begun` is the value of `perf_counter` at its start."""
        elapsed = perf_counter() - begun
        self.record(cache, lambda metrics: metrics.get(elapsed, hit=is_hit))

    def record_done(
        self, cache: Any, operation: str, begun: float, result: str = "ok", times: int = 1
    ) -> None:
        """Record a set or a delete, or an operation of any kind with the result ``error``."""
        elapsed = perf_counter() - begun
        self.record(cache, lambda metrics: metrics.done(operation, elapsed, result, times))

    def is_miss(self, value: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bool:
        """Return True if the result of a lookup means that the key was not found."""
        return value is None

    def surround_operations(
        self,
        cls: type,
        operations: Mapping[str, tuple[str, bool]],
        *,
        is_async: bool = False,
        unless: Callable[[IsUndone], bool] = is_suppressed_in_cache,
    ) -> None:
        """Record the operations of a class of caches, and mark the time inside them with `library_at_work`.

        Args:
            cls: The class.
            operations: For each method (it may be missing): get, set or delete, and True if it takes several keys.
            is_async: True if the methods are coroutine functions.
            unless: Returns True for a call that is not recorded.
        """
        for name, (operation, has_many) in operations.items():
            context = functools.partial(self._recorded, operation, has_many)
            self.surround(cls, name, context, is_async=is_async, unless=unless)

    @contextmanager
    def _recorded(
        self, operation: str, has_many: bool, cache: Any, /, *args: Any, **kwargs: Any
    ) -> Iterator[list[Any]]:
        results: list[Any] = []
        begun = perf_counter()
        with library_at_work():
            try:
                yield results
            except BaseException:
                self.record_done(cache, operation, begun, "error")
                raise
        if operation != "get":
            keys = (args[0] if args else next(iter(kwargs.values()), ())) if has_many else None
            times = len(keys) if isinstance(keys, Sized) else 1  # an iterator is empty by now
            if (
                times or operation == "delete"
            ):  # dogpile sets nothing if `get_or_create_multi` finds all values
                self.record_done(cache, operation, begun, times=times)
        elif has_many:
            elapsed, values = perf_counter() - begun, results[0]
            misses = sum(self.is_miss(value, args, kwargs) for value in values)
            self.record(cache, lambda metrics: metrics.gets(elapsed, len(values) - misses, misses))
        else:
            self.record_get(cache, begun, is_hit=not self.is_miss(results[0], args, kwargs))


def _read_safely(read: Callable[[Any], float | None], cache: object) -> float | None:
    try:
        return read(cache)
    except Exception:  # the class may be the user's own
        internal_error("instrumentation.cache_size")
        return None
