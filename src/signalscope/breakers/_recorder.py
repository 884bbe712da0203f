"""Recording what circuit breakers do: one way for every library.

The gauge of states shows what the library says at the moment of the collection. A change that nobody called for (a
breaker that lets calls through again after a time) is counted when it is first seen: at the next call, or at the
next collection. Breakers of one name are one: the gauge shows the worst of their states, open before half open
before closed.

`service_name` is the breaker's own name, else the name of the variable that holds it.
``SIGNALSCOPE_BREAKERS="ticker*=ticker_service/quote;my.clients:_config_cb=config_service"`` says otherwise; what
follows the slash is the `operation`, which is ``all`` without one. A service that the program reports itself, with
a `BreakerMonitor`, is not reported again.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from signalscope.breakers._monitor import is_monitored
from signalscope.contract import BREAKER_STATES
from signalscope.contract._model import OTHER
from signalscope.instrumentation._base._places import Found, Place, readable
from signalscope.instrumentation._base._settings import Patterns
from signalscope.instrumentation._base._weak import WeakTable
from signalscope.recording import family, internal_error, observe
from signalscope.recording._fork import in_children

__all__ = ["BREAKER_METRICS", "Breaker", "Breakers", "service_of", "state_points"]

_STATE = "signal_service.circuit_breaker.state"
_TRANSITIONS = "signal_service.circuit_breaker.transitions"
_CALLS = "signal_service.circuit_breaker.calls"
BREAKER_METRICS = (_STATE, _TRANSITIONS, _CALLS)
_BAD_TO_GOOD = ("open", "half_open", "closed")
Of = tuple[str, str]


class _Setting:
    """SIGNALSCOPE_BREAKERS, read when the first breaker is seen."""

    patterns: Patterns | None = None


def service_of(*candidates: str) -> Of | None:
    """The service name and operation that the user gives to a breaker with one of these names."""
    if _Setting.patterns is None:
        _Setting.patterns = Patterns(
            "SIGNALSCOPE_BREAKERS", "ticker*=ticker_service/quote;config=config_service"
        )
    chosen = _Setting.patterns.find(candidates)
    if chosen is None:
        return None
    service, _, operation = chosen.partition("/")
    return service.strip() or OTHER, operation.strip() or "all"


class _Turning:
    """Held while a state is compared and replaced, so that a change that two threads see is counted once."""

    lock = threading.Lock()

    @classmethod
    def renew(cls) -> None:
        """A free one, in a forked child."""
        cls.lock = threading.Lock()


in_children(_Turning.renew)


class Breaker:
    """One breaker: who it guards, the state it was last seen in, its calls.

    Args:
        state: Gives its state now: closed, open or half_open; None when it is gone.
        find: Gives its service name and operation, and whether that is final: it may get its name later.

    Attributes:
        seen: The state it was last seen in.
    """

    __slots__ = ("_find", "_of", "_state", "_sure", "seen")

    def __init__(self, state: Callable[[], str | None], find: Callable[[], tuple[Of, bool]]) -> None:
        self._state, self._find = state, find
        self._of: Of = (OTHER, "all")
        self._sure = False
        self.seen = state() or "closed"

    @property
    def of(self) -> Of:
        """The service name and operation."""
        if not self._sure:
            self._of, self._sure = self._find()
            if self._sure:
                self.begin()
        return self._of

    def call(self, outcome: str) -> None:
        """Count a call: success, failure or rejected. Never raises."""
        try:
            service, operation = self.of
            if not is_monitored(service):
                family(_CALLS).series(service, operation, outcome).record(1)
        except Exception:  # ours, and not the caller's business
            internal_error("instrumentation.breaker")

    def look(self) -> str:
        """The state now; a change since the last look is counted. Never raises."""
        try:
            now = self._state()
            if now is not None:
                self.turned(now)
        except Exception:  # ours, and not the caller's business
            internal_error("instrumentation.breaker")
        return self.seen

    def turned(self, state: str) -> None:
        """The breaker is in this state; counted unless it was before."""
        with _Turning.lock:
            changed, self.seen = state != self.seen, state
        if changed and not is_monitored(self.of[0]):
            family(_TRANSITIONS).series(*self.of, state).record(1)

    def begin(self) -> None:
        """Let all its counters begin at zero."""
        if is_monitored(self.of[0]):
            return
        for outcome in ("success", "failure", "rejected"):
            family(_CALLS).series(*self.of, outcome)
        for state in BREAKER_STATES:
            family(_TRANSITIONS).series(*self.of, state)


class Breakers:
    """The breakers of one library.

    Args:
        state: Gives a breaker's state, without any input or output.
        name: Gives a breaker's own name, if it has one.
        library: Its packages, whose frames are no place in the program.
    """

    def __init__(
        self, state: Callable[[Any], str | None], name: Callable[[Any], str | None], *library: str
    ) -> None:
        self._state, self._name, self.library = state, name, library
        self._known: WeakTable[Breaker] = WeakTable()
        self._end: Callable[[], None] | None = None

    def begin(self) -> None:
        """Start to report states."""
        if self._end is None:
            self._end = observe(_STATE, self._states)

    def end(self) -> None:
        """Stop to report, and forget the breakers."""
        if self._end is not None:
            self._end()
        self._end = None
        self._known.clear()

    def of(self, breaker: Any, place: Place | None = None) -> Breaker:
        """What is known about a breaker of the library."""
        found = self._known.get(breaker)
        if found is None:
            found = self._make(breaker, place)
            self._known.set(breaker, found)
        return found

    def _make(self, breaker: Any, place: Place | None) -> Breaker:
        reference = weakref.ref(breaker)
        asked = 0

        def state() -> str | None:
            alive = reference()
            return None if alive is None else self._state(alive)

        def find() -> tuple[Of, bool]:
            nonlocal asked
            asked += 1
            alive = reference()
            name = None if alive is None else self._name(alive)
            found = None
            if alive is not None and place is not None and asked & (asked - 1) == 0:
                found = place.find(alive)
            return _named(name, found, place, last=asked >= 1 << 10)

        return Breaker(state, find)

    def _states(self) -> Iterator[tuple[float, tuple[str, str, str]]]:
        return state_points((each.of, each.look()) for each in self._known.values())


def state_points(states: Iterable[tuple[Of, str]]) -> Iterator[tuple[float, tuple[str, str, str]]]:
    """The points of the state set: of those that have one name, the worst."""
    worst: dict[Of, str] = {}
    for of, state in states:
        if not is_monitored(of[0]):
            worst[of] = min(worst.get(of, "closed"), state, key=_BAD_TO_GOOD.index)
    for of, state in worst.items():
        for each in BREAKER_STATES:
            yield float(each == state), (*of, each)


def _named(name: str | None, found: Found | None, place: Place | None, *, last: bool) -> tuple[Of, bool]:
    """The service name and operation, and whether that is final."""
    where = found or (place.otherwise() if place is not None else Found("", ()))
    chosen = service_of(name or "", where.path, *where.names)
    if chosen is not None:
        return chosen, True
    if name:
        return (name, "all"), True
    service = readable(where.names, "breaker", "circuit", "cb", "circuitbreaker") or OTHER
    return (service, "all"), found is not None or place is None or last
