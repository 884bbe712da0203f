"""Recorders for the operations of caches, the same for every cache library.

The instrumentor of each library decides which lookup is a hit. The `cache_type` comes from
``SIGNALSCOPE_CACHES="my.pricing:greeks_cache=greeks;indicators_*=indicators"``. Its patterns are compared with the
path and the name of the variable that holds the cache. In some libraries they are also compared with the cache's
namespace or keys. Without a match, the name of the variable is the type.
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
#: True while a cache library is at work: its commands to Redis are parts of its own operation.
in_library: ContextVar[bool] = ContextVar("signalscope_in_cache", default=False)
#: The cache types that the user has set.
cache_patterns = Patterns("SIGNALSCOPE_CACHES", "my.pricing:greeks_cache=greeks;indicators_*=indicators")
#: Words that do not describe the content of a cache.
_NOUNS = ("cache", "caches", "region", "lambda")
_MOST_FUNCTIONS = 8
#: Limit of the cache types that have a recorder; the contract allows far fewer.
_MOST_TYPES = 200


class CacheMetrics:
    """Recorder for the operations of one cache type.

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
            hit: True if the key was found.
        """
        (self._hit if hit else self._miss).record(elapsed)
        _hit_ratio.count_get(self._type, hit=hit)

    def gets(self, elapsed: float, hits: int, misses: int) -> None:
        """Record the lookups of several keys in one call: one duration, and a result for each key."""
        get_instrument(_DURATION).series(self._type, "get").record(elapsed)
        for result, number in (("hit", hits), ("miss", misses)):
            if number > 0:
                get_instrument(_OPERATIONS).series(self._type, "get", result).record(number)
                _hit_ratio.count_get(self._type, hit=result == "hit", times=number)

    def done(self, operation: str, elapsed: float, result: str = "ok", times: int = 1) -> None:
        """Record a set or a delete, or an operation of any kind with the result ``error``."""
        self._group(operation, result).record(elapsed)
        if times > 1:
            get_instrument(_OPERATIONS).series(self._type, operation, result).record(times - 1)

    def evicted(self, reason: str, times: int = 1) -> None:
        """Count removed entries; the reason is `size`, `ttl` or, if the program removed them, `explicit`."""
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
    """Return the recorder of a cache type: the same object for each call."""
    metrics = _metrics.get(cache_type)
    if metrics is None:
        if len(_metrics) >= _MOST_TYPES:
            cache_type = OTHER
        metrics = _metrics.setdefault(cache_type, CacheMetrics(cache_type))
    return metrics


@contextmanager
def library_at_work(*, library: bool = True) -> Iterator[None]:
    """Mark a block in which a cache library is at work, or (``library=False``) the program inside such a block."""
    token = in_library.set(library)
    try:
        yield
    finally:
        in_library.reset(token)


class TrackedCache:
    """One cache of the program and the search for its name.

    Args:
        library: The name of the library, for a cache without any other name.
        site: The place that created the cache.
        names: Names that the cache has in the library, best first.

    Attributes:
        functions: Functions that use the cache, as ``module:function``: the name of a cache that no variable holds.
        cache_type: The last known type; empty before the first use.
        is_decorated: True if a decorated call has used the cache: then the decorator measures it.
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
        """Return the recorder of the cache; search its name until the name is final."""
        if self._metrics is not None:
            return self._metrics
        self.cache_type, is_final = self._type(self._search.find_holder(cache))
        metrics = metrics_of(self.cache_type)
        if is_final or self._search.is_over:
            self._metrics, self._search = metrics, NameSearch(None)
        return metrics

    def add_name(self, name: str) -> None:
        """Add a name that is better than the present names; call it before the first use."""
        self._names = (name, *self._names)

    def add_function(self, function: str) -> None:
        """Add a function that uses the cache; only the first functions are kept."""
        if len(self.functions) < _MOST_FUNCTIONS:
            self.functions.append(function)

    def _type(self, holder: ObjectName | None) -> tuple[str, bool]:
        """Return the cache type, and True if it is final."""
        name = holder or self._search.fallback
        qualified = [function.rpartition(":")[2] for function in self.functions]
        candidates = [*self._names, name.path, *name.names, *self.functions, *qualified, self._library]
        configured = cache_patterns.find(candidates) or label_from(self._names, *_NOUNS)
        if configured is not None:
            return configured, True
        functions = [function.rpartition(".")[2] for function in qualified]
        ordered = [*name.names, *functions] if holder is not None else [*functions, *name.names]
        return label_from(ordered, *_NOUNS) or self._library, holder is not None or bool(self.functions)
