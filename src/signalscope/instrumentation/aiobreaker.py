"""aiobreaker: every `CircuitBreaker`, as a decorator, with `call` and `call_async`."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

from signalscope.instrumentation._base import Hook, LibraryInstrumentor
from signalscope.instrumentation._breakers import BREAKER_METRICS, Breakers
from signalscope.instrumentation._library import Library
from signalscope.instrumentation._places import made_here
from signalscope.instrumentation._quiet import left_alone
from signalscope.recording import internal_error

__all__ = ["AiobreakerInstrumentor"]

Undone = Callable[[], bool]
Method = Callable[..., Any]


class AiobreakerInstrumentor(LibraryInstrumentor):
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

    breakers: Breakers

    def __init__(self) -> None:
        super().__init__()
        if not hasattr(self, "breakers"):
            self.breakers = Breakers(_state, lambda breaker: breaker._name, "aiobreaker")

    def hooks(self) -> Mapping[str, Hook]:
        """The modules of breakers and of their states."""
        return {"aiobreaker.circuitbreaker": self._patch, "aiobreaker.state": self._patch_states}

    def begin(self) -> None:
        """Report states."""
        self.breakers.begin()

    def end(self) -> None:
        """Forget the breakers."""
        self.breakers.end()

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

    def _init(self, original: Method, undone: Undone) -> Method:
        @functools.wraps(original)
        def init(breaker: Any, *args: Any, **kwargs: Any) -> None:
            original(breaker, *args, **kwargs)
            if not undone():
                try:
                    self.breakers.of(breaker, made_here(breaker, self.breakers.library))
                except Exception:  # ours, and not the caller's business
                    internal_error("instrumentation.aiobreaker")

        return init

    def _created(self, original: Method, undone: Undone) -> Method:
        @functools.wraps(original)
        def create(breaker: Any, *args: Any, **kwargs: Any) -> Any:
            state = original(breaker, *args, **kwargs)
            if "_state" in vars(breaker) and not left_alone(undone):  # else it is being made
                try:
                    self.breakers.of(breaker).turned(_text(state))
                except Exception:  # ours, and not the caller's business
                    internal_error("instrumentation.aiobreaker")
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


def _state(breaker: Any) -> str:
    return _text(breaker._state)


def _text(state: Any) -> str:
    return str(state.state.name).lower()
