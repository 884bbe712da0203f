"""Limits of the Collector: the second file of its configuration."""

from __future__ import annotations

from typing import Any

from signalscope import contract
from signalscope.config import Config
from signalscope.contract import Kind

__all__ = ["limits"]

#: The type of a metric on the Collector's page for Prometheus.
_TYPES = {Kind.COUNTER: "counter", Kind.HISTOGRAM: "histogram"}
#: Metrics that the Collector makes from spans (collector/config.yaml).
_SPAN_METRICS = {
    "traces_span_metrics_calls_total": "counter",
    "traces_span_metrics_duration_seconds": "histogram",
}


def limits(config: Config) -> dict[str, Any]:
    """Return the content of limits.yaml.

    Names of the contract are reserved for their type: no client can take them with another one.

    Example:
        >>> from signalscope.config import Config
        >>> limits(Config())["processors"]["item_guard"]["attributes"]
        64
    """
    most = config.limits
    size = most.body_mib
    return {
        "extensions": {
            "body_guard": {
                "nesting": most.nesting,
                "messages": most.messages,
                "in_flight_mib": most.in_flight_mib,
                "wait": f"{most.wait_seconds}s",
            },
            "setting_guard": {"in_flight_mib": most.in_flight_mib},
        },
        "receivers": {
            "otlp": {
                "protocols": {
                    "grpc": {"max_recv_msg_size_mib": size},
                    "http": {"max_request_body_size": size << 20},
                }
            }
        },
        "processors": {
            "item_guard": {
                "attributes": most.attributes,
                "name": most.name_bytes,
                "value": most.value_bytes,
                "span_text": most.span_text_bytes,
                "description": most.description_bytes,
                "unit": most.unit_bytes,
                "buckets": most.buckets,
                "span_items": most.span_items,
                "exemplars": most.exemplars,
                "skew": f"{most.skew_seconds}s",
                "span_kinds": most.span_kinds,
                "total_span_kinds": most.total_span_kinds,
            },
            "page_guard": {
                "series": most.series,
                "total_series": most.total_series,
                "names": {
                    instrument.prometheus_name: _TYPES.get(instrument.kind, "gauge")
                    for instrument in contract.instruments()
                }
                | _SPAN_METRICS,
            },
        },
    }
