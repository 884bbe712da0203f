"""pybreaker: every `CircuitBreaker`, as a decorator, with `call`, `calling`, generators and Tornado coroutines."""

from __future__ import annotations

import traceback
from types import CodeType, ModuleType
from typing import Any

from signalscope.instrumentation._base._breakers import SHARED_STORAGE, breaker_library
from signalscope.instrumentation._base._counting_breakers import UNIT, CountingBreakerInstrumentor
from signalscope.instrumentation._base._instrumentor import on_import

__all__ = ["PybreakerInstrumentor"]


class PybreakerInstrumentor(CountingBreakerInstrumentor):
    """Measures the breakers of pybreaker."""

    library = breaker_library(
        name="pybreaker",
        title="pybreaker",
        supports=("pybreaker >= 1.0, < 2",),
        tested=("1.0.2", "1.4.1"),
        unit=f"{UNIT} pybreaker. A generator is a call that ends with its last item.",
        not_measured=(SHARED_STORAGE,),
        notes=(
            "pybreaker turns half open at the first call after `reset_timeout`, and is shown as open until then.",
        ),
    )

    packages = ("pybreaker", "tornado")

    @on_import("pybreaker")
    def _patch(self, module: ModuleType) -> None:
        self._patch_breaker(module.CircuitBreaker)
        self._patch_states(module.CircuitBreakerState, module)

    @staticmethod
    def state_of(state: Any) -> str:
        """Return the library's name of the state, with an underscore."""
        return str(state.name).replace("-", "_")

    @staticmethod
    def is_rejection(error: Exception, before_call: CodeType | None) -> bool:
        """Return False for an exception of the call, which `before_call` makes itself when it turns half open."""
        frames = [frame.f_code for frame, _ in traceback.walk_tb(error.__traceback__)]
        return frames[-1] is before_call and frames.count(before_call) == 1
