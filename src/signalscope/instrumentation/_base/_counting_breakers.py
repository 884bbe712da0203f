"""The base of the instrumentors of pybreaker, and of aiobreaker, which was made from it."""

from __future__ import annotations

import functools
from abc import abstractmethod
from types import CodeType, ModuleType
from typing import Any

from signalscope.instrumentation._base._breakers import BreakerInstrumentor
from signalscope.instrumentation._base._instrumentor import IsUndone, Method
from signalscope.instrumentation._base._suppression import is_suppressed

__all__ = ["UNIT", "CountingBreakerInstrumentor"]

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
        self.replace(breaker, "_create_new_state", self._create_new_state)
        self.replace(breaker, "_inc_counter", self._inc_counter)

    def _patch_states(self, base: type, module: ModuleType) -> None:
        self.replace(base, "_handle_success", self._handle_success)
        self.replace(
            module.CircuitOpenState,
            "before_call",
            functools.partial(self._before_call, rejection=module.CircuitBreakerError),
        )

    def _create_new_state(self, original: Method, is_undone: IsUndone) -> Method:
        @functools.wraps(original)
        def create(breaker: Any, *args: Any, **kwargs: Any) -> Any:
            state = original(breaker, *args, **kwargs)
            if "_state" in vars(breaker) and not is_suppressed(is_undone):  # else its constructor runs
                self.safely(lambda: self.model_of(breaker).enter(self.state_of(state)))
            return state

        return create

    def _inc_counter(self, original: Method, is_undone: IsUndone) -> Method:
        @functools.wraps(original)
        def fail(breaker: Any) -> Any:
            if not is_suppressed(is_undone):
                self._count(breaker, "failure")
            return original(breaker)

        return fail

    def _handle_success(self, original: Method, is_undone: IsUndone) -> Method:
        @functools.wraps(original)
        def succeed(state: Any) -> Any:
            if not is_suppressed(is_undone):
                self._count(state._breaker, "success")
            return original(state)

        return succeed

    def _before_call(self, original: Method, is_undone: IsUndone, *, rejection: type[Exception]) -> Method:
        code = getattr(original, "__code__", None)

        @functools.wraps(original)
        def before_call(state: Any, *args: Any, **kwargs: Any) -> Any:
            if is_suppressed(is_undone):
                return original(state, *args, **kwargs)
            try:
                return original(state, *args, **kwargs)
            except rejection as error:
                if self.is_rejection(error, code):
                    self._count(state._breaker, "rejected")
                raise

        return before_call

    def _count(self, breaker: Any, outcome: str) -> None:
        self.safely(lambda: self.model_of(breaker).count(outcome))
