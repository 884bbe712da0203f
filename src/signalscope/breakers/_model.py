"""The model of a circuit breaker: its state, its calls, its transitions.

`BreakerMonitor`, `watch_breaker` and the instrumentors of breaker libraries all record through `Breaker`:

* The counters of a breaker are initialised at zero.
* Breakers with the same service name and operation share one state set, which shows the worst of their states: open
  before half_open before closed.
* A service that the program itself reports with a `BreakerMonitor` is not reported again by the others.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator

from signalscope.contract import BREAKER_STATES
from signalscope.contract._model import OTHER
from signalscope.recording import Series, get_instrument, internal_error, observe
from signalscope.recording._process_state import ProcessState

_STATE = "signal_service.circuit_breaker.state"
_TRANSITIONS = "signal_service.circuit_breaker.transitions"
_CALLS = "signal_service.circuit_breaker.calls"
BREAKER_METRICS = (_STATE, _TRANSITIONS, _CALLS)
OUTCOMES = ("success", "failure", "rejected")
_WORST_FIRST = ("open", "half_open", "closed")
#: Service name and operation.
Identity = tuple[str, str]


class Breaker:
    """One circuit breaker. Recording never raises.

    A subclass overrides `read_state` if it polls its breaker, and `identify` if it learns the name later.

    Args:
        identity: Service name and operation; None if they are not known yet.
        state: The state it is in now: closed, open or half_open.
        is_monitor: Whether the program itself reports this breaker.

    Attributes:
        state: The state it was last seen in.
        calls: The series of its calls by outcome, once its identity is set.
    """

    __slots__ = ("_identity", "_is_monitor", "calls", "state")

    def __init__(
        self, identity: Identity | None = None, state: str = "closed", *, is_monitor: bool = False
    ) -> None:
        self.state = state if state in BREAKER_STATES else "closed"
        self.calls: dict[str, Series] = {}
        self._is_monitor = is_monitor
        self._identity: Identity = (OTHER, "all")
        if identity is not None:
            self.set_identity(identity)

    def report(self, owner: object = None) -> None:
        """Include the breaker in the state set.

        Args:
            owner: The object whose end stops the report; it is not kept alive. Without it, only `stop` does.
        """
        _reports.add(self, monitored=self._identity[0] if self._is_monitor else None)
        if owner is not None:
            weakref.finalize(owner, self.stop).atexit = False

    def stop(self) -> None:
        """Leave the state set."""
        _reports.remove(self)

    def identify(self) -> Identity:
        """Return the service name and operation, as far as they are known."""
        return self._identity

    def set_identity(self, identity: Identity) -> None:
        """Set the service name and operation for good, and initialise their counters at zero."""
        self._identity = identity
        if self._is_reported(identity):
            self.calls = {outcome: get_instrument(_CALLS).series(*identity, outcome) for outcome in OUTCOMES}
            for state in BREAKER_STATES:
                get_instrument(_TRANSITIONS).series(*identity, state)

    def read_state(self) -> str | None:
        """Return the state that the breaker is in now; None if it cannot be read. May raise."""
        return self.state

    def count(self, outcome: str, calls: int = 1) -> None:
        """Count calls.

        Args:
            outcome: success, failure or rejected.
            calls: The number of calls.
        """
        try:
            identity = self.identify()
            if self._is_monitor or self._is_reported(identity):
                (self.calls.get(outcome) or get_instrument(_CALLS).series(*identity, outcome)).record(calls)
        except Exception:  # must not reach the caller
            internal_error("breakers.call")

    def enter(self, state: str) -> None:
        """Enter a state, and count the transition unless the breaker is in this state already.

        Args:
            state: closed, open or half_open. Any other state is not entered; it counts as an internal error and as a
                transition to ``other``.
        """
        try:
            is_new = state not in BREAKER_STATES or _reports.replace(self, state)
            if state not in BREAKER_STATES:
                internal_error("breaker.transition")
            identity = self.identify()
            if is_new and self._is_reported(identity):
                get_instrument(_TRANSITIONS).series(*identity, state).record(1)
        except Exception:  # must not reach the caller
            internal_error("breaker.transition")

    def refresh(self) -> str | None:
        """Read the state, and count a transition since the last time.

        Returns:
            The state; None if it cannot be read.
        """
        try:
            state = self.read_state()
        except Exception:  # code of the library or of the user
            internal_error("breakers.state")
            return None
        if state is None:
            return None
        self.enter(state)
        return self.state

    def point(self) -> tuple[Identity, str] | None:
        """Return the identity and the state; None if the state is unknown or another breaker reports it."""
        state, identity = self.refresh(), self.identify()
        return (identity, state) if state is not None and self._is_reported(identity) else None

    def _is_reported(self, identity: Identity) -> bool:
        return self._is_monitor or identity[0] not in _reports.monitored.values()


class _Reports(ProcessState):
    """The breakers of this process that report their states.

    Breakers are added and removed without the lock: the garbage collector may remove one in any thread at any time.

    Attributes:
        monitored: The services that the program itself reports.
    """

    def __init__(self) -> None:
        super().__init__()
        self.monitored: dict[Breaker, str] = {}
        self._breakers: dict[Breaker, None] = {}
        self._gauge: object = None
        self._stop: Callable[[], None] = lambda: None

    def add(self, breaker: Breaker, *, monitored: str | None) -> None:
        self._breakers[breaker] = None
        if monitored is not None:
            self.monitored[breaker] = monitored
        gauge = get_instrument(_STATE).gauge
        if gauge is not self._gauge:  # the first breaker, or the instruments have been replaced
            self._stop()
            self._gauge, self._stop = gauge, observe(_STATE, self._points)

    def remove(self, breaker: Breaker) -> None:
        self._breakers.pop(breaker, None)
        self.monitored.pop(breaker, None)

    def replace(self, breaker: Breaker, state: str) -> bool:
        """Replace the state of a breaker; return True for one of several threads that see the same change."""
        with self.lock:
            before, breaker.state = breaker.state, state
        return before != state

    def _points(self) -> Iterator[tuple[float, tuple[str, str, str]]]:
        worst: dict[Identity, str] = {}
        for point in [breaker.point() for breaker in list(self._breakers)]:
            if point is not None:
                identity, state = point
                worst[identity] = min(worst.get(identity, "closed"), state, key=_WORST_FIRST.index)
        for identity, shown in worst.items():
            for state in BREAKER_STATES:
                yield float(state == shown), (*identity, state)


_reports = _Reports()
