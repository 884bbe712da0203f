"""Where the monitoring API's numbers come from: Prometheus, or this process' own windows."""

from signalscope.fastapi.values._facts import Fact, Facts, SourceName, facts, history
from signalscope.fastapi.values._prometheus import PrometheusError

__all__ = ["Fact", "Facts", "PrometheusError", "SourceName", "facts", "history"]
