"""Spans of decorated calls: made when asked for, cheaply found not to be wanted otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, final

from opentelemetry import context, trace
from opentelemetry.trace import Span, Status, StatusCode

from signalscope.recording import Recorder, internal_error
from signalscope.recording._exemplars import SPAN_KEY
from signalscope.recording._state import live

__all__ = ["OwnSpan", "SpanMaker", "SpanMode", "Under", "record"]

#: "auto": a child when the current span is recording; "always": also a root; "never": none.
SpanMode = Literal["auto", "always", "never"]
#: What a recording is to know of spans: the call's own; False: no span at all is current; None: it has to
#: look for itself.
Under = Span | Literal[False] | None
_SAMPLED = trace.TraceFlags.SAMPLED


@final
class OwnSpan:
    """The span of one call.

    Attributes:
        span: OpenTelemetry's span.
    """

    __slots__ = ("_token", "span")

    def __init__(self, span: Span, *, current: bool) -> None:
        self.span = span
        self._token = context.attach(trace.set_span_in_context(span)) if current else None

    def end(self, error: BaseException | None) -> None:
        """End it, with the exception that ended the call; never raises."""
        try:
            if self._token is not None:
                context.detach(self._token)
            if error is not None and not isinstance(error, GeneratorExit):
                self.span.set_status(Status(StatusCode.ERROR, _told(error)))
                self.span.record_exception(error)
        except Exception:  # ours, or a `__str__` of the exception that fails
            internal_error("decorators.span")
        finally:
            self.span.end()


def _told(error: BaseException) -> str:
    name = type(error).__name__
    try:
        return f"{name}: {error}"
    except Exception:  # it cannot even be shown
        return name


class SpanMaker:
    """Begins the spans of one decorated callable.

    Args:
        name: The spans' name.
        mode: When to make one.
        attributes: What is known of every call.

    Attributes:
        always: Whether every call gets one.
    """

    __slots__ = ("_attributes", "_name", "always")

    def __init__(self, name: str, mode: SpanMode, attributes: Mapping[str, str]) -> None:
        self._name = name
        self.always = mode == "always"
        self._attributes = dict(attributes)

    def begin(self, here: context.Context, *, current: bool = True) -> OwnSpan | Literal[False] | None:
        """Begin a span if one is wanted now; never raises.

        Args:
            here: The current context.
            current: Whether to make it the current span.

        Returns:
            The span; else False when no sampled span is current either, None when there is one.
        """
        try:
            if not self.always:
                parent = here.get(SPAN_KEY)
                if parent is None:
                    return False
                if not parent.is_recording():  # type: ignore[attr-defined]  # only spans are there
                    # It may still be sampled: the span of another process, not continued in this one.
                    flags = parent.get_span_context().trace_flags  # type: ignore[attr-defined]  # see above
                    return None if flags & _SAMPLED else False
            span = live.tracer.start_span(self._name, attributes=self._attributes)
            return OwnSpan(span, current=current)
        except Exception:  # ours, and not the caller's business
            internal_error("decorators.span")
            return None


def record(recorder: Recorder, value: float, under: Under) -> None:
    """Record a value, with the exemplar that fits."""
    if under is None:
        recorder.record(value)
    elif under is False:
        recorder.record_unsampled(value)
    else:
        recorder.record_under(value, under)
