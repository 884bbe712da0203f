"""What pybreaker, and aiobreaker, which was made from it, share: where they count, and where states change."""

from __future__ import annotations

import functools
from abc import abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar

from signalscope.instrumentation._base import LibraryInstrumentor
from signalscope.instrumentation._breakers import Breakers
from signalscope.instrumentation._places import made_here
from signalscope.instrumentation._quiet import left_alone
from signalscope.recording import internal_error

__all__ = ["CountingBreakerInstrumentor", "Method", "Undone"]

Undone = Callable[[], bool]
Method = Callable[..., Any]


class CountingBreakerInstrumentor(LibraryInstrumentor):
    """Measures breakers that count failures and make a new state object for each change.

    Attributes:
        packages: Whose frames are no place where a program makes a breaker.
        breakers: The ones that were seen.
    """

    packages: ClassVar[tuple[str, ...]]
    breakers: Breakers

    def __init__(self) -> None:
        super().__init__()
        if not hasattr(self, "breakers"):
            self.breakers = Breakers(
                lambda breaker: self.state_of(breaker._state), lambda breaker: breaker._name, *self.packages
            )

    @staticmethod
    @abstractmethod
    def state_of(state: Any) -> str:
        """What the contract calls a state object of the library."""

    def begin(self) -> None:
        """Report states."""
        self.breakers.begin()

    def end(self) -> None:
        """Forget the breakers."""
        self.breakers.end()

    def _init(self, original: Method, undone: Undone) -> Method:
        @functools.wraps(original)
        def init(breaker: Any, *args: Any, **kwargs: Any) -> None:
            original(breaker, *args, **kwargs)
            if not undone():
                try:
                    self.breakers.of(breaker, made_here(breaker, self.breakers.library))
                except Exception:  # ours, and not the caller's business
                    internal_error(f"instrumentation.{self.library.name}")

        return init

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
