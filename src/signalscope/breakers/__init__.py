"""Circuit breakers of your own, and of libraries that are not instrumented.

The breakers of pybreaker, aiobreaker, purgatory and circuitbreaker are measured by their instrumentors, under the
launcher without any code. `watch_breaker` is for all others: it reads the state of a breaker at each collection.
A program that guards the calls itself reports them with `BreakerMonitor`.
"""

from signalscope.breakers._monitor import BreakerMonitor
from signalscope.breakers._watch import CountingBreaker, ReadableBreaker, watch_breaker

__all__ = ["BreakerMonitor", "CountingBreaker", "ReadableBreaker", "watch_breaker"]
