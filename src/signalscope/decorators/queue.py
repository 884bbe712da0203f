"""`@instrument_queue`: functions that take items from queues, or put items into queues."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Literal

from signalscope.contract._model import OTHER, ContractError
from signalscope.decorators._attributes import Attributes, Values
from signalscope.decorators._call import Call, Probe, Quick
from signalscope.decorators._probe import Remade, Timed, decorator, outcome_of, span_maker
from signalscope.decorators._spans import SpanMode
from signalscope.decorators._values import Value, compile_value, is_taken, needs_result
from signalscope.recording import internal_error

__all__ = ["instrument_queue"]

Step = Literal["process", "put"]

_ITEMS = "signal_service.queue.items"


@decorator
def instrument_queue(
    *,
    queue_type: Value[str] = OTHER,
    priority: Value[str] = "medium",
    step: Step = "process",
    enqueued_at: Value[float | datetime | None] = None,
    span: SpanMode = "auto",
) -> Callable[[Any], Probe]:
    """Measure a function that processes the items of a queue, or that puts items into it.

    With ``step="process"``, the decorator records the duration and the waiting time in seconds. It counts the item as
    processed, as failed if the function raises, or as dropped if the function is cancelled. With ``step="put"``, it
    counts the item as enqueued, or as rejected if the function raises.

    Args:
        call: The function, if the decorator is used without arguments.
        queue_type: The name of the queue.
        priority: The item's priority: critical, high, medium or low.
        step: ``process`` for a function that processes an item, ``put`` for a function that enqueues an item.
        enqueued_at: When the item was enqueued: seconds of `time.monotonic`, or a datetime with a time zone if the
            item came from another process. If it is missing or None, the waiting time is not recorded.
        span: ``auto``: a child span if the current span is recording; ``always``; ``never``.

    Raises:
        ContractError: The contract does not allow a constant, or a callable's parameter does not exist.

    Examples:
        >>> from signalscope import arg, instrument_queue
        >>> from signalscope.testing import capture
        >>> @instrument_queue(queue_type="orders", priority=arg("order.priority"))
        ... def process(order):
        ...     return order["id"]
        >>> with capture() as captured:
        ...     done = process({"id": 7, "priority": "critical"})
        ...     captured.value("signal_service_queue_items_total", priority="critical", event="processed")
        1
    """
    options = {"queue_type": queue_type, "priority": priority}
    if enqueued_at is not None and (step == "put" or not is_taken(enqueued_at)):
        raise ContractError(
            "enqueued_at differs for each item: pass a callable, and only with step='process' [SS311]"
        )
    if step == "process":
        return lambda inner: _Process(inner, options, enqueued_at, span)
    if step == "put":
        return lambda inner: _Put(inner, options, span)
    raise ContractError(f"step={step!r} is not allowed; allowed: process, put [SS311]")


class _Process(Timed):
    """The probe of one function that processes items."""

    def __init__(self, function: Any, options: Mapping[str, Any], enqueued_at: Any, span: SpanMode) -> None:
        super().__init__(
            function, "signal_service.queue.processing", options, where="decorators.queue", span=span
        )
        self._items = self.attributes.series_of(_ITEMS, "event")
        self._waits = self.attributes.series_of("signal_service.queue.wait", "outcome")
        self._enqueued_at = compile_value(enqueued_at, function, "enqueued_at")
        self._is_in_result = needs_result(enqueued_at)

    def finish(self, call: Call) -> None:
        """Record an item that was processed."""
        self._end(call, "success", "processed")

    def fail(self, call: Call) -> None:
        """Record an item that failed or was dropped."""
        outcome = outcome_of(call.error)
        self._end(call, outcome, "dropped" if outcome == "cancelled" else "failed")

    def _end(self, call: Call, outcome: str, event: str) -> None:
        values = self.measure(call, outcome)
        self._wait(call, values, outcome)
        call.record(self._items(values, event), 1)

    def _wait(self, call: Call, values: Values, outcome: str) -> None:
        if self._enqueued_at is None or (self._is_in_result and call.error is not None):
            return
        try:
            since = self._enqueued_at(call)
            if since is None:
                return
            until_now = (
                (datetime.now(UTC) - since).total_seconds()
                if isinstance(since, datetime)
                else time.monotonic() - since
            )
        except Exception:  # the user's callable, or its value is not a time
            internal_error(f"{self.where}.enqueued_at")
            return
        # The clock of another process may be ahead, so the time can be negative.
        call.record(self._waits(values, outcome), max(0.0, until_now - call.elapsed))


class _Put(Remade):
    """The probe of one function that puts items into a queue."""

    where = "decorators.queue"
    contains = ""
    quick: Quick | None = None

    def __init__(self, function: Any, options: Mapping[str, Any], span: SpanMode) -> None:
        self._attributes = Attributes(_ITEMS, function, options, self.where)
        self._items = self._attributes.series_of(_ITEMS, "event")
        self.spans = span_maker(function, span, self._attributes.constants)

    def finish(self, call: Call) -> None:
        """Count an item that was enqueued."""
        call.record(self._items(self._attributes.read(call), "enqueued"), 1)

    def fail(self, call: Call) -> None:
        """Count an item that was rejected."""
        call.record(self._items(self._attributes.read(call), "rejected"), 1)
