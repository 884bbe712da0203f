"""The base of the instrumentors of pybreaker, and of aiobreaker, which was made from it."""

from __future__ import annotations

import functools
from abc import abstractmethod
from types import CodeType, ModuleType
from typing import Any

from signalscope.instrumentation._base._breakers import BreakerInstrumentor
from signalscope.instrumentation._base._instrumentor import Method

#: For `Library.unit`.
UNIT = (
    "A call that an open breaker turns away is `rejected`; the call that trips it is a `failure`, though both raise "
    "`CircuitBreakerError`. A call that raises an excluded exception is a `success`, as for"
)


class CountingBreakerInstrumentor(BreakerInstrumentor):
    """Measures breakers that count failures and make a new state object for each transition."""

    def state_now(self, breaker: Any) -> str:
        """Read the breaker's state object, which asks no storage."""
        return self.state_of(breaker._state)

    @staticmethod
    @abstractmethod
    def state_of(state: Any) -> str:
        """Return the state of a state object of the library, in the contract's terms."""

    @staticmethod
    def is_rejection(error: Exception, before_call: CodeType | None) -> bool:
        """Return True if an open breaker has rejected the call with this exception.

        Args:
            error: The exception of the library that left `before_call` of the open state.
            before_call: The code of that method.
        """
        return True

    def _patch_breaker(self, breaker: type) -> None:
        self.on_created(breaker, self.created)
        self.intercept(breaker, "_create_new_state", self._create_new_state)
        self.intercept(breaker, "_inc_counter", self._inc_counter)

    def _patch_states(self, base: type, module: ModuleType) -> None:
        self.intercept(base, "_handle_success", self._handle_success)
        before_call = functools.partial(self._before_call, module.CircuitBreakerError)
        self.intercept(module.CircuitOpenState, "before_call", before_call)

    def _create_new_state(self, original: Method, breaker: Any, /, *args: Any, **kwargs: Any) -> Any:
        state = original(breaker, *args, **kwargs)
        if "_state" in vars(breaker):  # else its constructor runs
            self.safely(lambda: self.model_of(breaker).enter(self.state_of(state)))
        return state

    def _inc_counter(self, original: Method, breaker: Any) -> Any:
        self.count(breaker, "failure")
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
