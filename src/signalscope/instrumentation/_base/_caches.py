"""Recording the operations of caches, the same for every cache library.

The instrumentor of a library knows what a hit is. The `cache_type` comes from
``SIGNALSCOPE_CACHES="my.pricing:greeks_cache=greeks;indicators_*=indicators"``, whose patterns are compared with the
path of the variable that holds the cache, its name and, if the library has them, its namespace or keys. Without a
match it is the name of the variable.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from signalscope.contract._model import OTHER
from signalscope.decorators import _hit_ratio
from signalscope.instrumentation._base._object_names import CreationSite, NameSearch, ObjectName, label_from
from signalscope.instrumentation._base._settings import Patterns
from signalscope.recording import Group, get_instrument, group

_OPERATIONS = "signal_service.cache.operations"
_DURATION = "signal_service.cache.operation"
_EVICTIONS = "signal_service.cache.evictions"
CACHE_METRICS = (_OPERATIONS, _DURATION, "signal_service.cache.hit_ratio")
#: True while a cache library is at work: what it does with Redis then is a part of its own operation.
in_library: ContextVar[bool] = ContextVar("signalscope_in_cache", default=False)
#: The cache types that the user gives to caches.
cache_patterns = Patterns("SIGNALSCOPE_CACHES", "my.pricing:greeks_cache=greeks;indicators_*=indicators")
#: Words that do not describe the content of a cache.
_NOUNS = ("cache", "caches", "region", "lambda")
_MOST_FUNCTIONS = 8
#: Cache types with a recorder of their own; the contract allows far fewer.
_MOST_TYPES = 200


class CacheMetrics:
    """Records operations of one type of cache.

    Args:
        cache_type: The type.
    """

    __slots__ = ("_groups", "_hit", "_miss", "_type", "cache_type")

    def __init__(self, cache_type: str) -> None:
        self.cache_type = cache_type
        self._type = get_instrument(_OPERATIONS).series(cache_type, "get", "hit").values[0]
        self._groups: dict[tuple[str, str], Group] = {}
        self._hit, self._miss = self._group("get", "hit"), self._group("get", "miss")
        self._group("set", "ok")

    def get(self, elapsed: float, *, hit: bool) -> None:
        """Record one lookup.

        Args:
            elapsed: Its duration in seconds.
            hit: Whether the key was found.
        """
        (self._hit if hit else self._miss).record(elapsed)
        _hit_ratio.count_get(self._type, hit=hit)

    def gets(self, elapsed: float, hits: int, misses: int) -> None:
        """Record lookups of several keys in one call, which has one duration."""
        get_instrument(_DURATION).series(self._type, "get").record(elapsed)
        for result, number in (("hit", hits), ("miss", misses)):
            if number > 0:
                get_instrument(_OPERATIONS).series(self._type, "get", result).record(number)
                _hit_ratio.count_get(self._type, hit=result == "hit", times=number)

    def done(self, operation: str, elapsed: float, result: str = "ok", times: int = 1) -> None:
        """Record a set, a delete, or an operation that raised (`error`)."""
        self._group(operation, result).record(elapsed)
        if times > 1:
            get_instrument(_OPERATIONS).series(self._type, operation, result).record(times - 1)

    def evicted(self, reason: str, times: int = 1) -> None:
        """Count entries that left because of `size` or `ttl`, or that the program removed (`explicit`)."""
        if times > 0:
            get_instrument(_EVICTIONS).series(self._type, reason).record(times)

    def _group(self, operation: str, result: str) -> Group:
        series = self._groups.get((operation, result))
        if series is None:
            duration = get_instrument(_DURATION).series(self.cache_type, operation)
            counter = get_instrument(_OPERATIONS).series(self.cache_type, operation, result)
            series = self._groups[operation, result] = group(duration, [(counter, 1)])
        return series


_metrics: dict[str, CacheMetrics] = {}


def metrics_of(cache_type: str) -> CacheMetrics:
    """Return the recorder of a type of cache; the same object each time."""
    metrics = _metrics.get(cache_type)
    if metrics is None:
        if len(_metrics) >= _MOST_TYPES:
            cache_type = OTHER
        metrics = _metrics.setdefault(cache_type, CacheMetrics(cache_type))
    return metrics


@contextmanager
def library_at_work(*, library: bool = True) -> Iterator[None]:
    """Mark a block in which a cache library is at work; or, inside of that, the program again."""
    token = in_library.set(library)
    try:
        yield
    finally:
        in_library.reset(token)


class TrackedCache:
    """One cache of the program, and its name as far as it is known.

    Args:
        library: The name of the library, for a cache without any other name.
        site: Where the cache was created.
        names: Names that the cache has in the library, best first.

    Attributes:
        functions: Functions that use it, as ``module:function``: they name a cache that no variable holds.
        cache_type: The last known type; empty before the first use.
        is_decorated: Whether a decorated call has used it, which measures it in its own way.
    """

    __slots__ = ("_library", "_metrics", "_names", "_search", "cache_type", "functions", "is_decorated")

    def __init__(self, library: str, site: CreationSite | None, names: Iterable[str] = ()) -> None:
        self._library = library
        self._search = NameSearch(site)
        self._names = tuple(names)
        self._metrics: CacheMetrics | None = None
        self.functions: list[str] = []
        self.cache_type = ""
        self.is_decorated = False

    def metrics(self, cache: object) -> CacheMetrics:
        """Return its recorder, and look for its name until that is found for good."""
        if self._metrics is not None:
            return self._metrics
        self.cache_type, is_final = self._type(self._search.find_holder(cache))
        metrics = metrics_of(self.cache_type)
        if is_final or self._search.is_over:
            self._metrics, self._search = metrics, NameSearch(None)
        return metrics

    def add_name(self, name: str) -> None:
        """Add a name that is better than the present ones, before the first use."""
        self._names = (name, *self._names)

    def add_function(self, function: str) -> None:
        """Add a function that uses it; the first few are enough."""
        if len(self.functions) < _MOST_FUNCTIONS:
            self.functions.append(function)

    def _type(self, holder: ObjectName | None) -> tuple[str, bool]:
        """Return the cache type, and whether it is final."""
        name = holder or self._search.fallback
        qualified = [function.rpartition(":")[2] for function in self.functions]
        candidates = [*self._names, name.path, *name.names, *self.functions, *qualified, self._library]
        configured = cache_patterns.find(candidates) or label_from(self._names, *_NOUNS)
        if configured is not None:
            return configured, True
        functions = [function.rpartition(".")[2] for function in qualified]
        ordered = [*name.names, *functions] if holder is not None else [*functions, *name.names]
        return label_from(ordered, *_NOUNS) or self._library, holder is not None or bool(self.functions)
