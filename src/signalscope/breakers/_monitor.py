"""`BreakerMonitor`: a circuit breaker that the program itself reports."""

from __future__ import annotations

from signalscope.breakers._model import Breaker
from signalscope.contract import BREAKER_STATES
from signalscope.contract._model import ContractError


class BreakerMonitor:
    """Reports one circuit breaker: its state, state changes, and calls by outcome.

    A call that a breaker did not let through is `rejected`. The failing call that trips it is a `failure`,
    also where the library raises the same exception for both.

    Args:
        service_name: The external service it guards.
        operation: The operation of the service; ``all`` for a breaker that guards every call of it.
        state: The state it is in now: closed, open or half_open.

    Attributes:
        service_name: The external service it guards.

    Raises:
        ContractError: There is no such state.

    Examples:
        >>> from signalscope import BreakerMonitor
        >>> from signalscope.testing import capture
        >>> with capture() as captured:
        ...     breaker = BreakerMonitor("ticker_service", "quote")
        ...     breaker.failure()
        ...     breaker.transition("open")
        ...     breaker.rejected()
        ...     captured.value("signal_service_circuit_breaker_calls_total", outcome="rejected")
        1
    """

    def __init__(self, service_name: str, operation: str = "all", *, state: str = "closed") -> None:
        if state not in BREAKER_STATES:
            raise ContractError(
                f"breaker state {state!r} is not allowed; allowed: {', '.join(BREAKER_STATES)}"
            )
        self.service_name = service_name
        self._breaker = Breaker((service_name, operation), state, is_monitor=True)
        self._breaker.report(owner=self)
        self._calls = self._breaker.calls

    @property
    def state(self) -> str:
        """The state it is in. Setting it is the same as `transition`."""
        return self._breaker.state

    @state.setter
    def state(self, to: str) -> None:
        self.transition(to)

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
        self._breaker.enter(to)
