"""Metrics of circuit breakers that no instrumentor measures.

The launcher measures the breakers of pybreaker, aiobreaker, purgatory and circuitbreaker without any code. For other
breakers there are two ways:

* `watch_breaker` reads the state of an existing breaker object at each collection of metrics.
* `BreakerMonitor` is for a program with its own breaker logic: the program reports each call and state change.
"""

from signalscope.breakers._monitor import BreakerMonitor
from signalscope.breakers._watch import CountingBreaker, ReadableBreaker, watch_breaker

__all__ = ["BreakerMonitor", "CountingBreaker", "ReadableBreaker", "watch_breaker"]
