"""`watch_breaker`: metrics of a breaker whose state is read at each collection of metrics.

It works with any object that has a state. For pybreaker, aiobreaker, purgatory and circuitbreaker use their
instrumentors: they see every call. For breaker logic of your own use `signalscope.BreakerMonitor`.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from signalscope.breakers._model import OUTCOMES, Breaker, Identity
from signalscope.contract._model import ContractError
from signalscope.recording import internal_error

#: The names of states in breaker libraries, and the contract's value for each.
_NAMES = {
    "closed": "closed", "close": "closed", "open": "open", "opened": "open",
    "half_open": "half_open", "half_opened": "half_open", "halfopen": "half_open",
}  # fmt: skip


class ReadableBreaker(Protocol):
    """A breaker whose state can be read at any time, without disk or network access.

    Examples:
        >>> class Breaker:
        ...     state = "closed"
        >>> from signalscope.breakers import ReadableBreaker
        >>> breaker: ReadableBreaker = Breaker()
    """

    @property
    def state(self) -> object:
        """closed, open or half_open, as a string or as an enum member with that name."""


class CountingBreaker(ReadableBreaker, Protocol):
    """A breaker that also counts its calls.

    Examples:
        >>> class Breaker:
        ...     state = "closed"
        ...     def counts(self):
        ...         return {"success": 5, "failure": 1, "rejected": 0}
        >>> from signalscope.breakers import CountingBreaker
        >>> breaker: CountingBreaker = Breaker()
    """

    def counts(self) -> Mapping[str, int]:
        """Return the total number of calls by outcome: success, failure, rejected."""


def watch_breaker(
    breaker: ReadableBreaker | Any, service_name: str, operation: str = "all"
) -> Callable[[], None]:
    """Record the state and the state changes of a breaker, and its calls if it has a method ``counts``.

    The breaker is read at each collection of metrics. A state that lasts less than one collection interval is missed.

    Args:
        breaker: An object with an attribute ``state`` or ``current_state``, or a ``context`` with a ``state``. No
            reference to it is kept: recording stops when it is garbage-collected.
        service_name: The external service that the breaker protects.
        operation: The operation of the service; ``all`` if the breaker protects all operations.

    Returns:
        A function without arguments that stops the recording.

    Raises:
        ContractError: The object has no readable state, or the state is not closed, open or half_open.

    Examples:
        >>> from signalscope.breakers import watch_breaker
        >>> class Breaker:
        ...     state = "half_open"
        >>> breaker = Breaker()
        >>> end = watch_breaker(breaker, "ticker_service", "quote")
        >>> end()
    """
    state = _state(breaker)
    if state is None:
        raise ContractError(
            f"the breaker of {service_name!r} has no state closed, open or half_open; add a property `state`, or "
            "report its calls with signalscope.BreakerMonitor [SS521]"
        )
    watched = _WatchedBreaker(breaker, (service_name, operation), state)
    watched.report(owner=breaker)
    return watched.stop


class _WatchedBreaker(Breaker):
    """A breaker that is read at each collection.

    Args:
        breaker: The user's breaker; only a weak reference is kept.
        identity: Service name and operation.
        state: The present state.
    """

    __slots__ = ("_breaker", "_counted")

    def __init__(self, breaker: Any, identity: Identity, state: str) -> None:
        super().__init__(identity, state)
        self._breaker = weakref.ref(breaker)
        self._counted = dict(_counts(breaker))

    def read_state(self) -> str | None:
        """Return the state of the user's breaker; None if it cannot be read."""
        return _state(self._breaker())

    def refresh(self) -> str | None:
        """Read the state and the totals of calls, and count what is new since the last collection."""
        state = super().refresh()
        for outcome, total in _counts(self._breaker()).items():
            calls = total - self._counted.get(outcome, 0)
            if calls > 0:  # a smaller total: the breaker has reset its counts
                self.count(outcome, calls)
            self._counted[outcome] = total
        return state


def _counts(breaker: Any) -> Mapping[str, int]:
    try:
        counts = getattr(breaker, "counts", None)
        if not callable(counts):
            return {}
        totals = counts()
        return {outcome: int(totals[outcome]) for outcome in OUTCOMES if outcome in totals}
    except Exception:  # raised by the user's code; the state is still recorded
        internal_error("breakers.counts")
        return {}


def _state(breaker: Any) -> str | None:
    """Return closed, open or half_open; None if the breaker has none of these states."""
    for holder, name in (
        (breaker, "current_state"),
        (getattr(breaker, "context", None), "state"),
        (breaker, "state"),
    ):
        try:
            state = getattr(holder, name, None)
            text = str(getattr(state, "name", state)).strip().lower().replace("-", "_").replace(" ", "_")
        except Exception:  # raised by the user's code; try the next name
            internal_error("breakers.state")
            continue
        if text in _NAMES:
            return _NAMES[text]
    return None
