"""pybreaker: every `CircuitBreaker`, as a decorator, with `call`, `calling`, generators and Tornado coroutines."""

from __future__ import annotations

import functools
import traceback
from types import CodeType, ModuleType
from typing import Any

from signalscope.instrumentation._base._breakers import SHARED_STORAGE, BreakerInstrumentor, breaker_library
from signalscope.instrumentation._base._instrumentor import Method, on_import

__all__ = ["PybreakerInstrumentor"]

#: For `Library.unit`; aiobreaker is a fork of pybreaker.
UNIT = (
    "A call that an open breaker refuses is `rejected`; the call that opens the breaker is a `failure`. Both raise "
    "`CircuitBreakerError`. A call that raises an excluded exception is a `success`, as in"
)


class PybreakerInstrumentor(BreakerInstrumentor):
    """Instrumentor for the breakers of pybreaker, which makes a new state object for each transition.

    Example:
        >>> PybreakerInstrumentor().instrument()
        >>> PybreakerInstrumentor().uninstrument()
    """

    library = breaker_library(
        name="pybreaker",
        supports=("pybreaker >= 1.0, < 2",),
        tested=("1.0.2", "1.4.1"),
        unit=f"{UNIT} pybreaker. The call of a generator ends with its last item.",
        not_measured=(SHARED_STORAGE,),
        notes=(
            "A breaker turns half open at the first call after `reset_timeout`; until then its state is `open`.",
        ),
    )

    callers = ("tornado",)

    @on_import("pybreaker")
    def _patch(self, module: ModuleType) -> None:
        self._patch_breaker(module)
        self._patch_states(module, module.CircuitBreakerState)

    def state_now(self, breaker: Any) -> str:
        """Return the state of the breaker's state object, without a request to its storage."""
        return self.state_of(breaker._state)

    @staticmethod
    def state_of(state: Any) -> str:
        """Return the library's name of the state, with an underscore."""
        return str(state.name).replace("-", "_")

    @staticmethod
    def is_rejection(error: Exception, before_call: CodeType | None) -> bool:
        """Return False if the call itself raised: `before_call` makes the call when the breaker turns half open."""
        frames = [frame.f_code for frame, _ in traceback.walk_tb(error.__traceback__)]
        return frames[-1] is before_call and frames.count(before_call) == 1

    def _patch_breaker(self, module: ModuleType) -> None:
        self.on_created(module.CircuitBreaker, self.created)
        self.intercept(module.CircuitBreaker, "_create_new_state", self._create_new_state)
        self.intercept(module.CircuitBreaker, "_inc_counter", self._inc_counter)

    def _patch_states(self, module: ModuleType, base: type) -> None:
        self.intercept(base, "_handle_success", self._handle_success)
        before_call = functools.partial(self._before_call, module.CircuitBreakerError)
        self.intercept(module.CircuitOpenState, "before_call", before_call)

    def _create_new_state(self, original: Method, breaker: Any, /, *args: Any, **kwargs: Any) -> Any:
        state = original(breaker, *args, **kwargs)
        if "_state" in vars(breaker):  # else the constructor of the breaker is running
            self.safely(lambda: self.model_of(breaker).enter(self.state_of(state)))
        return state

    def _inc_counter(self, original: Method, breaker: Any) -> Any:
        self.fail(breaker)
        return original(breaker)

    def _handle_success(self, original: Method, state: Any) -> Any:
        self.count(state._breaker, "success")
        return original(state)

    def _before_call(
        self, rejection: type[Exception], original: Method, state: Any, /, *args: Any, **kwargs: Any
    ) -> Any:
        try:
            return original(state, *args, **kwargs)
        except rejection as error:
            if self.is_rejection(error, getattr(original, "__code__", None)):
                self.count(state._breaker, "rejected")
            raise
