"""`@instrument_queue`: work taken from, and put into, queues."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Literal, ParamSpec, TypeVar, overload

from signalscope.contract._model import OTHER, ContractError
from signalscope.decorators._attributes import Attributes
from signalscope.decorators._probe import decorated, outcome_of, span_maker
from signalscope.decorators._spans import SpanMode, Under, record
from signalscope.decorators._timed import Timed
from signalscope.decorators._values import Value, compile_value, is_taken
from signalscope.decorators._wrap import Arguments, Keywords
from signalscope.recording import family, internal_error

__all__ = ["instrument_queue"]

P = ParamSpec("P")
R = TypeVar("R")
Step = Literal["process", "put"]

_ITEMS = "signal_service.queue.items"
_WAIT = "signal_service.queue.wait"


@overload
def instrument_queue(call: Callable[P, R], /) -> Callable[P, R]: ...
@overload
def instrument_queue(
    *,
    queue_type: Value[str] = OTHER,
    priority: Value[str] = "medium",
    step: Step = "process",
    enqueued_at: Value[float | datetime | None] = None,
    span: SpanMode = "auto",
) -> Callable[[Callable[P, R]], Callable[P, R]]: ...
def instrument_queue(
    call: Callable[..., Any] | None = None,
    /,
    *,
    queue_type: Value[str] = OTHER,
    priority: Value[str] = "medium",
    step: Step = "process",
    enqueued_at: Value[float | datetime | None] = None,
    span: SpanMode = "auto",
) -> Any:
    """Measure the function that processes a queue's items, or the one that puts them in.

    Processing an item: its time, the time it had waited, and whether it was processed, failed (raised) or
    dropped (was cancelled). Putting one in: whether it was enqueued, or rejected (raised).

    Args:
        call: The function, when used without arguments.
        queue_type: Which queue.
        priority: The item's priority: critical, high, medium or low.
        step: ``process`` for the function that processes an item, ``put`` for the one that enqueues it.
        enqueued_at: When the item was enqueued: seconds of `time.monotonic`, or an aware datetime when it
            came from another process. Without it, or where it is None, no waiting time is recorded.
        span: ``auto``: a child span when the current span is recording; ``always``; ``never``.

    Raises:
        ContractError: A constant that the contract does not allow, or a callable that names no parameter.
    """
    options = {"queue_type": queue_type, "priority": priority}
    if enqueued_at is not None and (step == "put" or not is_taken(enqueued_at)):
        raise ContractError(
            "enqueued_at is about each item: give a callable, and only to the function that processes it"
        )
    if step == "process":
        return decorated(call, lambda inner: _Process(inner, options, enqueued_at, span))
    if step == "put":
        return decorated(call, lambda inner: _Put(inner, options, span))
    raise ContractError(f"step={step!r} is not allowed; allowed: process, put")


class _Process(Timed):
    """What one function that processes items measures."""

    def __init__(self, call: Any, options: Mapping[str, Any], enqueued_at: Any, span: SpanMode) -> None:
        super().__init__(
            call, "signal_service.queue.processing", options, where="decorators.queue", span=span
        )
        self._enqueued_at = compile_value(enqueued_at, call, "enqueued_at")

    def finish(self, elapsed: float, args: Arguments, kwargs: Keywords, result: Any, under: Under) -> None:
        """Record an item that was processed."""
        super().finish(elapsed, args, kwargs, result, under)
        values = self.attributes.of(args, kwargs, result)
        self._waited(elapsed, (*values, "success"), args, kwargs, under)
        record(family(_ITEMS).series(*values, "processed"), 1, under)

    def fail(
        self, elapsed: float, args: Arguments, kwargs: Keywords, error: BaseException, under: Under
    ) -> None:
        """Record an item that was not."""
        super().fail(elapsed, args, kwargs, error, under)
        values, outcome = self.attributes.of_failed(args, kwargs), outcome_of(error)
        self._waited(elapsed, (*values, outcome), args, kwargs, under)
        event = "dropped" if outcome == "cancelled" else "failed"
        record(family(_ITEMS).series(*values, event), 1, under)

    def _waited(
        self, elapsed: float, ended: tuple[str, ...], args: Arguments, kwargs: Keywords, under: Under
    ) -> None:
        if self._enqueued_at is None:
            return
        try:
            since = self._enqueued_at(args, kwargs, None)
            if since is None:
                return
            until_now = (
                (datetime.now(UTC) - since).total_seconds()
                if isinstance(since, datetime)
                else time.monotonic() - since
            )
        except Exception:  # the user's callable, or no time
            internal_error(f"{self.where}.enqueued_at")
            return
        # Clocks of other processes may be ahead.
        record(family(_WAIT).series(*ended), max(0.0, until_now - elapsed), under)


class _Put:
    """What one function that puts items in measures."""

    where = "decorators.queue"
    contains = ""

    def __init__(self, call: Any, options: Mapping[str, Any], span: SpanMode) -> None:
        self._attributes = Attributes(_ITEMS, call, options, self.where)
        self.spans = span_maker(call, span, self._attributes.constants)

    def finish(self, elapsed: float, args: Arguments, kwargs: Keywords, result: Any, under: Under) -> None:
        """Count an item that was put in."""
        values = self._attributes.of(args, kwargs, result)
        record(family(_ITEMS).series(*values, "enqueued"), 1, under)

    def fail(
        self, elapsed: float, args: Arguments, kwargs: Keywords, error: BaseException, under: Under
    ) -> None:
        """Count an item that was not."""
        record(family(_ITEMS).series(*self._attributes.of_failed(args, kwargs), "rejected"), 1, under)
