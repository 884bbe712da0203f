"""pybreaker: every `CircuitBreaker`, as a decorator, with `call`, `calling`, generators and Tornado coroutines."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from types import ModuleType, TracebackType
from typing import Any

from signalscope.breakers._recorder import BREAKER_METRICS
from signalscope.instrumentation._base._counting_breakers import CountingBreakerInstrumentor
from signalscope.instrumentation._base._instrumentor import Hook, Method, Undone
from signalscope.instrumentation._base._library import Library
from signalscope.instrumentation._base._suppression import left_alone

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
        self.replace(module.CircuitBreaker, "__init__", self._init)
        self.replace(module.CircuitBreaker, "_create_new_state", self._created)
        self.replace(module.CircuitBreaker, "_inc_counter", self._failed)
        self.replace(module.CircuitBreakerState, "_handle_success", self._succeeded)
        self.replace(
            module.CircuitOpenState,
            "before_call",
            functools.partial(self._before_call, error=module.CircuitBreakerError),
        )

    @staticmethod
    def state_of(state: Any) -> str:
        """As the library names it, in the contract's words."""
        return str(state.name).replace("-", "_")

    def _before_call(self, original: Method, undone: Undone, *, error: type[Exception]) -> Method:
        """Rejects, or else turns half open and makes the call, which may raise the same exception."""
        code = getattr(original, "__code__", None)

        @functools.wraps(original)
        def before_call(state: Any, *args: Any, **kwargs: Any) -> Any:
            if left_alone(undone):
                return original(state, *args, **kwargs)
            try:
                return original(state, *args, **kwargs)
            except error as raised:
                if _raised_in(code, raised.__traceback__):
                    self.breakers.of(state._breaker).call("rejected")
                raise

        return before_call


def _raised_in(code: object, traceback: TracebackType | None) -> bool:
    """Whether the exception comes from this function itself, and it is on the way only once."""
    seen, innermost = 0, None
    while traceback is not None:
        innermost = traceback.tb_frame.f_code
        seen += innermost is code
        traceback = traceback.tb_next
    return innermost is code and seen == 1
