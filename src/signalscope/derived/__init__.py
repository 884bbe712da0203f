"""Where the monitoring API's numbers come from: Prometheus, or this process' own windows."""

from signalscope.derived._prometheus import PrometheusError
from signalscope.derived._read import Fact, Facts, SourceName, facts, history

__all__ = ["Fact", "Facts", "PrometheusError", "SourceName", "facts", "history"]
