"""Attributes for the spans of all instrumentors: the user's tier, and the called external service."""

from __future__ import annotations

from opentelemetry.context import Context
from opentelemetry.sdk.trace import Span, SpanProcessor
from opentelemetry.trace import SpanKind

from signalscope.instrumentation._base._services import service_at
from signalscope.recording import internal_error
from signalscope.users._context import TIER_ATTRIBUTE, UNKNOWN, current_tier

_PEER = "peer.service"


class Enricher(SpanProcessor):
    """Sets ``user_tier`` on spans inside `user_context`, and ``peer.service`` on calls of known services.

    SIGNALSCOPE_SERVICES lists the known services. Spans that do not record are not slowed down.
    """

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Set the attributes of a span that has started; never raises."""
        try:
            tier = current_tier()
            if tier != UNKNOWN:
                span.set_attribute(TIER_ATTRIBUTE, tier)
            if span.kind is SpanKind.CLIENT:
                service = service_at(_url(span))
                if service is not None and _PEER not in (span.attributes or {}):
                    span.set_attribute(_PEER, service.name)
        except Exception:  # an error of the measurement must not reach the caller
            internal_error("enrich")


def _url(span: Span) -> str:
    """Return the URL of a client span, from the attributes of the current or the former semantic conventions."""
    attributes = span.attributes or {}
    url = attributes.get("url.full") or attributes.get("http.url")
    if not url:
        host = attributes.get("server.address") or attributes.get("net.peer.name") or ""
        port = attributes.get("server.port") or attributes.get("net.peer.port") or ""
        url = f"//{host}:{port}" if port else f"//{host}"
    return str(url)
