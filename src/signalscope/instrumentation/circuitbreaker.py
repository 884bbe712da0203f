"""circuitbreaker: functions decorated with `circuit` or a `CircuitBreaker`, generators and coroutines included."""

from __future__ import annotations

import functools
import sys
from collections.abc import Mapping
from types import ModuleType
from typing import Any

from signalscope.breakers._recorder import BREAKER_METRICS
from signalscope.instrumentation._base._breakers import BreakerInstrumentor
from signalscope.instrumentation._base._instrumentor import Hook, Method, Undone
from signalscope.instrumentation._base._library import Library
from signalscope.instrumentation._base._suppression import left_alone
from signalscope.recording import internal_error

__all__ = ["CircuitbreakerInstrumentor"]


class CircuitbreakerInstrumentor(BreakerInstrumentor):
    """Measures the breakers of circuitbreaker."""

    library = Library(
        name="circuitbreaker",
        title="circuitbreaker",
        kind="breaker",
        supports=("circuitbreaker >= 2.0, < 3",),
        tested=("2.0.0", "2.1.3"),
        measures=BREAKER_METRICS,
        spans="None.",
        unit=(
            "A call that an open breaker turns away is `rejected`, also when a fallback function answers in its "
            "place; one that raises an expected exception is a `failure`, the tripping one included; any other end, "
            "another exception too, is a `success`, as for circuitbreaker."
        ),
        not_measured=("Rejections under `with breaker:`, which lets every call through.",),
        notes=(
            "`service_name` is the breaker's name, which is the decorated function's when it has none.",
            "The breaker is half open as soon as `recovery_timeout` is over, without a call; so the gauge says.",
        ),
    )

    packages = ("circuitbreaker",)

    def hooks(self) -> Mapping[str, Hook]:
        """The one module."""
        return {"circuitbreaker": self._patch}

    def state_now(self, breaker: Any) -> str:
        """The library's words are the contract's."""
        state: str = breaker.state
        return state

    def _patch(self, module: ModuleType) -> None:
        self.replace(module.CircuitBreaker, "__init__", self._init)
        self.replace(module.CircuitBreaker, "__exit__", self._exit)
        self.replace(module.CircuitBreaker, "opened", self._opened)

    def _exit(self, original: Method, undone: Undone) -> Method:
        @functools.wraps(original)
        def leave(breaker: Any, kind: Any, error: Any, traceback: Any) -> Any:
            value = original(breaker, kind, error, traceback)
            if not left_alone(undone):
                try:
                    found = self.breakers.of(breaker)
                    failed = kind is not None and breaker._last_failure is error
                    found.call("failure" if failed else "success")
                    found.look()
                except Exception:  # ours, and not the caller's business
                    internal_error("instrumentation.circuitbreaker")
            return value

        return leave

    def _opened(self, original: property, undone: Undone) -> property:
        """Asked before each call of a decorated function, by the function that circuitbreaker puts in its place."""
        ask = original.fget
        if ask is None:
            return original

        @functools.wraps(ask)
        def opened(breaker: Any) -> Any:
            value = ask(breaker)
            caller = sys._getframe(1)
            if _is_of_a_call(caller.f_code.co_name, caller.f_globals) and not left_alone(undone):
                try:
                    found = self.breakers.of(breaker)
                    found.look()
                    if value:
                        found.call("rejected")
                except Exception:  # ours, and not the caller's business
                    internal_error("instrumentation.circuitbreaker")
            return value

        return property(opened, original.fset, original.fdel, original.__doc__)


def _is_of_a_call(function: str, namespace: Mapping[str, Any]) -> bool:
    return function.endswith("wrapper") and namespace.get("__name__") == "circuitbreaker"
