"""`BreakerMonitor`: metrics of a circuit breaker from calls in the program."""

from __future__ import annotations

from signalscope.breakers._model import Breaker
from signalscope.contract import BREAKER_STATES
from signalscope.contract._model import ContractError


class BreakerMonitor:
    """Records the state, the state changes and the calls of one circuit breaker.

    Count a call as `rejected` if the open breaker blocked it. The failed call that opens the breaker is a `failure`,
    even if the library raises the same exception for both.

    Args:
        service_name: The external service that the breaker protects.
        operation: The operation of the service; ``all`` if the breaker protects all operations.
        state: The present state: closed, open or half_open.

    Attributes:
        service_name: The external service that the breaker protects.

    Raises:
        ContractError: ``state`` is not closed, open or half_open.

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
                f"breaker state {state!r} is not allowed; allowed: {', '.join(BREAKER_STATES)} [SS520]"
            )
        self.service_name = service_name
        self._breaker = Breaker((service_name, operation), state, is_monitor=True)
        self._breaker.report(owner=self)
        self._calls = self._breaker.calls

    @property
    def state(self) -> str:
        """The present state. Setting it is the same as calling `transition`."""
        return self._breaker.state

    @state.setter
    def state(self, to: str) -> None:
        self.transition(to)

    def success(self) -> None:
        """Count a call that succeeded."""
        self._calls["success"].record(1)

    def failure(self, error: BaseException | None = None) -> None:
        """Count a call that failed.

        A timeout while the event loop of this process was late counts as ``late_loop``: the service may be healthy.

        Args:
            error: The exception of the call; by default the exception that is handled now.
        """
        self._breaker.fail(error)

    def rejected(self) -> None:
        """Count a call that the breaker blocked."""
        self._calls["rejected"].record(1)

    def transition(self, to: str) -> None:
        """Set the state, and count a state change. Setting the present state again counts nothing.

        Args:
            to: closed, open or half_open. Another value does not change the state; it is counted in
                `signalscope.internal.errors`, and as a transition to ``other``.
        """
        self._breaker.enter(to)
