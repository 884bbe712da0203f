"""aiobreaker: every `CircuitBreaker`, as a decorator, with `call` and `call_async`."""

from __future__ import annotations

from types import CodeType, ModuleType
from typing import Any

from signalscope.instrumentation._base._breakers import SHARED_STORAGE, breaker_library
from signalscope.instrumentation._base._instrumentor import on_import
from signalscope.instrumentation.pybreaker import UNIT, PybreakerInstrumentor

__all__ = ["AiobreakerInstrumentor"]


class AiobreakerInstrumentor(PybreakerInstrumentor):
    """Instrumentor for the breakers of aiobreaker.

    Example:
        >>> AiobreakerInstrumentor().instrument()
        >>> AiobreakerInstrumentor().uninstrument()
    """

    library = breaker_library(
        name="aiobreaker",
        supports=("aiobreaker >= 1.1, < 2",),
        tested=("1.1.0", "1.2.0"),
        unit=f"{UNIT} aiobreaker.",
        not_measured=(
            "Calls that are cancelled: aiobreaker does not notice their end.",
            SHARED_STORAGE,
        ),
        notes=(
            "A breaker turns half open at the first call after `timeout_duration`; until then its state is `open`.",
        ),
    )

    @on_import("aiobreaker.circuitbreaker", "aiobreaker.state")
    def _patch(self, module: ModuleType) -> None:
        if module.__name__ == "aiobreaker.state":
            self._patch_states(module, module.CircuitBreakerBaseState)
        else:
            self._patch_breaker(module)

    @staticmethod
    def state_of(state: Any) -> str:
        """Return the library's name of the state in lower case."""
        return str(state.state.name).lower()

    @staticmethod
    def is_rejection(error: Exception, before_call: CodeType | None) -> bool:
        """Return True: aiobreaker makes no call in `before_call`."""
        return True
