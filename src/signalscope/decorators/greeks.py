"""`@instrument_greeks`: calculations of Greeks, prices and implied volatilities."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, overload

from signalscope import contract
from signalscope._contract_model import OTHER, ContractError
from signalscope.decorators._checks import bounds_of, examine, size_of
from signalscope.decorators._spans import SpanMaker, SpanMode, Under, record
from signalscope.decorators._values import Getter, Value, compile_value
from signalscope.decorators._wrap import Arguments, Keywords, wrap
from signalscope.recording import Recorder, family, group

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
    check: bool = True,
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
    check: bool = True,
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
            of whose values none can be used has the outcome ``invalid``.
        span: ``auto``: a child span when the current span is recording; ``always``; ``never``.

    Raises:
        ContractError: A constant that the contract does not allow, or a callable that names no parameter.
    """

    def decorate(function: Any) -> Any:
        inner = getattr(function, "__func__", None) or getattr(function, "fget", None) or function
        kind = calculation_type if calculation_type is not None else _inferred(inner)
        probe = _Greeks(inner, kind, model_type, vectorized, batch_size, check=check, span=span)
        return wrap(function, probe)

    return decorate if call is None else decorate(call)


class _Greeks:
    """What one decorated calculation measures."""

    where = "decorators.greeks"

    def __init__(
        self,
        call: Any,
        calculation_type: Value[str],
        model_type: Value[str],
        vectorized: Value[bool],
        batch_size: Value[int] | None,
        *,
        check: bool,
        span: SpanMode,
    ) -> None:
        instrument = contract.get(_SECONDS)
        given = (calculation_type, vectorized, model_type)
        self._getters: tuple[Getter | None, ...] = tuple(
            compile_value(value, call, name)
            for name, value in zip(("calculation_type", "vectorized", "model_type"), given, strict=True)
        )
        self._constants = tuple(map(_as_text, given))
        for attribute, getter, value in zip(
            instrument.attributes, self._getters, self._constants, strict=False
        ):
            if getter is None and attribute.values and value not in (*attribute.values, OTHER):
                raise ContractError(
                    f"{attribute.name}={value!r} is not allowed; "
                    f"allowed: {', '.join(attribute.values)}, {OTHER}"
                )
        self._batch = None if batch_size is None else compile_value(batch_size, call, "batch_size")
        self._batch_constant = batch_size if batch_size is not None and self._batch is None else None
        # What a generator returns at its end is not what it calculated.
        self._check = check and not (inspect.isgeneratorfunction(call) or inspect.isasyncgenfunction(call))
        self._are_constant = not any(self._getters)
        constants = {
            name: value
            for name, getter, value in zip(
                instrument.attribute_names, self._getters, self._constants, strict=False
            )
            if getter is None
        }
        name = getattr(call, "__name__", type(call).__name__)
        self.spans = None if span == "never" else SpanMaker(name, span, constants)
        self._scalars: dict[tuple[str, ...], tuple[Recorder, float, float]] = {}
        # Bound now, so that the series is there, at zero, before the first call.
        self._scalar = self._scalar_for(self._constants) if self._are_constant else None
        self.finish = self._finisher()

    def begin(self, args: Arguments, kwargs: Keywords) -> None:
        """Nothing to remember."""

    def _finisher(self) -> Callable[[float, Arguments, Keywords, Any, Under], None]:
        """The recording of a call that returned: a scalar within its bounds at once, all else at length."""
        constant = self._scalar
        attributes, scalars, check = self._attributes, self._scalars, self._check
        at_length, scalar_for = self._finish_at_length, self._scalar_for
        single = self._batch is None and self._batch_constant in (None, 1)

        def finish(elapsed: float, args: Arguments, kwargs: Keywords, result: Any, under: Under) -> None:
            if single and type(result) is float:
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
        is_cancelled = isinstance(error, asyncio.CancelledError | GeneratorExit)
        size = self._size(args, kwargs, None)
        outcome = "cancelled" if is_cancelled else "error"
        series = family(_SECONDS).series(*self._attributes(args, kwargs, None), batch_class(size), outcome)
        record(series, elapsed, under)

    def _attributes(self, args: Arguments, kwargs: Keywords, result: Any) -> tuple[str, ...]:
        """Calculation type, vectorized and model type of one call."""
        if self._are_constant:
            return self._constants
        return tuple(
            [
                constant if get is None else _as_text(get(args, kwargs, result))
                for get, constant in zip(self._getters, self._constants, strict=True)
            ]
        )

    def _scalar_for(self, values: tuple[str, ...]) -> tuple[Recorder, float, float]:
        """The recorder of calls that are about one option, and the bounds of their results."""
        recorder = group(
            family(_SECONDS).series(*values, "1", "success"),
            ((family(_OPTIONS).series(*values), 1), (family(_BATCH).series(*values[:2]), 1)),
        )
        found = (recorder, *bounds_of(values[0]))
        if len(self._scalars) < _REMEMBERED:
            self._scalars[values] = found
        return found

    def _finish_at_length(
        self, elapsed: float, args: Arguments, kwargs: Keywords, result: Any, under: Under
    ) -> None:
        values = self._attributes(args, kwargs, result)
        size = self._size(args, kwargs, result)
        outcome = "success"
        if self._check:
            tally, looked = examine(result, values[0])
            if tally:
                if sum(tally.values()) >= looked:
                    outcome = "invalid"
                for reason, count in tally.items():
                    record(family(_INVALID).series(reason, values[0], values[2]), count, under)
        record(family(_SECONDS).series(*values, batch_class(size), outcome), elapsed, under)
        record(family(_OPTIONS).series(*values), size, under)
        record(family(_BATCH).series(*values[:2]), size, under)

    def _size(self, args: Arguments, kwargs: Keywords, result: Any) -> int:
        if self._batch is not None:
            given = self._batch(args, kwargs, result)
            return given if isinstance(given, int) else size_of(given)
        if isinstance(self._batch_constant, int):
            return self._batch_constant
        return size_of(result)


#: Combinations of attribute values one decorated function remembers the recorders of.
_REMEMBERED = 1000


def batch_class(size: int) -> str:
    """The contract's class of a number of options.

    Args:
        size: How many options; none counts as one.
    """
    if size <= 1:
        return "1"
    if size <= 10:
        return "2-10"
    if size <= 100:
        return "11-100"
    return "101-1000" if size <= 1000 else "1001+"


def _as_text(value: Any) -> str:
    if value is True:
        return "true"
    if value is False:
        return "false"
    return value if type(value) is str else str(value)


def _inferred(call: Any) -> str:
    """The calculation type that a function's name tells."""
    name = getattr(call, "__name__", "").lower()
    words = name.split("_")
    for known in contract.CALCULATION_TYPES:
        if known in words:
            return known
    return "iv" if "implied" in words else OTHER
