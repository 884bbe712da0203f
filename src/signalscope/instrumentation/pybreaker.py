"""pybreaker: every `CircuitBreaker`, as a decorator, with `call`, `calling`, generators and Tornado coroutines."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from types import CodeType, ModuleType
from typing import Any

from signalscope.breakers._model import BREAKER_METRICS
from signalscope.instrumentation._base._counting_breakers import CountingBreakerInstrumentor
from signalscope.instrumentation._base._instrumentor import Hook
from signalscope.instrumentation._base._library import Library

__all__ = ["PybreakerInstrumentor"]


class PybreakerInstrumentor(CountingBreakerInstrumentor):
    """Measures the breakers of pybreaker."""

    library = Library(
        name="pybreaker",
        title="pybreaker",
        kind="breaker",
        supports=("pybreaker >= 1.0, < 2",),
        tested=("1.0.2", "1.4.1"),
        measures=BREAKER_METRICS,
        spans="None.",
        unit=(
            "A call that an open breaker turns away is `rejected`; the call that trips it is a `failure`, "
            "though both raise `CircuitBreakerError`. A call that raises an excluded exception is a "
            "`success`, as for pybreaker. A generator is a call that ends with its last item."
        ),
        not_measured=("With Redis as storage: state changes of other processes, before the next call here.",),
        notes=(
            "pybreaker turns half open at the first call after `reset_timeout`, and is shown as open until then.",
        ),
    )

    packages = ("pybreaker", "tornado")

    def hooks(self) -> Mapping[str, Hook]:
        """The one module."""
        return {"pybreaker": self._patch}

    def _patch(self, module: ModuleType) -> None:
        self._patch_breaker(module.CircuitBreaker)
        self._patch_states(module.CircuitBreakerState, module)

    @staticmethod
    def state_of(state: Any) -> str:
        """Return the library's name of the state, with an underscore."""
        return str(state.name).replace("-", "_")

    @staticmethod
    def is_rejection(error: Exception, before_call: CodeType | None) -> bool:
        """Tell it from an exception of the call, which the open state makes itself when it turns half open."""
        frames = [frame.f_code for frame, _ in traceback.walk_tb(error.__traceback__)]
        return frames[-1] is before_call and frames.count(before_call) == 1
