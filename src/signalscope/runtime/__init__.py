"""The Python process itself: how late its event loops are, how busy its thread pools, how long its collections take.

The middleware, the health checks, `signalscope.configure` and the launcher start what they can. Other programs call
`watch_event_loop` in each event loop, and `observe_executor` for each thread pool.
"""

from __future__ import annotations

from signalscope.runtime import _collections
from signalscope.runtime._executors import observe_executor, observe_executors
from signalscope.runtime._loops import lateness, use_limiter, watch_event_loop

__all__ = ["lateness", "observe_executor", "start", "use_limiter", "watch_event_loop"]


def start() -> None:
    """Measure garbage collections and the thread pools of watched event loops from now on; once in a process.

    Examples:
        >>> from signalscope import runtime
        >>> runtime.start()
    """
    _collections.start()
    observe_executors()
