"""circuitbreaker: functions decorated with `circuit` or a `CircuitBreaker`, also generators and coroutines."""

from __future__ import annotations

import functools
import sys
from types import ModuleType
from typing import Any

from signalscope.instrumentation._base._breakers import BreakerInstrumentor, breaker_library
from signalscope.instrumentation._base._instrumentor import Method, on_import
from signalscope.instrumentation._base._suppression import IsUndone, is_suppressed

__all__ = ["CircuitbreakerInstrumentor"]


class CircuitbreakerInstrumentor(BreakerInstrumentor):
    """Instrumentor for the breakers of circuitbreaker.

    Example:
        >>> CircuitbreakerInstrumentor().instrument()
        >>> CircuitbreakerInstrumentor().uninstrument()
    """

    library = breaker_library(
        name="circuitbreaker",
        supports=("circuitbreaker >= 2.0, < 3",),
        tested=("2.0.0", "2.1.3"),
        unit=(
            "A call that an open breaker refuses is `rejected`, also if a fallback function answers. A call that "
            "raises an expected exception is a `failure`, also the call that opens the breaker. All other calls, "
            "also those with another exception, are a `success`, as in circuitbreaker."
        ),
        not_measured=("Rejections in `with breaker:`, which refuses no call.",),
        notes=(
            "`service_name` is the breaker's name, else the name of the decorated function.",
            "The breaker and the gauge are half open as soon as `recovery_timeout` is over, also without a call.",
        ),
    )

    def state_now(self, breaker: Any) -> str:
        """Return the library's state: the contract uses the same names."""
        return str(breaker.state)

    @on_import("circuitbreaker")
    def _patch(self, module: ModuleType) -> None:
        self.on_created(module.CircuitBreaker, self.created)
        self.intercept(module.CircuitBreaker, "__exit__", self._exit)
        self.replace(module.CircuitBreaker, "opened", self._opened)

    def _exit(self, original: Method, breaker: Any, kind: Any, error: Any, traceback: Any) -> Any:
        value = original(breaker, kind, error, traceback)
        has_failed = kind is not None and breaker._last_failure is error
        if has_failed:
            self.fail(breaker, error)
        else:
            self.count(breaker, "success")
        self.safely(lambda: self.model_of(breaker).refresh())
        return value

    def _opened(self, original: property, is_undone: IsUndone) -> property:
        """Patch the property that the wrapper of a decorated function reads before each call."""
        read = original.fget
        if read is None:
            return original

        @functools.wraps(read)
        def opened(breaker: Any) -> Any:
            value = read(breaker)
            caller = sys._getframe(1)
            is_library = caller.f_globals.get("__name__") == "circuitbreaker"
            # The program may read the property too: that is not a call.
            is_call = is_library and caller.f_code.co_name.endswith("wrapper")
            if is_call and not is_suppressed(is_undone):
                self.safely(lambda: self.model_of(breaker).refresh())
                if value:
                    self.count(breaker, "rejected")
            return value

        return property(opened, original.fset, original.fdel, original.__doc__)
