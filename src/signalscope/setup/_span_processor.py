"""What spans of other instrumentors are told: whom the work is for, and which external service is called."""

from __future__ import annotations

from opentelemetry.context import Context
from opentelemetry.sdk.trace import Span, SpanProcessor
from opentelemetry.trace import SpanKind

from signalscope.instrumentation._base._services import service_at
from signalscope.recording import internal_error
from signalscope.users._context import TIER_ATTRIBUTE, UNKNOWN, current_tier

__all__ = ["Enricher"]

_PEER = "peer.service"


class Enricher(SpanProcessor):
    """Puts ``user_tier`` on spans begun inside `user_context`, and ``peer.service`` on calls of known services.

    Services are those of SIGNALSCOPE_SERVICES. Only recording spans cost anything.
    """

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Tell a span that has begun; never raises."""
        try:
            tier = current_tier()
            if tier != UNKNOWN:
                span.set_attribute(TIER_ATTRIBUTE, tier)
            if span.kind is SpanKind.CLIENT:
                service = service_at(_url(span))
                if service is not None and _PEER not in (span.attributes or {}):
                    span.set_attribute(_PEER, service.name)
        except Exception:  # ours, and not the caller's business
            internal_error("enrich")


def _url(span: Span) -> str:
    """The URL that a client's span is about, as today's and the former conventions write it."""
    attributes = span.attributes or {}
    found = attributes.get("url.full") or attributes.get("http.url")
    if not found:
        host = attributes.get("server.address") or attributes.get("net.peer.name") or ""
        port = attributes.get("server.port") or attributes.get("net.peer.port") or ""
        found = f"//{host}:{port}" if port else f"//{host}"
    return str(found)
