"""aiobreaker: every `CircuitBreaker`, as a decorator, with `call` and `call_async`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from signalscope.instrumentation._base._breakers import SHARED_STORAGE, breaker_library
from signalscope.instrumentation._base._counting_breakers import UNIT, CountingBreakerInstrumentor
from signalscope.instrumentation._base._import_hooks import Hook

__all__ = ["AiobreakerInstrumentor"]


class AiobreakerInstrumentor(CountingBreakerInstrumentor):
    """Measures the breakers of aiobreaker."""

    library = breaker_library(
        name="aiobreaker",
        title="aiobreaker",
        supports=("aiobreaker >= 1.1, < 2",),
        tested=("1.1.0", "1.2.0"),
        unit=f"{UNIT} aiobreaker.",
        not_measured=(
            "Calls that are cancelled: aiobreaker does not see how they end.",
            SHARED_STORAGE,
        ),
        notes=(
            "aiobreaker turns half open at the first call after `timeout_duration`, and is shown as open until then.",
        ),
    )

    packages = ("aiobreaker",)

    def hooks(self) -> Mapping[str, Hook]:
        """Return the hooks of the modules of breakers and of their states."""
        return {
            "aiobreaker.circuitbreaker": lambda module: self._patch_breaker(module.CircuitBreaker),
            "aiobreaker.state": lambda module: self._patch_states(module.CircuitBreakerBaseState, module),
        }

    @staticmethod
    def state_of(state: Any) -> str:
        """Return the library's name of the state in lower case."""
        return str(state.state.name).lower()
