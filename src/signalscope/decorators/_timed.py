"""A probe for the decorators that record one duration, and whatever else follows from how a call ended."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from signalscope.decorators._attributes import Attributes, Values
from signalscope.decorators._call import Call, Quick
from signalscope.decorators._probe import outcome_of, span_maker
from signalscope.decorators._spans import SpanMode


class Timed:
    """What one decorated callable measures: its duration, by attributes and, where the histogram has it, outcome.

    A subclass that records more overrides `finish` and `fail`, and calls `measure` in them.

    Args:
        function: The decorated callable.
        instrument: The OpenTelemetry name of the histogram of durations.
        options: The attributes that the decorator was given.
        where: Names the decorator in internal errors.
        span: When to make a span.
    """

    contains = ""
    quick: Quick | None = None

    def __init__(
        self, function: Any, instrument: str, options: Mapping[str, Any], *, where: str, span: SpanMode
    ) -> None:
        self.where = where
        self.attributes = Attributes(instrument, function, options, where)
        self.spans = span_maker(function, span, self.attributes.constants)
        self._duration = self.attributes.series_of(instrument, "outcome")
        if self.attributes.all_constant is not None:
            # Bound now, so that the series is there, at zero, before the first call.
            self._duration(self.attributes.all_constant, "success")

    def finish(self, call: Call) -> None:
        """Record a call that returned."""
        self.measure(call, "success")

    def fail(self, call: Call) -> None:
        """Record a call that raised, was cancelled or closed."""
        self.measure(call, outcome_of(call.error))

    def measure(self, call: Call, outcome: str) -> Values:
        """Record the duration, and return the attribute values of the call."""
        values = self.attributes.of(call)
        call.record(self._duration(values, outcome), call.elapsed)
        return values
