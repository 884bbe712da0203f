"""`watch_breaker`: a circuit breaker that is read at each collection.

It works with anything that has a state. The breakers of pybreaker, aiobreaker, purgatory and circuitbreaker are
measured better by their instrumentors, and a breaker whose calls the program guards itself by
`signalscope.BreakerMonitor`.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from signalscope.breakers._model import OUTCOMES, Breaker, Identity
from signalscope.contract._model import ContractError
from signalscope.recording import internal_error

#: Names of states in libraries, and the contract's values.
_NAMES = {
    "closed": "closed", "close": "closed", "open": "open", "opened": "open",
    "half_open": "half_open", "half_opened": "half_open", "halfopen": "half_open",
}  # fmt: skip


class ReadableBreaker(Protocol):
    """A breaker with a state that can be read at any time, without input or output.

    Examples:
        >>> class Breaker:
        ...     state = "closed"
        >>> from signalscope.breakers import ReadableBreaker
        >>> breaker: ReadableBreaker = Breaker()
    """

    @property
    def state(self) -> object:
        """closed, open or half_open; as text, or an enumeration's member of that name."""


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
        """Return the calls so far, by outcome: success, failure, rejected."""


def watch_breaker(
    breaker: ReadableBreaker | Any, service_name: str, operation: str = "all"
) -> Callable[[], None]:
    """Report a breaker: its state and state changes, and its calls where it has `counts`.

    It is read whenever metrics are collected; a change that comes and goes in between is not seen.

    Args:
        breaker: Anything with a ``state`` (or ``current_state``, or a ``context`` that has one, as the breakers of
            pybreaker, aiobreaker, circuitbreaker and purgatory have). It is not kept alive.
        service_name: The external service it guards.
        operation: The operation of the service; ``all`` for a breaker that guards every call of it.

    Returns:
        A function that ends the watch.

    Raises:
        ContractError: It has no state that is closed, open or half_open.

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
            f"the breaker of {service_name!r} has no state that is closed, open or half_open; give it a property "
            "`state`, or report its calls with signalscope.BreakerMonitor"
        )
    watched = _WatchedBreaker(breaker, (service_name, operation), state)
    watched.report(owner=breaker)
    return watched.stop


class _WatchedBreaker(Breaker):
    """A breaker that is polled.

    Args:
        breaker: The user's breaker; it is not kept alive.
        identity: Service name and operation.
        state: The state it is in now.
    """

    __slots__ = ("_breaker", "_counted")

    def __init__(self, breaker: Any, identity: Identity, state: str) -> None:
        super().__init__(identity, state)
        self._breaker = weakref.ref(breaker)
        self._counted = dict(_counts(breaker))

    def read_state(self) -> str | None:
        """Return the user's state in the contract's terms."""
        return _state(self._breaker())

    def refresh(self) -> str | None:
        """Read the calls too, and count those since the last time."""
        state = super().refresh()
        for outcome, total in _counts(self._breaker()).items():
            calls = total - self._counted.get(outcome, 0)
            if calls > 0:  # fewer: the breaker has reset its counts
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
    except Exception:  # the user's code; the state is reported all the same
        internal_error("breakers.counts")
        return {}


def _state(breaker: Any) -> str | None:
    """Return the state in the contract's terms; None if there is none."""
    for holder, name in (
        (breaker, "current_state"),
        (getattr(breaker, "context", None), "state"),
        (breaker, "state"),
    ):
        try:
            state = getattr(holder, name, None)
            text = str(getattr(state, "name", state)).strip().lower().replace("-", "_").replace(" ", "_")
        except Exception:  # the user's code; another name may do
            internal_error("breakers.state")
            continue
        if text in _NAMES:
            return _NAMES[text]
    return None
