"""The base of the instrumentors of cache libraries: it knows the caches of the program, and their names."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import Any, ClassVar

from signalscope.instrumentation._base._caches import CacheMetrics, TrackedCache, in_library
from signalscope.instrumentation._base._instrumentor import LibraryInstrumentor
from signalscope.instrumentation._base._object_names import creation_site
from signalscope.instrumentation._base._weak import WeakTable
from signalscope.recording import internal_error

__all__ = ["CacheInstrumentor"]


class CacheInstrumentor(LibraryInstrumentor):
    """Measures the caches of one library.

    Attributes:
        package: The package of the library, whose frames are not of the program.
        caches: The caches that were seen.
    """

    package: ClassVar[str]
    caches: WeakTable[TrackedCache]

    def __init__(self) -> None:
        super().__init__()
        if not hasattr(self, "caches"):
            self.caches = WeakTable()

    def end(self) -> None:
        """Forget the caches."""
        self.caches.clear()

    def own_name(self, cache: Any) -> str:
        """Return the name that the cache has in its library; empty if it has none."""
        return ""

    def track(self, cache: Any) -> TrackedCache:
        """Note a cache and where the program creates it."""
        name = self.own_name(cache)
        tracked = TrackedCache(self.package, creation_site(cache, (self.package,)), [name] if name else [])
        self.caches.set(cache, tracked)
        return tracked

    def tracked(self, cache: Any) -> TrackedCache:
        """Return what is known about a cache; one that was copied or unpickled has not passed its constructor."""
        return self.caches.get(cache) or self.track(cache)

    def record(self, cache: Any, act: Callable[[CacheMetrics], object]) -> None:
        """Record an operation of a cache; never raises."""
        try:
            act(self.tracked(cache).metrics(cache))
        except Exception:  # must not reach the caller
            internal_error(f"instrumentation.{self.library.name}")

    @contextmanager
    def operation(self, cache: Any, operation: str) -> Iterator[float]:
        """Mark that the library is at work in the block, and record an operation that raises as an error.

        Returns:
            A context manager that gives the time of `perf_counter` at which the operation began.
        """
        begun = perf_counter()
        token = in_library.set(True)
        try:
            yield begun
        except BaseException:
            elapsed = perf_counter() - begun
            self.record(cache, lambda metrics: metrics.done(operation, elapsed, "error"))
            raise
        finally:
            in_library.reset(token)
