"""Decide which measurements become exemplars, as the SDK's three exemplar filters do.

The SDK's filters look the span up through three layers of calls; on this path the same question costs one
read of the current context when there is none, and one dictionary access more when there is.
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
    """One measurement with its trace, kept as an example of its bucket."""

    value: float
    time_unix_nano: int
    trace_id: int | None
    span_id: int | None


#: The key under which a context holds its span, found without naming the API's private constant.
SPAN_KEY: str = next(iter(trace.set_span_in_context(trace.INVALID_SPAN, Context())))


def span_of(context: Context) -> trace.SpanContext | None:
    """The identity of the context's span, whether it is sampled or not; None where there is no span."""
    span = context.get(SPAN_KEY)
    if not isinstance(span, trace.Span) or span is trace.INVALID_SPAN:
        return None
    return span.get_span_context()


def sampled_span() -> trace.SpanContext | None:
    """The identity of the current span when it is sampled, else None."""
    context = get_current()
    if not context:
        return None
    span = context.get(SPAN_KEY)
    if span is None:
        return None
    identity: trace.SpanContext = span.get_span_context()  # type: ignore[attr-defined]  # only spans are stored
    return identity if identity.trace_flags & trace.TraceFlags.SAMPLED else None
