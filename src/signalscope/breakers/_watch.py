"""Circuit breakers of your own, and of libraries that are not instrumented: told by looking at them.

The breakers of pybreaker, aiobreaker, purgatory and circuitbreaker are measured by their instrumentors, under the
launcher without any code. `watch_breaker` is for all others: whatever says which state it is in. What both report
is on `/monitoring/enhanced-metrics` and in `signal_service.circuit_breaker.state`. A breaker whose calls you guard
yourself is told best by `signalscope.BreakerMonitor`.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

from signalscope.breakers._recorder import Breaker, state_points
from signalscope.contract._model import ContractError
from signalscope.recording import family, internal_error, observe

__all__ = ["CountingBreaker", "ReadableBreaker", "watch_breaker"]

_STATE = "signal_service.circuit_breaker.state"
_CALLS = "signal_service.circuit_breaker.calls"
_OUTCOMES = ("success", "failure", "rejected")
#: What libraries call their states.
_NAMES = {
    "closed": "closed", "close": "closed", "open": "open", "opened": "open",
    "half_open": "half_open", "half_opened": "half_open", "halfopen": "half_open",
}  # fmt: skip


class ReadableBreaker(Protocol):
    """What a breaker must have to be watched: a state that can be read at any time, without input or output."""

    @property
    def state(self) -> object:
        """closed, open or half_open; as text, or an enumeration's member of that name."""


class CountingBreaker(ReadableBreaker, Protocol):
    """A breaker that also counts its calls."""

    def counts(self) -> Mapping[str, int]:
        """Calls so far, by outcome: success, failure, rejected."""


def watch_breaker(
    breaker: ReadableBreaker | Any, service_name: str, operation: str = "all"
) -> Callable[[], None]:
    """Report a breaker: its state and state changes, and its calls where it has `counts`.

    It is looked at whenever metrics are collected; a change that comes and goes in between is not seen.

    Args:
        breaker: Anything with a ``state`` (or ``current_state``, or a ``context`` that has one, as the breakers of
            pybreaker, aiobreaker, circuitbreaker and purgatory have). It is not kept alive.
        service_name: The external service it guards.
        operation: What is asked of the service; ``all`` for a breaker that guards every call of it.

    Returns:
        A function that ends the watch.

    Raises:
        ContractError: It has no state that is closed, open or half_open.
    """
    if _state(breaker) is None:
        raise ContractError(
            f"the breaker of {service_name!r} has no state that is closed, open or half_open; give it a property "
            "`state`, or tell its calls to signalscope.BreakerMonitor"
        )
    watch = _Watch(breaker, service_name, operation)
    end = observe(_STATE, watch.states)
    # The watch ends with its breaker; the observer must not keep either.
    finalizer = weakref.finalize(breaker, end)
    finalizer.atexit = False
    return end


class _Watch:
    """A breaker that is watched."""

    def __init__(self, breaker: Any, service_name: str, operation: str) -> None:
        self._reference = weakref.ref(breaker)
        self._of = (service_name, operation)
        self._counted: dict[str, int] = dict(_counts(breaker))
        self._readable = True
        self._breaker = Breaker(self._now, lambda: (self._of, True))

    def states(self) -> Iterator[tuple[float, tuple[str, str, str]]]:
        """The points of the state set; changes and calls since the last look are counted on the way."""
        breaker = self._reference()
        if breaker is not None:
            state = self._breaker.look()
            if self._readable:  # else what it was is no news of what it is
                yield from state_points([(self._breaker.of, state)])
            self._count(breaker)

    def _now(self) -> str | None:
        breaker = self._reference()
        state = None if breaker is None else _state(breaker)
        self._readable = state is not None
        return state

    def _count(self, breaker: Any) -> None:
        for outcome, number in _counts(breaker).items():
            since = number - self._counted.get(outcome, 0)
            if since > 0:  # less is a breaker that has begun anew
                family(_CALLS).series(*self._of, outcome).record(since)
            self._counted[outcome] = number


def _counts(breaker: Any) -> Mapping[str, int]:
    counts = getattr(breaker, "counts", None)
    if not callable(counts):
        return {}
    try:
        found = counts()
        return {outcome: int(found[outcome]) for outcome in _OUTCOMES if outcome in found}
    except Exception:  # the user's; the state is reported all the same
        internal_error("breakers.counts")
        return {}


def _state(breaker: Any) -> str | None:
    """The state, in the contract's words."""
    for holder, name in (
        (breaker, "current_state"),
        (getattr(breaker, "context", None), "state"),
        (breaker, "state"),
    ):
        try:
            known = _named(getattr(holder, name, None))
        except Exception:  # the user's; another name may do
            internal_error("breakers.state")
            continue
        if known is not None:
            return known
    return None


def _named(state: object) -> str | None:
    text = str(getattr(state, "name", state)).strip().lower().replace("-", "_").replace(" ", "_")
    return _NAMES.get(text)
