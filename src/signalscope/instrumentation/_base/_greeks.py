"""Constants of the integrations of Greeks libraries."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["GREEKS", "METRICS", "SPANS"]

#: The calculation type by the name of the function or method.
GREEKS: Mapping[str, str] = {name: name for name in ("delta", "gamma", "theta", "vega", "rho")}
#: The metrics that every Greeks library records.
METRICS = (
    "signal_service.greeks.calculation",
    "signal_service.greeks.options",
    "signal_service.greeks.invalid_results",
    "signal_service.greeks.batch_options",
)
SPANS = "A child span of each calculation when the current span is recording, named as the function is."
