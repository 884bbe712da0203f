"""The data of one decorated call, and the probe that records it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, Protocol, final

from opentelemetry.trace import Span

from signalscope.decorators._spans import OwnSpan, SpanMaker
from signalscope.recording import Recorder, internal_error

Arguments = tuple[Any, ...]
Keywords = dict[str, Any]
#: The span of a call. Without one: False if no sampled span is current, None if the current span may be sampled.
CallSpan = Span | Literal[False] | None
#: Records a call that returned, with its elapsed time, result and span. Returns False if it cannot; never raises.
Quick = Callable[[float, Any, CallSpan], bool]


@final
class Call:
    """One call that has ended.

    `conclude` sets the attributes; an `__init__` would cost 75 ns more for each call.

    Attributes:
        args: The positional arguments.
        kwargs: The keyword arguments.
        elapsed: The duration, in seconds.
        result: The returned value; None if the call raised.
        error: The exception that the call raised, or that cancelled or closed it; None if the call returned.
        span: The span for the exemplars.
    """

    __slots__ = ("args", "elapsed", "error", "kwargs", "result", "span")

    args: Arguments
    kwargs: Keywords
    elapsed: float
    result: Any
    error: BaseException | None
    span: CallSpan

    def record(self, recorder: Recorder, value: float) -> None:
        """Record a value, with the call's span for the exemplar."""
        span = self.span
        if span is False:
            recorder.record_unsampled(value)
        elif span is None:
            recorder.record(value)
        else:
            recorder.record_under(value, span)


class Probe(Protocol):
    """The measurements of one decorated callable.

    Attributes:
        where: The name of the decorator in internal errors.
        spans: Starts the spans; None for a callable without spans.
        contains: A kind of call (calculation, cache, dependency), or empty. Library calls of this kind inside the
            callable are not measured separately.
        quick: Called first when a call has returned, since creating a `Call` costs 60 ns. None if recording needs the
            arguments.
    """

    where: str
    spans: SpanMaker | None
    contains: str
    quick: Quick | None

    def finish(self, call: Call) -> None:
        """Record a call that returned."""

    def fail(self, call: Call) -> None:
        """Record a call that raised, was cancelled or closed."""


def conclude(  # noqa: PLR0917  # positional arguments are faster, and every call comes here
    probe: Probe,
    span: OwnSpan | Literal[False] | None,
    args: Arguments,
    kwargs: Keywords,
    elapsed: float,
    result: Any,
    error: BaseException | None,
) -> None:
    """Pass a call that has ended to its probe, and end the call's span; never raises."""
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
    except Exception:  # an error of the measurement must not reach the caller
        internal_error(probe.where)
    if span:
        span.end(error)
