"""Spans of decorated calls."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, final

from opentelemetry import context, trace
from opentelemetry.trace import Span, Status, StatusCode

from signalscope.recording import internal_error
from signalscope.recording._exemplars import SPAN_KEY
from signalscope.recording._state import live

#: "auto": a child span if the current span is recording. "always": a root span too. "never": without spans.
SpanMode = Literal["auto", "always", "never"]
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
        """End the span, with the exception that ended the call, if any; never raises."""
        try:
            if self._token is not None:
                context.detach(self._token)
            if error is not None and not isinstance(error, GeneratorExit):
                self.span.set_status(Status(StatusCode.ERROR, _description(error)))
                self.span.record_exception(error)
        except Exception:  # OpenTelemetry failed, or the `__str__` of the exception
            internal_error("decorators.span")
        finally:
            self.span.end()


def _description(error: BaseException) -> str:
    name = type(error).__name__
    try:
        return f"{name}: {error}"
    except Exception:  # its `__str__` failed
        return name


class SpanMaker:
    """Starts the spans of one decorated callable.

    Args:
        name: The spans' name.
        mode: When to start a span.
        attributes: The attributes that are the same on every call.

    Attributes:
        always: True if every call gets a span, False if only calls inside a recording span do.
    """

    __slots__ = ("_attributes", "_name", "always")

    def __init__(self, name: str, mode: SpanMode, attributes: Mapping[str, str]) -> None:
        self._name = name
        self.always = mode == "always"
        self._attributes = dict(attributes)

    def __reduce__(self) -> tuple[object, ...]:  # for the protocols 0 and 1 of pickle
        return type(self), (self._name, "always" if self.always else "auto", self._attributes)

    def begin(self, here: context.Context, *, current: bool = True) -> OwnSpan | Literal[False] | None:
        """Start a span if the mode requires it; never raises.

        Args:
            here: The current context.
            current: True to make it the current span.

        Returns:
            The span. Without one: False if no sampled span is current, None if the current span may be sampled.
        """
        try:
            if not self.always:
                parent = here.get(SPAN_KEY)
                if parent is None:
                    return False
                if not parent.is_recording():  # type: ignore[attr-defined]  # the key holds only spans
                    # A span of another process does not record in this one, but may be sampled.
                    flags = parent.get_span_context().trace_flags  # type: ignore[attr-defined]  # see above
                    return None if flags & _SAMPLED else False
            span = live.tracer.start_span(self._name, attributes=self._attributes)
            return OwnSpan(span, current=current)
        except Exception:  # an error of the measurement must not reach the caller
            internal_error("decorators.span")
            return None
