"""What pybreaker, and aiobreaker, which was made from it, share: where they count, and where states change."""

from __future__ import annotations

import functools
from abc import abstractmethod
from typing import Any

from signalscope.instrumentation._base._breakers import BreakerInstrumentor
from signalscope.instrumentation._base._instrumentor import Method, Undone
from signalscope.instrumentation._base._suppression import left_alone
from signalscope.recording import internal_error

__all__ = ["CountingBreakerInstrumentor"]


class CountingBreakerInstrumentor(BreakerInstrumentor):
    """Measures breakers that count failures and make a new state object for each change."""

    def state_now(self, breaker: Any) -> str:
        """Of its state object: a storage need not be asked."""
        return self.state_of(breaker._state)

    @staticmethod
    @abstractmethod
    def state_of(state: Any) -> str:
        """What the contract calls a state object of the library."""

    def _created(self, original: Method, undone: Undone) -> Method:
        @functools.wraps(original)
        def create(breaker: Any, *args: Any, **kwargs: Any) -> Any:
            state = original(breaker, *args, **kwargs)
            if "_state" in vars(breaker) and not left_alone(undone):  # else it is being made
                try:
                    self.breakers.of(breaker).turned(self.state_of(state))
                except Exception:  # ours, and not the caller's business
                    internal_error(f"instrumentation.{self.library.name}")
            return state

        return create

    def _failed(self, original: Method, undone: Undone) -> Method:
        @functools.wraps(original)
        def failed(breaker: Any) -> Any:
            if not left_alone(undone):
                self.breakers.of(breaker).call("failure")
            return original(breaker)

        return failed

    def _succeeded(self, original: Method, undone: Undone) -> Method:
        @functools.wraps(original)
        def succeeded(state: Any) -> Any:
            if not left_alone(undone):
                self.breakers.of(state._breaker).call("success")
            return original(state)

        return succeeded
