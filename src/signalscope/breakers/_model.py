"""The model of a circuit breaker: its state, calls and state transitions.

`BreakerMonitor`, `watch_breaker` and the instrumentors of breaker libraries all record through `Breaker`:

* The counters of a breaker are initialised at zero.
* Breakers with the same service name and operation share one state set. It shows the worst of their states: open is
  worse than half_open, and half_open is worse than closed.
* If the program reports a service with `BreakerMonitor`, other breakers do not report that service again.
"""

from __future__ import annotations

import functools
import logging
import sys
import weakref
from collections.abc import Callable, Iterator

from signalscope.contract import BREAKER_STATES
from signalscope.contract._model import OTHER
from signalscope.recording import Series, get_instrument, internal_error, observe
from signalscope.recording._errors import read_each
from signalscope.recording._process_state import ProcessState
from signalscope.runtime._excuses import LATE_LOOP, is_late_failure

_logger = logging.getLogger("signalscope")
_STATE = "signal_service.circuit_breaker.state"
_TRANSITIONS = "signal_service.circuit_breaker.transitions"
_CALLS = "signal_service.circuit_breaker.calls"
BREAKER_METRICS = (_STATE, _TRANSITIONS, _CALLS)
OUTCOMES = ("success", "failure", "rejected", LATE_LOOP)
_WORST_FIRST = ("open", "half_open", "closed")
#: Service name and operation.
Identity = tuple[str, str]


class Breaker:
    """One circuit breaker. Recording never raises.

    A subclass overrides `read_state` if it polls its breaker, and `identify` if it learns the name later.

    Args:
        identity: Service name and operation; None if they are not known yet.
        state: The present state: closed, open or half_open.
        is_monitor: True if the program reports this breaker with `BreakerMonitor`.

    Attributes:
        state: The last known state.
        calls: The counter series by outcome; empty until the identity is set.
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
        """Add the breaker to the state set.

        Args:
            owner: The breaker leaves the state set when this object is garbage-collected; no reference to the object
                is kept. Without an owner, the breaker stays until `stop` is called.
        """
        _reports.add(self, monitored=self._identity[0] if self._is_monitor else None)
        if owner is not None:
            weakref.finalize(owner, self.stop).atexit = False

    def stop(self) -> None:
        """Remove the breaker from the state set."""
        _reports.remove(self)

    def identify(self) -> Identity:
        """Return the service name and operation that are known so far."""
        return self._identity

    def set_identity(self, identity: Identity) -> None:
        """Set the final service name and operation, and initialise the counters at zero."""
        self._identity = identity
        if self._is_reported(identity):
            self.calls = {outcome: get_instrument(_CALLS).series(*identity, outcome) for outcome in OUTCOMES}
            for state in BREAKER_STATES:
                get_instrument(_TRANSITIONS).series(*identity, state)

    def read_state(self) -> str | None:
        """Return the present state; None if it cannot be read. A subclass may raise any exception."""
        return self.state

    def count(self, outcome: str, calls: int = 1) -> None:
        """Add calls to the counter of an outcome.

        Args:
            outcome: success, failure or rejected.
            calls: The number of calls.
        """
        self._count(outcome, calls)

    def fail(self, error: BaseException | None = None) -> None:
        """Count a call that failed: as ``late_loop`` if it timed out when the event loop of this process was late.

        Args:
            error: The exception of the call; by default the exception that is handled now.
        """
        self._count("failure", 1, error or sys.exc_info()[1])

    def _count(self, outcome: str, calls: int, error: BaseException | None = None) -> None:
        try:
            outcome = LATE_LOOP if is_late_failure(error) else outcome
            identity = self.identify()
            if self._is_monitor or self._is_reported(identity):
                (self.calls.get(outcome) or get_instrument(_CALLS).series(*identity, outcome)).record(calls)
        except Exception:  # must not reach the caller
            internal_error("breakers.call")

    def enter(self, state: str) -> None:
        """Set the state. Count a transition, unless the breaker was in this state already.

        Args:
            state: closed, open or half_open. Another value does not change the state; it is counted in
                `signalscope.internal.errors`, and as a transition to ``other``.
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
        """Read the state, and count a transition if it has changed since the last call.

        Returns:
            The state; None if it cannot be read.
        """
        try:
            state = self.read_state()
        except Exception:  # code of the library or of the user
            internal_error("breakers.state")
            return None
        if state in BREAKER_STATES:
            self.enter(state)
            return self.state
        if state is not None:
            self._enter_own(state)
        return None

    def _enter_own(self, state: str) -> None:
        """Note that the breaker is in a state that the contract does not have, so that its state is unknown."""
        if _reports.replace(self, state):
            identity = self.identify()
            _say_once(identity[0], state)
            if self._is_reported(identity):
                get_instrument(_TRANSITIONS).series(*identity, OTHER).record(1)

    def point(self) -> tuple[Identity, str] | None:
        """Return the identity and the state; None if the state is unknown or a `BreakerMonitor` has the service."""
        identity, state = self.identify(), self.refresh()
        return (identity, state) if state is not None and self._is_reported(identity) else None

    def _is_reported(self, identity: Identity) -> bool:
        return self._is_monitor or identity[0] not in _reports.monitored.values()


class _Reports(ProcessState):
    """All breakers of this process that are in the state set.

    Breakers are added and removed without the lock: the garbage collector can remove one at any time, even in a
    thread that holds the lock.

    Attributes:
        monitored: The service of each breaker that is reported with `BreakerMonitor`.
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
        """Set the state of a breaker. If several threads set the same new state, only the first one gets True."""
        with self.lock:
            before, breaker.state = breaker.state, state
        return before != state

    def _points(self) -> Iterator[tuple[float, tuple[str, str, str]]]:
        worst: dict[Identity, str] = {}
        for point in read_each(Breaker.point, self._breakers, "breakers.state"):
            if point is not None:
                identity, state = point
                worst[identity] = min(worst.get(identity, "closed"), state, key=_WORST_FIRST.index)
        for identity, shown in worst.items():
            for state in BREAKER_STATES:
                yield float(state == shown), (*identity, state)


_reports = _Reports()


@functools.lru_cache(maxsize=100)  # the program may make any number of names
def _say_once(service: str, state: str) -> None:
    _logger.warning(
        "signalscope: the breaker of %.60r is in the state %.60r, which is not one of %s; its state is unknown "
        "until it changes [SS522]",
        service,
        state,
        ", ".join(BREAKER_STATES),
    )
