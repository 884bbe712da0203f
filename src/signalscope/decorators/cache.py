"""`@instrument_cache`: gets, sets and deletes of caches."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from signalscope import contract
from signalscope.contract._model import OTHER, ContractError
from signalscope.decorators import _hit_ratio
from signalscope.decorators._attributes import Values
from signalscope.decorators._call import Call, Probe
from signalscope.decorators._probe import Timed, decorator
from signalscope.decorators._spans import SpanMode
from signalscope.decorators._values import Value
from signalscope.recording import internal_error

__all__ = ["instrument_cache"]


_OPERATIONS = "signal_service.cache.operations"
_CACHE_TYPE = contract.get(_OPERATIONS).attribute_names.index("cache_type")


def _is_hit(result: Any) -> bool:
    return result is not None


@decorator
def instrument_cache(
    *,
    cache_type: Value[str] = OTHER,
    operation: Value[str] = "get",
    hit: Callable[[Any], bool] = _is_hit,
    miss_on: type[Exception] | tuple[type[Exception], ...] = KeyError,
    span: SpanMode = "never",
) -> Callable[[Any], Probe]:
    """Measure operations of a cache: their duration in seconds, and hits and misses.

    Args:
        call: The function, if the decorator is used without arguments.
        cache_type: The name of the cache: greeks, indicators, or a new name.
        operation: get, set or delete. The result of a get is ``hit`` or ``miss``; the result of a set or delete is
            ``ok``. An operation that raises or is cancelled has the result ``error``.
        hit: Takes the value that a get returned, and returns True for a hit. By default every value but None is a
            hit.
        miss_on: Exceptions of a get that mean a miss.
        span: ``never``, the default, since most caches are faster than a span; ``auto``: a child span if the current
            span is recording; ``always``.

    Raises:
        ContractError: The contract does not allow a constant, or a callable's parameter does not exist.

    Examples:
        >>> from signalscope import instrument_cache
        >>> from signalscope.testing import capture
        >>> prices = {"AAPL": 190.0}
        >>> @instrument_cache(cache_type="quotes")
        ... def get_price(symbol):
        ...     return prices.get(symbol)
        >>> with capture() as captured:
        ...     found, missing = get_price("AAPL"), get_price("MSFT")
        ...     captured.value("signal_service_cache_operations_total", cache_type="quotes", result="hit")
        1
    """
    if not callable(hit):
        raise ContractError(
            f"hit={hit!r} is not allowed; pass a callable that takes the value of a get [SS311]"
        )
    if not _are_exceptions(miss_on):
        raise ContractError(
            f"miss_on={miss_on!r} is not allowed; pass an exception class, or a tuple of them [SS311]"
        )

    def probe(inner: Any) -> _Cache:
        return _Cache(inner, {"cache_type": cache_type, "operation": operation}, hit, miss_on, span)

    return probe


def _are_exceptions(given: object) -> bool:
    classes = given if isinstance(given, tuple) else (given,)
    return all(isinstance(kind, type) and issubclass(kind, BaseException) for kind in classes)


class _Cache(Timed):
    """The probe of one decorated cache operation."""

    contains = "cache"

    def __init__(
        self,
        function: Any,
        options: Mapping[str, Any],
        hit: Callable[[Any], bool],
        miss_on: type[Exception] | tuple[type[Exception], ...],
        span: SpanMode,
    ) -> None:
        super().__init__(
            function, "signal_service.cache.operation", options, where="decorators.cache", span=span
        )
        self._hit = hit
        self._miss_on = miss_on
        self._operations = self.attributes.series_of(_OPERATIONS, "result")
        self._operation = self.attributes.value_of("operation")
        constant = self.attributes.all_constant
        if constant is not None:
            for result in ("hit", "miss") if self._operation(constant) == "get" else ("ok",):
                self._operations(constant, result)

    def finish(self, call: Call) -> None:
        """Record an operation that returned: the duration, and whether a get was a hit or a miss."""
        values = self.measure(call, "success")
        result = "ok"
        if self._operation(values) == "get":
            try:
                result = "hit" if self._hit(call.result) else "miss"
            except Exception:  # the user's callable
                internal_error(f"{self.where}.hit")
                result = OTHER
        self._count(call, values, result)

    def fail(self, call: Call) -> None:
        """Record an operation that raised: a miss or an error."""
        values = self.measure(call, "error")
        is_miss = self._operation(values) == "get" and isinstance(call.error, self._miss_on)
        self._count(call, values, "miss" if is_miss else "error")

    def _count(self, call: Call, values: Values, result: str) -> None:
        series = self._operations(values, result)
        call.record(series, 1)
        if result in ("hit", "miss"):
            _hit_ratio.count_get(series.values[_CACHE_TYPE], hit=result == "hit")
