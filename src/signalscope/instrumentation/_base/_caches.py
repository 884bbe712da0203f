"""Recording what caches do: one way for every cache library.

What a hit is, each library's instrumentor knows. Which cache it was (`cache_type`) is told by
``SIGNALSCOPE_CACHES="my.pricing:greeks_cache=greeks;indicators_*=indicators"``, whose patterns are compared with
where the cache lives, what it is called and, where a library has them, its namespace or keys; else by the name of the
variable that holds it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from signalscope.contract._model import OTHER
from signalscope.decorators import _hit_ratio
from signalscope.instrumentation._base._places import Found, Place, PlaceSearch, readable
from signalscope.instrumentation._base._settings import Patterns, Setting
from signalscope.instrumentation._base._weak import WeakTable
from signalscope.recording import Group, family, group, internal_error, observe

__all__ = [
    "CACHE_METRICS",
    "CacheMetrics",
    "CacheSizes",
    "TrackedCache",
    "cache_patterns",
    "in_library",
    "metrics_of",
    "within",
]

_OPERATIONS = "signal_service.cache.operations"
_DURATION = "signal_service.cache.operation"
_EVICTIONS = "signal_service.cache.evictions"
CACHE_METRICS = (_OPERATIONS, _DURATION, "signal_service.cache.hit_ratio")
#: Set while a cache library does something: what it does with Redis then is its own business.
in_library: ContextVar[bool] = ContextVar("signalscope_in_cache", default=False)
#: Words that say nothing about what is cached.
_SETTING = Setting("SIGNALSCOPE_CACHES", "my.pricing:greeks_cache=greeks;indicators_*=indicators")
_NOUNS = ("cache", "caches", "region", "lambda")
_MOST_HINTS = 8
#: Cache types whose recorders are kept; the contract allows far fewer.
_MOST_TYPES = 200


class CacheMetrics:
    """Records operations of one type of cache.

    Args:
        cache_type: Which.
    """

    __slots__ = ("_groups", "_hit", "_miss", "_type", "cache_type")

    def __init__(self, cache_type: str) -> None:
        self.cache_type = cache_type
        self._type = family(_OPERATIONS).series(cache_type, "get", "hit").values[0]
        self._groups: dict[tuple[str, str], Group] = {}
        self._hit, self._miss = self._group("get", "hit"), self._group("get", "miss")
        self._group("set", "ok")

    def get(self, elapsed: float, *, hit: bool) -> None:
        """One lookup, in seconds."""
        (self._hit if hit else self._miss).record(elapsed)
        _hit_ratio.count_get(self._type, hit=hit)

    def gets(self, elapsed: float, hits: int, misses: int) -> None:
        """Lookups of several keys in one call, which is one duration."""
        counted = [("hit", hits), ("miss", misses)]
        family(_DURATION).series(self._type, "get").record(elapsed)
        for result, number in counted:
            if number > 0:
                family(_OPERATIONS).series(self._type, "get", result).record(number)
                _hit_ratio.count_get(self._type, hit=result == "hit", times=number)

    def done(self, operation: str, elapsed: float, result: str = "ok", times: int = 1) -> None:
        """A set or delete, or an operation that raised (`error`)."""
        self._group(operation, result).record(elapsed)
        if times > 1:
            family(_OPERATIONS).series(self._type, operation, result).record(times - 1)

    def evicted(self, reason: str, times: int = 1) -> None:
        """Entries that left: by `size`, by `ttl`, or because the program said so (`explicit`)."""
        if times > 0:
            family(_EVICTIONS).series(self._type, reason).record(times)

    def _group(self, operation: str, result: str) -> Group:
        found = self._groups.get((operation, result))
        if found is None:
            cache_type = self.cache_type
            main = family(_DURATION).series(cache_type, operation)
            counted = family(_OPERATIONS).series(cache_type, operation, result)
            found = self._groups[operation, result] = group(main, [(counted, 1)])
        return found


_metrics: dict[str, CacheMetrics] = {}


def metrics_of(cache_type: str) -> CacheMetrics:
    """The recorder of a type of cache; the same object each time."""
    found = _metrics.get(cache_type)
    if found is None:
        if len(_metrics) >= _MOST_TYPES:
            cache_type = OTHER
        found = _metrics.setdefault(cache_type, CacheMetrics(cache_type))
    return found


@contextmanager
def within(*, library: bool = True) -> Iterator[None]:
    """Say that a cache library is at work in the block; or, inside of that, the program again."""
    token = in_library.set(library)
    try:
        yield
    finally:
        in_library.reset(token)


def cache_patterns() -> Patterns:
    """Return the cache types that the user gives to caches."""
    return _SETTING.patterns


class TrackedCache:
    """One cache of the program, and what is known about its name.

    Args:
        library: The last resort: the name of the library.
        place: Where it was made.
        names: What the library itself calls it, best first.

    Attributes:
        hints: Functions that it was given to, as ``module:function``: they name a cache that no variable holds.
        cache_type: What it was last called; empty before its first use.
        decorated: Whether a decorated call has used it, which measures it in its own way.
    """

    __slots__ = ("_library", "_metrics", "_names", "_search", "cache_type", "decorated", "hints")

    def __init__(self, library: str, place: Place | None, names: Iterable[str] = ()) -> None:
        self._library = library
        self._search = PlaceSearch(place)
        self._names = tuple(names)
        self._metrics: CacheMetrics | None = None
        self.hints: list[str] = []
        self.cache_type = ""
        self.decorated = False

    def metrics(self, cache: object) -> CacheMetrics:
        """Return its recorder, and look for its name until that is found for good."""
        if self._metrics is not None:
            return self._metrics
        cache_type, is_final = self._type(self._search.look(cache))
        metrics = metrics_of(cache_type)
        self.cache_type = cache_type
        if is_final or self._search.is_over:
            self._metrics, self._search = metrics, PlaceSearch(None)
        return metrics

    def call(self, name: str) -> None:
        """Learn what the program calls it, before its first use."""
        self._names = (name, *self._names)

    def hint(self, function: str) -> None:
        """Learn a function that it was given to; the first few say enough."""
        if len(self.hints) < _MOST_HINTS:
            self.hints.append(function)

    def _type(self, holder: Found | None) -> tuple[str, bool]:
        """Return the cache type, and whether it is final."""
        place = holder or self._search.fallback
        functions = [hint.rpartition(":")[2] for hint in self.hints]
        candidates = [*self._names, place.path, *place.names, *self.hints, *functions, self._library]
        given = cache_patterns().find(candidates) or readable(self._names, *_NOUNS)
        if given is not None:
            return given, True
        last = [function.rpartition(".")[2] for function in functions]
        ordered = [*place.names, *last] if holder is not None else [*last, *place.names]
        return readable(ordered, *_NOUNS) or self._library, holder is not None or bool(self.hints)


class CacheSizes:
    """Reports the sizes of the caches of one library; those of one type together.

    Args:
        entries: Gives the number of entries of a cache, without changing it; None when that cannot be known.
        capacity: Gives the number of entries it can hold; None when it is not bounded by a number of entries.
    """

    def __init__(
        self, entries: Callable[[Any], float | None], capacity: Callable[[Any], float | None]
    ) -> None:
        self._known: WeakTable[Callable[[], str]] = WeakTable()
        self._ways = {"entries": entries, "capacity": capacity}
        self._ends: list[Callable[[], None]] = []

    def begin(self) -> None:
        """Start to report."""
        if not self._ends:
            self._ends = [
                observe(f"signal_service.cache.{name}", lambda way=way: self._sums(way))  # type: ignore[misc]
                for name, way in self._ways.items()
            ]

    def end(self) -> None:
        """Stop to report, and forget the caches."""
        for end in self._ends:
            end()
        self._ends = []
        self._known.clear()

    def add(self, cache: object, cache_type: Callable[[], str]) -> None:
        """Report a cache as long as it lives."""
        self._known.set(cache, cache_type)

    def _sums(self, way: Callable[[Any], float | None]) -> Iterator[tuple[float, tuple[str]]]:
        sums: dict[str, float | None] = {}
        for cache, cache_type in self._known.items():
            name, number = cache_type(), _asked(way, cache)
            if not name:  # not used yet
                continue
            before = sums.get(name, 0.0)
            # One that is not known makes the sum unknown.
            sums[name] = None if before is None or number is None else before + number
        for name, total in sums.items():
            if total is not None:
                yield total, (name,)


def _asked(way: Callable[[Any], float | None], cache: object) -> float | None:
    try:
        return way(cache)
    except Exception:  # a cache of the user's own class
        internal_error("instrumentation.cache_size")
        return None
