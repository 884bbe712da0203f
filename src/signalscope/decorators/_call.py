"""The record of one decorated call, and the probe that takes it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, Protocol, final

from opentelemetry.trace import Span

from signalscope.decorators._spans import OwnSpan, SpanMaker
from signalscope.recording import Recorder, internal_error

Arguments = tuple[Any, ...]
Keywords = dict[str, Any]
#: A call's own span. Without one, False when no sampled span is current, None when the current span may be sampled.
CallSpan = Span | Literal[False] | None
#: Records a call that returned from its elapsed time, result and span. Returns whether it did; never raises.
Quick = Callable[[float, Any, CallSpan], bool]


@final
class Call:
    """One call that has ended.

    `conclude` fills the slots; an `__init__` would cost every call 75 ns more.

    Attributes:
        args: The positional arguments.
        kwargs: The keyword arguments.
        elapsed: The time it took, in seconds.
        result: What it returned; None when it raised.
        error: What it raised, with which it was cancelled or closed; None when it returned.
        span: Where the exemplars come from.
    """

    __slots__ = ("args", "elapsed", "error", "kwargs", "result", "span")

    args: Arguments
    kwargs: Keywords
    elapsed: float
    result: Any
    error: BaseException | None
    span: CallSpan

    def record(self, recorder: Recorder, value: float) -> None:
        """Record a value, with the call's span as a candidate for the exemplar."""
        span = self.span
        if span is False:
            recorder.record_unsampled(value)
        elif span is None:
            recorder.record(value)
        else:
            recorder.record_under(value, span)


class Probe(Protocol):
    """What one decorated callable measures.

    Attributes:
        where: Names the decorator in internal errors.
        spans: Makes its spans; None for one that never does.
        contains: Calls of libraries of this kind inside it are a part of it, and not measured on their own
            (calculation, cache, dependency); empty for none.
        quick: Tried first with a call that returned: making a `Call` costs 60 ns. None when the arguments are needed.
    """

    where: str
    spans: SpanMaker | None
    contains: str
    quick: Quick | None

    def finish(self, call: Call) -> None:
        """Record a call that returned."""

    def fail(self, call: Call) -> None:
        """Record a call that raised, was cancelled or closed."""


def conclude(  # noqa: PLR0917  # by position, which is quicker: every call comes here
    probe: Probe,
    span: OwnSpan | Literal[False] | None,
    args: Arguments,
    kwargs: Keywords,
    elapsed: float,
    result: Any,
    error: BaseException | None,
) -> None:
    """Pass a call that has ended to its probe, and end its span; never raises."""
    call = Call()
    call.args = args
    call.kwargs = kwargs
    call.elapsed = elapsed
    call.result = result
    call.error = error
    call.span = span.span if span else span
    try:
        if error is None:
            probe.finish(call)
        else:
            probe.fail(call)
    except Exception:  # a failure of the measurement, which the caller must not see
        internal_error(probe.where)
    if span:
        span.end(error)
