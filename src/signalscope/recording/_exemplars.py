"""Decide which measurements become exemplars, as the SDK's three exemplar filters do.

The SDK's filters find the span through three layers of calls. Here it costs one read of the current context, and
one dictionary access more if the context is not empty.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from opentelemetry import trace
from opentelemetry.context import Context, get_current


class Filter(StrEnum):
    """The values of ``OTEL_METRICS_EXEMPLAR_FILTER``."""

    ALWAYS_ON = "always_on"
    ALWAYS_OFF = "always_off"
    TRACE_BASED = "trace_based"


class Exemplar(NamedTuple):
    """One measurement with its trace id, exported as an example of its bucket."""

    value: float
    time_unix_nano: int
    trace_id: int | None
    span_id: int | None


#: The key of the span in a context. It is read from a new context, since the API's constant is private.
SPAN_KEY: str = next(iter(trace.set_span_in_context(trace.INVALID_SPAN, Context())))


def span_of(context: Context) -> trace.SpanContext | None:
    """Return the span context of a context's span, sampled or not; None without a span."""
    span = context.get(SPAN_KEY)
    if not isinstance(span, trace.Span) or span is trace.INVALID_SPAN:
        return None
    return span.get_span_context()


def sampled_span() -> trace.SpanContext | None:
    """Return the span context of the current span if it is sampled, otherwise None."""
    context = get_current()
    if not context:
        return None
    span = context.get(SPAN_KEY)
    if span is None:
        return None
    identity: trace.SpanContext = span.get_span_context()  # type: ignore[attr-defined]  # the key holds only spans
    return identity if identity.trace_flags & trace.TraceFlags.SAMPLED else None
