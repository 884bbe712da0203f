"""What instrumentors share whose library keeps a breaker as an object with a name: seeing each, and its states."""

from __future__ import annotations

import functools
from abc import abstractmethod
from typing import Any, ClassVar

from signalscope.breakers._recorder import Breakers
from signalscope.instrumentation._base._instrumentor import LibraryInstrumentor, Method, Undone
from signalscope.instrumentation._base._places import made_here
from signalscope.recording import internal_error

__all__ = ["BreakerInstrumentor"]


class BreakerInstrumentor(LibraryInstrumentor):
    """Measures breakers that are objects with a name.

    Attributes:
        packages: Whose frames are no place where a program makes a breaker.
        breakers: The ones that were seen.
    """

    packages: ClassVar[tuple[str, ...]]
    breakers: Breakers

    def __init__(self) -> None:
        super().__init__()
        if not hasattr(self, "breakers"):
            self.breakers = Breakers(self.state_now, lambda breaker: breaker._name, *self.packages)

    @abstractmethod
    def state_now(self, breaker: Any) -> str:
        """What the contract calls the state of a breaker, without any input or output."""

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
