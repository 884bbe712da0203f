"""`@instrument_greeks`: calculations of Greeks, prices and implied volatilities."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Literal, ParamSpec, TypeVar, overload

from signalscope import contract
from signalscope.contract._model import OTHER, ContractError
from signalscope.decorators._attributes import Attributes
from signalscope.decorators._checks import Tally, bounds_of, examine, size_of
from signalscope.decorators._probe import decorated, outcome_of, span_maker
from signalscope.decorators._spans import SpanMode, Under, record
from signalscope.decorators._values import Value, compile_value
from signalscope.decorators._wrap import Arguments, Keywords
from signalscope.recording import Recorder, family, group, internal_error

__all__ = ["batch_class", "instrument_greeks"]

P = ParamSpec("P")
R = TypeVar("R")

_SECONDS = "signal_service.greeks.calculation"
_OPTIONS = "signal_service.greeks.options"
_BATCH = "signal_service.greeks.batch_options"
_INVALID = "signal_service.greeks.invalid_results"


@overload
def instrument_greeks(call: Callable[P, R], /) -> Callable[P, R]: ...
@overload
def instrument_greeks(
    *,
    calculation_type: Value[str] | None = None,
    model_type: Value[str] = OTHER,
    vectorized: Value[bool] = False,
    batch_size: Value[int] | None = None,
    check: bool | Literal["finite"] = True,
    values: Value[Any] | None = None,
    span: SpanMode = "auto",
) -> Callable[[Callable[P, R]], Callable[P, R]]: ...
def instrument_greeks(
    call: Callable[..., Any] | None = None,
    /,
    *,
    calculation_type: Value[str] | None = None,
    model_type: Value[str] = OTHER,
    vectorized: Value[bool] = False,
    batch_size: Value[int] | None = None,
    check: bool | Literal["finite"] = True,
    values: Value[Any] | None = None,
    span: SpanMode = "auto",
) -> Any:
    """Measure calculations: their time, how many options they priced, and results that cannot be used.

    Args:
        call: The function, when used without arguments.
        calculation_type: What is calculated: delta, gamma, theta, vega, rho, iv, price or chain. By default
            taken from the function's name, else ``other``.
        model_type: The pricing model.
        vectorized: True only where the call handles the whole batch in one array operation.
        batch_size: How many options a call is about. By default the length of the result's array or
            sequence, or 1.
        check: Whether to look for results that are NaN, None, infinite, out of range or not converged. A call
            of whose values none can be used has the outcome ``invalid``. Arrays are judged as a whole, of lists at
            most ten thousand values at even distances, of records (mappings, named tuples, dataclasses, tables) the
            fields that are named after a Greek. ``finite``: only for those that are NaN,
            None or infinite, where other values may be right: positions that may be short, differences of prices.
        values: What to look at instead of the result, where a call leaves its values elsewhere:
            ``lambda self: self.greeks``.
        span: ``auto``: a child span when the current span is recording; ``always``; ``never``.

    Raises:
        ContractError: A constant that the contract does not allow, or a callable that names no parameter.
    """

    def probe(inner: Any) -> _Greeks:
        kind = calculation_type if calculation_type is not None else _inferred(inner)
        return _Greeks(inner, kind, model_type, vectorized, batch_size, check=check, values=values, span=span)

    return decorated(call, probe)


class _Greeks:
    """What one decorated calculation measures."""

    where = "decorators.greeks"
    contains = "calculation"

    def __init__(
        self,
        call: Any,
        calculation_type: Value[str],
        model_type: Value[str],
        vectorized: Value[bool],
        batch_size: Value[int] | None,
        *,
        check: bool | Literal["finite"],
        values: Value[Any] | None,
        span: SpanMode,
    ) -> None:
        options = {"calculation_type": calculation_type, "vectorized": vectorized, "model_type": model_type}
        self._attributes = Attributes(_SECONDS, call, options, self.where)
        self._batch = None if batch_size is None else compile_value(batch_size, call, "batch_size")
        self._batch_constant = batch_size if self._batch is None else None
        if self._batch_constant is not None and not _is_size(self._batch_constant):
            raise ContractError(
                f"batch_size={batch_size!r} is not allowed; give a whole number of at least 1, or a callable"
            )
        if check not in (True, False, "finite"):
            raise ContractError(f"check={check!r} is not allowed; allowed: True, False, 'finite'")
        # What a generator returns at its end is not what it calculated.
        generates = inspect.isgeneratorfunction(call) or inspect.isasyncgenfunction(call)
        self._check: bool | str = False if generates else check
        self._values = None if values is None else compile_value(values, call, "values")
        self.spans = span_maker(call, span, self._attributes.constants)
        self._born: set[tuple[str, ...]] = set()
        self._scalars: dict[tuple[str, ...], tuple[Recorder, float, float]] = {}
        # Bound now, so that the series is there, at zero, before the first call.
        constant = self._attributes.all_constant
        self._scalar = None if constant is None else self._scalar_for(constant)
        self.finish = self._finisher()

    def _finisher(self) -> Callable[[float, Arguments, Keywords, Any, Under], None]:
        """The recording of a call that returned: a scalar within its bounds at once, all else at length."""
        constant = self._scalar
        attributes, scalars, check = self._attributes.of, self._scalars, self._check
        at_length, scalar_for = self._finish_at_length, self._scalar_for
        single = self._batch is None and self._batch_constant in (None, 1) and self._values is None

        def finish(elapsed: float, args: Arguments, kwargs: Keywords, result: Any, under: Under) -> None:
            if single and isinstance(result, float):  # NumPy's too
                if constant is not None:
                    recorder, low, high = constant
                else:
                    values = attributes(args, kwargs, result)
                    recorder, low, high = scalars.get(values) or scalar_for(values)
                if low <= result <= high or not check:
                    if under is False:
                        recorder.record_unsampled(elapsed)
                    else:
                        record(recorder, elapsed, under)
                    return
            at_length(elapsed, args, kwargs, result, under)

        return finish

    def fail(
        self, elapsed: float, args: Arguments, kwargs: Keywords, error: BaseException, under: Under
    ) -> None:
        """Record a call that raised, or was cancelled."""
        size = self._size(args, kwargs, None)
        values = self._attributes.of_failed(args, kwargs)
        series = family(_SECONDS).series(*values, batch_class(size), outcome_of(error))
        record(series, elapsed, under)

    def _scalar_for(self, values: tuple[str, ...]) -> tuple[Recorder, float, float]:
        """The recorder of calls that are about one option, and the bounds of their results."""
        recorder = group(
            family(_SECONDS).series(*values, "1", "success"),
            ((family(_OPTIONS).series(*values), 1), (family(_BATCH).series(*values[:2]), 1)),
        )
        self._be_born(values)
        found = (recorder, *bounds_of(values[0], self._check))
        if len(self._scalars) < _REMEMBERED:
            self._scalars[values] = found
        return found

    def _be_born(self, values: tuple[str, ...]) -> None:
        """Let the counters of unusable results begin at zero, so that the first one is an increase."""
        if self._check and values not in self._born and len(self._born) < _REMEMBERED:
            self._born.add(values)
            for reason in contract.INVALID_REASONS:
                family(_INVALID).series(reason, values[0], values[2])

    def _finish_at_length(
        self, elapsed: float, args: Arguments, kwargs: Keywords, result: Any, under: Under
    ) -> None:
        values = self._attributes.of(args, kwargs, result)
        self._be_born(values)
        if self._values is not None:
            try:
                result = self._values(args, kwargs, result)
            except Exception:  # the user's callable
                internal_error(f"{self.where}.values")
        size = self._size(args, kwargs, result)
        outcome = "success"
        if self._check:
            tally, looked = self._examined(result, values[0])
            if tally:
                if sum(tally.values()) >= looked:
                    outcome = "invalid"
                for reason, count in tally.items():
                    record(family(_INVALID).series(reason, values[0], values[2]), count, under)
        record(family(_SECONDS).series(*values, batch_class(size), outcome), elapsed, under)
        if size is not None:
            record(family(_OPTIONS).series(*values), size, under)
            record(family(_BATCH).series(*values[:2]), size, under)

    def _size(self, args: Arguments, kwargs: Keywords, result: Any) -> int | None:
        """How many options the call was about; None when the user's callable failed to say."""
        if self._batch is not None:
            try:
                return _size_given(self._batch(args, kwargs, result))
            except Exception:  # the user's callable
                if result is not None:  # a failed call may have no size
                    internal_error(f"{self.where}.batch_size")
                return None
        if isinstance(self._batch_constant, int):
            return self._batch_constant
        try:
            return size_of(result)
        except Exception:  # an object that has a length, but will not say
            internal_error(f"{self.where}.batch_size")
            return None

    def _examined(self, result: Any, calculation_type: str) -> tuple[Tally, int]:
        """What is wrong with a result; nothing when it cannot be looked at."""
        try:
            return examine(result, calculation_type, self._check)
        except Exception:  # whatever a foreign type does, the call is measured
            internal_error(f"{self.where}.check")
            return {}, 0


#: Combinations of attribute values one decorated function remembers the recorders of.
_REMEMBERED = 1000


def _size_given(given: Any) -> int:
    """The number of options that a callable told: a whole number, of NumPy's too, or something that has a length.

    Raises:
        ValueError: Half an option, fewer than none, or None.
    """
    if given is None:
        raise ValueError("no number of options")
    if isinstance(given, float) and not given.is_integer():
        raise ValueError(f"{given} options")
    if isinstance(given, float) or (hasattr(given, "__index__") and not hasattr(given, "__len__")):
        if given < 0:
            raise ValueError(f"{given} options")
        return int(given)
    return size_of(given)


def _is_size(given: object) -> bool:
    return isinstance(given, int) and not isinstance(given, bool) and given >= 1


def batch_class(size: int | None) -> str:
    """The contract's class of a number of options.

    Args:
        size: How many options; 0 counts as one; None, an unknown number, is ``other``.
    """
    if size is None:
        return OTHER
    if size <= 1:
        return "1"
    if size <= 10:
        return "2-10"
    if size <= 100:
        return "11-100"
    return "101-1000" if size <= 1000 else "1001+"


def _inferred(call: Any) -> str:
    """The calculation type that a function's name tells."""
    name = getattr(call, "__name__", "").lower()
    words = name.split("_")
    for known in contract.CALCULATION_TYPES:
        if known in words:
            return known
    return "iv" if "implied" in words else OTHER
