"""aiobreaker: every `CircuitBreaker`, as a decorator, with `call` and `call_async`."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from types import ModuleType
from typing import Any

from signalscope.breakers._recorder import BREAKER_METRICS
from signalscope.instrumentation._base._counting_breakers import CountingBreakerInstrumentor
from signalscope.instrumentation._base._instrumentor import Hook, Method, Undone
from signalscope.instrumentation._base._library import Library
from signalscope.instrumentation._base._suppression import left_alone

__all__ = ["AiobreakerInstrumentor"]


class AiobreakerInstrumentor(CountingBreakerInstrumentor):
    """Measures the breakers of aiobreaker."""

    library = Library(
        name="aiobreaker",
        title="aiobreaker",
        kind="breaker",
        supports=("aiobreaker >= 1.1, < 2",),
        tested=("1.1.0", "1.2.0"),
        measures=BREAKER_METRICS,
        spans="None.",
        unit=(
            "A call that an open breaker turns away is `rejected`; the call that trips it is a `failure`, "
            "though both raise `CircuitBreakerError`. A call that raises an excluded exception is a "
            "`success`, as for aiobreaker."
        ),
        not_measured=(
            "Calls that are cancelled: aiobreaker does not see how they end.",
            "With Redis as storage: state changes of other processes, before the next call here.",
        ),
        notes=(
            "aiobreaker turns half open at the first call after `timeout_duration`, and is shown as open until then.",
        ),
    )

    packages = ("aiobreaker",)

    def hooks(self) -> Mapping[str, Hook]:
        """The modules of breakers and of their states."""
        return {"aiobreaker.circuitbreaker": self._patch, "aiobreaker.state": self._patch_states}

    def _patch(self, module: ModuleType) -> None:
        self.replace(module.CircuitBreaker, "__init__", self._init)
        self.replace(module.CircuitBreaker, "_create_new_state", self._created)
        self.replace(module.CircuitBreaker, "_inc_counter", self._failed)

    def _patch_states(self, module: ModuleType) -> None:
        self.replace(module.CircuitBreakerBaseState, "_handle_success", self._succeeded)
        self.replace(
            module.CircuitOpenState,
            "before_call",
            functools.partial(self._before_call, error=module.CircuitBreakerError),
        )

    @staticmethod
    def state_of(state: Any) -> str:
        """As the library names it, in the contract's words."""
        return str(state.state.name).lower()

    def _before_call(self, original: Method, undone: Undone, *, error: type[Exception]) -> Method:
        """Does nothing but to reject, or not."""

        @functools.wraps(original)
        def before_call(state: Any, *args: Any, **kwargs: Any) -> Any:
            if left_alone(undone):
                return original(state, *args, **kwargs)
            try:
                return original(state, *args, **kwargs)
            except error:
                self.breakers.of(state._breaker).call("rejected")
                raise

        return before_call
