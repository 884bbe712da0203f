"""`BreakerMonitor`: what a circuit breaker does, told by the code that has one."""

from __future__ import annotations

import weakref
from collections.abc import Iterator

from signalscope.contract import BREAKER_STATES
from signalscope.contract._model import ContractError
from signalscope.recording import family, internal_error, observe

__all__ = ["BreakerMonitor", "is_monitored"]

_STATE = "signal_service.circuit_breaker.state"
_TRANSITIONS = "signal_service.circuit_breaker.transitions"
_CALLS = "signal_service.circuit_breaker.calls"
_monitors: weakref.WeakSet[BreakerMonitor] = weakref.WeakSet()


def is_monitored(service_name: str) -> bool:
    """Whether the program itself reports a breaker of this service, so that nothing else has to."""
    return any(each.service_name == service_name for each in list(_monitors))


class BreakerMonitor:
    """Reports one circuit breaker: its state, state changes, and calls by outcome.

    A call that a breaker did not let through is `rejected`. The failing call that trips it is a `failure`,
    also where the library raises the same exception for both.

    Args:
        service_name: The external service it guards.
        operation: What is asked of the service; ``all`` for a breaker that guards every call of it.
        state: The state it is in now: closed, open or half_open.

    Attributes:
        state: The state it is in.
        service_name: The external service it guards.

    Raises:
        ContractError: There is no such state.
    """

    def __init__(self, service_name: str, operation: str = "all", *, state: str = "closed") -> None:
        if state not in BREAKER_STATES:
            raise ContractError(
                f"breaker state {state!r} is not allowed; allowed: {', '.join(BREAKER_STATES)}"
            )
        self.state = state
        self.service_name = service_name
        _monitors.add(self)
        self._of = (service_name, operation)
        self._calls = {
            outcome: family(_CALLS).series(*self._of, outcome)
            for outcome in ("success", "failure", "rejected")
        }
        self._transitions = {to: family(_TRANSITIONS).series(*self._of, to) for to in BREAKER_STATES}
        # The monitor may go with its breaker; the observer must not keep it.
        states = weakref.WeakMethod(self._states)
        weakref.finalize(self, observe(_STATE, lambda: found() if (found := states()) else ())).atexit = False

    def success(self) -> None:
        """Count a call that went through and succeeded."""
        self._calls["success"].record(1)

    def failure(self) -> None:
        """Count a call that went through and failed."""
        self._calls["failure"].record(1)

    def rejected(self) -> None:
        """Count a call that was not let through."""
        self._calls["rejected"].record(1)

    def transition(self, to: str) -> None:
        """Report that the breaker has changed its state; repeating the present one is no change.

        Args:
            to: closed, open or half_open. Another state is not entered; it is counted in
                `signalscope.internal.errors`, and as a transition to ``other``.
        """
        series = self._transitions.get(to)
        if series is None:
            internal_error("breaker.transition")
            family(_TRANSITIONS).series(*self._of, to).record(1)
        elif to != self.state:
            self.state = to
            series.record(1)

    def _states(self) -> Iterator[tuple[float, tuple[str, str, str]]]:
        for state in BREAKER_STATES:
            yield float(state == self.state), (*self._of, state)
