"""Limits of what a client may send to the Collector."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from signalscope import contract
from signalscope.config._section import Section

__all__ = ["Limits"]

Number = Annotated[int, Field(ge=1, le=1_000_000_000, strict=True)]


class Limits(Section):
    """Limits of what a client may send to the Collector, which refuses or cuts the rest and counts it.

    The contract's own metrics must fit, so a limit that one of them exceeds is an error.

    Attributes:
        body_mib: Size of a body after decompression, in MiB.
        nesting: Lists and maps within each other in an attribute value.
        messages: Messages of any kind in a body. An empty message has two bytes, and a hundred in memory.
        in_flight_mib: Memory for bodies that are processed at the same time, in MiB; others wait.
        wait_seconds: How long a body waits for that memory before its sender must retry, in seconds.
        attributes: Attributes of a point, span, event, link or resource.
        name_bytes: Length of the name of a metric, attribute, span, service or instance.
        value_bytes: Length of the value of an attribute of a point or resource.
        description_bytes: Length of the description of a metric.
        unit_bytes: Length of a unit.
        span_text_bytes: Length of a text of a span: attribute values, status message. Stack traces are long.
        span_items: Events of a span, and links of a span.
        buckets: Buckets of a histogram, and quantiles of a summary.
        exemplars: Exemplars of a point.
        skew_seconds: Difference between the time of a point and that of the Collector, which then sets its own.
        series: Series of a service that Prometheus scrapes; each bucket of a histogram is one.
        total_series: Series of all services together.
        span_kinds: Names, kinds and statuses of spans of a service, in each process; others have the name `other`.
        total_span_kinds: The same, of all services together.

    Examples:
        >>> from signalscope.config import Limits
        >>> Limits().attributes
        64
    """

    body_mib: Number = 4
    nesting: Annotated[int, Field(ge=1, le=1_000, strict=True)] = 32
    messages: Number = 400_000
    in_flight_mib: Number = 128
    wait_seconds: Annotated[int, Field(ge=1, le=60, strict=True)] = 2
    attributes: Number = 64
    name_bytes: Number = 255
    value_bytes: Annotated[int, Field(ge=255, le=1 << 20, strict=True)] = 1_024
    description_bytes: Number = 512
    unit_bytes: Annotated[int, Field(ge=16, le=255, strict=True)] = 63
    span_text_bytes: Annotated[int, Field(ge=255, le=1 << 20, strict=True)] = 8_192
    span_items: Number = 128
    buckets: Number = 256
    exemplars: Number = 64
    skew_seconds: Annotated[int, Field(ge=5, le=86_400, strict=True)] = 120
    series: Number = 100_000
    total_series: Number = 150_000
    span_kinds: Number = 5_000
    total_span_kinds: Number = 10_000

    @model_validator(mode="after")
    def _fits(self) -> Self:
        """Check that the contract's metrics pass, and that a service cannot have more than there is."""
        most = {"attributes": 0, "name_bytes": 0, "description_bytes": 0, "buckets": 0, "series": 0}
        for instrument in contract.instruments():
            buckets = len(instrument.buckets or ())
            needs = {
                "attributes": len(instrument.attributes),
                "name_bytes": len(instrument.name),
                "description_bytes": len(instrument.description.encode()),
                "buckets": buckets,
                "series": buckets + 3,
            }
            most = {key: max(most[key], needs[key]) for key in most}
        for key, needed in most.items():
            if getattr(self, key) < needed:
                raise ValueError(
                    f"{key} is too small for the metrics of the contract; use at least {needed} [SS115]"
                )
        if self.series > self.total_series:
            raise ValueError("series must not be above total_series [SS111]")
        if self.span_kinds > self.total_span_kinds:
            raise ValueError("span_kinds must not be above total_span_kinds [SS111]")
        if self.body_mib > self.in_flight_mib:
            raise ValueError("body_mib must not be above in_flight_mib [SS111]")
        return self
