"""A probe for the decorators that record one duration, and whatever else follows from how a call ended."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from signalscope.decorators._attributes import Attributes
from signalscope.decorators._probe import outcome_of, span_maker
from signalscope.decorators._spans import SpanMode, Under, record
from signalscope.decorators._wrap import Arguments, Keywords
from signalscope.recording import Family, family

__all__ = ["Timed"]


class Timed:
    """What one decorated callable measures: its duration, by attributes and outcome.

    Subclasses add what else follows from a call by overriding `after` and `after_error`.

    Args:
        call: The decorated callable.
        instrument: The OpenTelemetry name of the histogram of durations.
        options: The attributes that the decorator was given, in the contract's order.
        where: Names the decorator in internal errors.
        span: When to make a span.
        has_outcome: Whether the histogram's last attribute is the outcome.
    """

    contains = ""

    def __init__(
        self,
        call: Any,
        instrument: str,
        options: Mapping[str, Any],
        *,
        where: str,
        span: SpanMode,
        has_outcome: bool = True,
    ) -> None:
        self.where = where
        self.attributes = Attributes(instrument, call, options, where)
        self.spans = span_maker(call, span, self.attributes.constants)
        self._duration: Family = family(instrument)
        self._ending: Callable[[str], tuple[str, ...]] = (
            (lambda outcome: (outcome,)) if has_outcome else lambda _: ()
        )
        if self.attributes.all_constant is not None:
            # Bound now, so that the series is there, at zero, before the first call.
            self._duration.series(*self.attributes.all_constant, *self._ending("success"))

    def finish(self, elapsed: float, args: Arguments, kwargs: Keywords, result: Any, under: Under) -> None:
        """Record a call that returned."""
        values = self.attributes.of(args, kwargs, result)
        outcome = self.outcome(result)
        record(self._duration.series(*values, *self._ending(outcome)), elapsed, under)
        self.after(values, args, kwargs, result, under)

    def fail(
        self, elapsed: float, args: Arguments, kwargs: Keywords, error: BaseException, under: Under
    ) -> None:
        """Record a call that raised, was cancelled or closed."""
        values = self.attributes.of_failed(args, kwargs)
        outcome = outcome_of(error)
        record(self._duration.series(*values, *self._ending(outcome)), elapsed, under)
        self.after_error(values, args, kwargs, error, under)

    def outcome(self, result: Any) -> str:
        """How a call that returned has ended."""
        return "success"

    def after(
        self, values: tuple[str, ...], args: Arguments, kwargs: Keywords, result: Any, under: Under
    ) -> None:
        """What else follows from a call that returned."""

    def after_error(
        self, values: tuple[str, ...], args: Arguments, kwargs: Keywords, error: BaseException, under: Under
    ) -> None:
        """What else follows from a call that raised."""
