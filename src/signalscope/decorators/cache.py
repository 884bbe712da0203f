"""`@instrument_cache`: gets, sets and deletes of caches."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ParamSpec, TypeVar, overload

from signalscope.contract._model import OTHER, ContractError
from signalscope.decorators import _hit_ratio
from signalscope.decorators._probe import decorated
from signalscope.decorators._spans import SpanMode, Under, record
from signalscope.decorators._timed import Timed
from signalscope.decorators._values import Value
from signalscope.decorators._wrap import Arguments, Keywords
from signalscope.recording import family, internal_error

__all__ = ["instrument_cache"]

P = ParamSpec("P")
R = TypeVar("R")

_OPERATIONS = "signal_service.cache.operations"


def _is_hit(result: Any) -> bool:
    return result is not None


@overload
def instrument_cache(call: Callable[P, R], /) -> Callable[P, R]: ...
@overload
def instrument_cache(
    *,
    cache_type: Value[str] = OTHER,
    operation: Value[str] = "get",
    hit: Callable[[Any], bool] = _is_hit,
    miss_on: type[Exception] | tuple[type[Exception], ...] = KeyError,
    span: SpanMode = "never",
) -> Callable[[Callable[P, R]], Callable[P, R]]: ...
def instrument_cache(
    call: Callable[..., Any] | None = None,
    /,
    *,
    cache_type: Value[str] = OTHER,
    operation: Value[str] = "get",
    hit: Callable[[Any], bool] = _is_hit,
    miss_on: type[Exception] | tuple[type[Exception], ...] = KeyError,
    span: SpanMode = "never",
) -> Any:
    """Measure operations of a cache: their time, and hits and misses.

    Args:
        call: The function, when used without arguments.
        cache_type: Which cache: greeks, indicators, or one of your own.
        operation: get, set or delete. The result of a get is a hit or a miss, of the others ok; of an
            operation that raises or is cancelled, error.
        hit: Whether what a get returned is a hit; by default anything but None.
        miss_on: Exceptions of a get that mean a miss.
        span: ``never``, since most caches are quicker than a span; ``auto``: a child span when the current
            span is recording; ``always``.

    Raises:
        ContractError: A constant that the contract does not allow, or a callable that names no parameter.
    """
    if not callable(hit):
        raise ContractError(f"hit={hit!r} is not allowed; give a callable that takes what a get returned")
    if not _are_exceptions(miss_on):
        raise ContractError(
            f"miss_on={miss_on!r} is not allowed; give an exception class, or several in a tuple"
        )

    def probe(inner: Any) -> _Cache:
        return _Cache(inner, {"cache_type": cache_type, "operation": operation}, hit, miss_on, span)

    return decorated(call, probe)


def _are_exceptions(given: object) -> bool:
    several = given if isinstance(given, tuple) else (given,)
    return all(isinstance(each, type) and issubclass(each, BaseException) for each in several)


class _Cache(Timed):
    """What one decorated operation measures."""

    contains = "cache"

    def __init__(
        self,
        call: Any,
        options: Mapping[str, Any],
        hit: Callable[[Any], bool],
        miss_on: type[Exception] | tuple[type[Exception], ...],
        span: SpanMode,
    ) -> None:
        super().__init__(
            call,
            "signal_service.cache.operation",
            options,
            where="decorators.cache",
            span=span,
            has_outcome=False,
        )
        self._hit = hit
        self._miss_on = miss_on
        constant = self.attributes.all_constant
        if constant is not None:
            for result in ("hit", "miss") if constant[1] == "get" else ("ok",):
                family(_OPERATIONS).series(*constant, result)

    def after(
        self, values: tuple[str, ...], args: Arguments, kwargs: Keywords, result: Any, under: Under
    ) -> None:
        """Count a hit, a miss, or another operation done."""
        found = "ok"
        if values[1] == "get":
            try:
                found = "hit" if self._hit(result) else "miss"
            except Exception:  # the user's callable
                internal_error(f"{self.where}.hit")
                found = OTHER
        self._count(values, found, under)

    def after_error(
        self, values: tuple[str, ...], args: Arguments, kwargs: Keywords, error: BaseException, under: Under
    ) -> None:
        """Count a miss or an error."""
        is_miss = values[1] == "get" and isinstance(error, self._miss_on)
        self._count(values, "miss" if is_miss else "error", under)

    @staticmethod
    def _count(values: tuple[str, ...], result: str, under: Under) -> None:
        series = family(_OPERATIONS).series(*values, result)
        record(series, 1, under)
        if result in ("hit", "miss"):
            _hit_ratio.count_get(series.values[0], hit=result == "hit")
