"""Attributes that signalscope sets on spans of other instrumentors."""

from __future__ import annotations

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, Tracer

from signalscope import user_context
from signalscope.setup._span_processor import Enricher

Made = tuple[Tracer, InMemorySpanExporter]


@pytest.fixture
def made() -> Made:
    """Return a tracer whose spans get the attributes, and the exporter of the spans."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    provider.add_span_processor(Enricher())
    return provider.get_tracer("others"), exporter


def _attributes(exporter: InMemorySpanExporter) -> dict[str, dict[str, object]]:
    return {span.name: dict(span.attributes or {}) for span in exporter.get_finished_spans()}


def test_spans_have_the_tier(made: Made) -> None:
    """Spans started inside `user_context` get the tier, and so does the span that is current when it is entered."""
    tracer, exporter = made
    start, caller = tracer.start_as_current_span, user_context(tier="enterprise", user="u-1")
    with start("request"), caller, start("query"):
        pass
    with tracer.start_as_current_span("nobody's"):
        pass
    attributes = _attributes(exporter)
    assert attributes["request"] == attributes["query"] == {"user_tier": "enterprise"}
    assert attributes["nobody's"] == {}


@pytest.mark.parametrize(
    ("attributes", "peer"),
    [
        ({"url.full": "http://ticker-service:8000/quote"}, "ticker_service"),
        ({"http.url": "http://ticker-service:8000/quote"}, "ticker_service"),
        ({"server.address": "alert-service.trading", "server.port": 80}, "alert_service"),
        ({"net.peer.name": "comms_service"}, "comms_service"),
        ({"url.full": "http://example.com/"}, None),
        ({"url.full": "http://ticker-service/", "peer.service": "mine"}, "mine"),
        ({}, None),
    ],
)
def test_client_spans_have_the_service(
    made: Made, attributes: dict[str, str | int], peer: str | None
) -> None:
    """The URL is read by current and by former conventions; an existing attribute stays."""
    tracer, exporter = made
    with tracer.start_as_current_span("call", kind=SpanKind.CLIENT, attributes=attributes):
        pass
    assert _attributes(exporter)["call"].get("peer.service") == peer


def test_servers_spans_have_no_peer(made: Made) -> None:
    """A server span does not get `peer.service`, even with the attributes of a client span."""
    tracer, exporter = made
    with tracer.start_as_current_span(
        "serve", kind=SpanKind.SERVER, attributes={"server.address": "a-service"}
    ):
        pass
    assert "peer.service" not in _attributes(exporter)["serve"]
