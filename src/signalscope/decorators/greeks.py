"""`@instrument_greeks`: calculations of Greeks, prices and implied volatilities."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Literal

from signalscope import contract
from signalscope.contract._model import OTHER, ContractError
from signalscope.decorators._attributes import Attributes, Values
from signalscope.decorators._batch import batch_class, is_size, size_given, size_of
from signalscope.decorators._call import Call, CallSpan, Probe, Quick
from signalscope.decorators._checks import Tally, examine, limits_of
from signalscope.decorators._probe import Remade, decorator, outcome_of, span_maker
from signalscope.decorators._spans import SpanMode
from signalscope.decorators._values import Value, compile_value, needs_result
from signalscope.recording import Recorder, Series, group, internal_error

__all__ = ["instrument_greeks"]


_SECONDS = "signal_service.greeks.calculation"
#: The largest number of combinations of attribute values that a decorated function keeps recorders for.
_REMEMBERED = 1000
#: The counters of options, of batches, and of checked results; the last one is None without checks.
_Counters = tuple[Series, Series, Series | None]
#: The recorder of calls that price one option, and the smallest and the largest valid result.
_Scalar = tuple[Recorder, float, float]


@decorator
def instrument_greeks(
    *,
    calculation_type: Value[str] | None = None,
    model_type: Value[str] = OTHER,
    vectorized: Value[bool] = False,
    batch_size: Value[int] | None = None,
    check: bool | Literal["finite"] = True,
    values: Value[Any] | None = None,
    span: SpanMode = "auto",
) -> Callable[[Any], Probe]:
    """Measure calculations: their duration in seconds, the number of options, and results that cannot be used.

    Args:
        call: The function, if the decorator is used without arguments.
        calculation_type: The result of the calculation: delta, gamma, theta, vega, rho, iv, price or chain. The
            default is the type that the function's name contains, or ``other``.
        model_type: The pricing model.
        vectorized: True only if the call handles the whole batch in one array operation.
        batch_size: The number of options that a call prices. By default the length of the result's array or
            sequence, or 1.
        check: True checks results for values that are NaN, None, infinite, out of range or not converged. A call
            without any usable value has the outcome ``invalid``. Arrays are checked completely, lists at up to ten
            thousand evenly spaced values. Records (mappings, named tuples, dataclasses, tables) are checked in the
            fields that are named after a Greek. Use ``finite`` for values without fixed limits, such as
            differences of prices: it only finds NaN, None and infinity. False switches the check off.
        values: The values to check instead of the result, for a call that stores them elsewhere:
            ``lambda self: self.greeks``.
        span: ``auto``: a child span if the current span is recording; ``always``; ``never``.

    Raises:
        ContractError: The contract does not allow a constant, or a callable's parameter does not exist.

    Examples:
        >>> from signalscope import instrument_greeks
        >>> from signalscope.testing import capture
        >>> @instrument_greeks(calculation_type="delta", model_type="black_scholes")
        ... def delta(moneyness):
        ...     return moneyness
        >>> with capture() as captured:
        ...     values = delta(0.5), delta(float("nan"))
        ...     captured.count("signal_service_greeks_calculation_seconds", outcome="success")
        ...     captured.value("signal_service_greeks_invalid_results_total", reason="nan")
        1
        1
    """

    def probe(inner: Any) -> _Greeks:
        kind = calculation_type if calculation_type is not None else _inferred(inner)
        return _Greeks(inner, kind, model_type, vectorized, batch_size, check=check, values=values, span=span)

    return probe


class _Greeks(Remade):
    """The probe of one decorated calculation."""

    where = "decorators.greeks"
    contains = "calculation"

    def __init__(
        self,
        function: Any,
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
        self._attributes = Attributes(_SECONDS, function, options, self.where)
        self._calculation_type = self._attributes.value_of("calculation_type")
        self._seconds = self._attributes.series_of(_SECONDS, "batch_size", "outcome")
        self._options = self._attributes.series_of("signal_service.greeks.options")
        self._batches = self._attributes.series_of("signal_service.greeks.batch_options")
        self._checked = self._attributes.series_of("signal_service.greeks.checked_results")
        self._invalid = self._attributes.series_of("signal_service.greeks.invalid_results", "reason")
        self._batch = None if batch_size is None else compile_value(batch_size, function, "batch_size")
        self._is_batch_in_result = needs_result(batch_size)
        self._batch_constant = batch_size if self._batch is None else None
        if self._batch_constant is not None and not is_size(self._batch_constant):
            raise ContractError(
                f"batch_size={batch_size!r} is not allowed; pass a whole number of at least 1, or a callable [SS311]"
            )
        if check not in (True, False, "finite"):
            raise ContractError(f"check={check!r} is not allowed; allowed: True, False, 'finite' [SS311]")
        # A generator yields its values; the value that it returns at its end is another one.
        generates = inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function)
        self._check: bool | str = False if generates else check
        self._values = None if values is None else compile_value(values, function, "values")
        self._is_single = self._batch is None and self._batch_constant in (None, 1) and self._values is None
        self.spans = span_maker(function, span, self._attributes.constants)
        self._known: dict[Values, _Counters] = {}
        self._scalars: dict[Values, _Scalar] = {}
        # Create the series now, so that it is exported at zero before the first call.
        constant = self._attributes.all_constant
        scalar = None if constant is None else self._scalar_for(constant)
        self.quick: Quick | None = (
            _quick(*scalar, check=bool(self._check)) if scalar and self._is_single else None
        )

    def finish(self, call: Call) -> None:
        """Record a call that returned: the fast way for a scalar within its limits, otherwise with all checks."""
        values = self._attributes.read(call)
        result = call.result
        if self._is_single and isinstance(result, float):  # includes np.float64
            recorder, low, high = self._scalars.get(values) or self._scalar_for(values)
            if low <= result <= high or not self._check:
                call.record(recorder, call.elapsed)
                return
        self._finish_at_length(call, values)

    def fail(self, call: Call) -> None:
        """Record a call that raised, or was cancelled."""
        values = self._attributes.read(call)
        size = batch_class(self._size(call))
        call.record(self._seconds(values, size, outcome_of(call.error)), call.elapsed)

    def _scalar_for(self, values: Values) -> _Scalar:
        """Return the recorder of calls that price one option, and the limits of their results."""
        fixed = [(series, 1) for series in self._counters_of(values) if series is not None]
        recorder = group(self._seconds(values, "1", "success"), fixed)
        scalar = (recorder, *limits_of(self._calculation_type(values), self._check))
        if len(self._scalars) < _REMEMBERED:
            self._scalars[values] = scalar
        return scalar

    def _counters_of(self, values: Values) -> _Counters:
        """Return the counters, with those of unusable results initialised at zero: the first one is an increase."""
        counters = self._known.get(values)
        if counters is None:
            checked = self._checked(values) if self._check else None
            counters = self._options(values), self._batches(values), checked
            if len(self._known) < _REMEMBERED:
                self._known[values] = counters
                for reason in contract.INVALID_REASONS if self._check else ():
                    self._invalid(values, reason)
        return counters

    def _finish_at_length(self, call: Call, values: Values) -> None:
        options, batches, checked = self._counters_of(values)
        if self._values is not None:
            try:
                call.result = self._values(call)
            except Exception:  # the user's callable
                internal_error(f"{self.where}.values")
        size = self._size(call)
        outcome = "success"
        if checked is not None:
            tally, examined = self._examined(call.result, self._calculation_type(values))
            if examined:
                call.record(checked, examined)
            if tally:
                if sum(tally.values()) >= examined:
                    outcome = "invalid"
                for reason, count in tally.items():
                    call.record(self._invalid(values, reason), count)
        call.record(self._seconds(values, batch_class(size), outcome), call.elapsed)
        if size is not None:
            call.record(options, size)
            call.record(batches, size)

    def _size(self, call: Call) -> int | None:
        """Return the number of options that the call priced; None if it is unknown."""
        if isinstance(self._batch_constant, int):
            return self._batch_constant
        if self._is_batch_in_result and call.error is not None:
            return None
        try:
            return size_of(call.result) if self._batch is None else size_given(self._batch(call))
        except Exception:  # the user's callable, or an object whose length cannot be read
            internal_error(f"{self.where}.batch_size")
            return None

    def _examined(self, result: Any, calculation_type: str) -> tuple[Tally, int]:
        """Return the unusable values by reason, and the number of examined values; zero if examining fails."""
        try:
            return examine(result, calculation_type, self._check)
        except Exception:  # a type of another library has raised; the call is measured nevertheless
            internal_error(f"{self.where}.check")
            return {}, 0


def _quick(recorder: Recorder, low: float, high: float, *, check: bool) -> Quick:
    """Return a function that records a scalar within its limits, if all attributes are constants."""

    def quick(elapsed: float, result: Any, span: CallSpan) -> bool:
        try:
            if not isinstance(result, float) or (check and not low <= result <= high):
                return False
            if span is False:
                recorder.record_unsampled(elapsed)
            elif span is None:
                recorder.record(elapsed)
            else:
                recorder.record_under(elapsed, span)
        except Exception:  # a subclass of float has raised; `finish` fails too, and counts the error
            return False
        return True

    return quick


def _inferred(call: Any) -> str:
    """Return the calculation type that a function's name contains, or `other`."""
    name = getattr(call, "__name__", "").lower()
    words = name.split("_")
    for known in contract.CALCULATION_TYPES:
        if known in words:
            return known
    return "iv" if "implied" in words else OTHER
