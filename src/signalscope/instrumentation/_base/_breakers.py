"""Breakers of libraries: their names, their states, and the base of the instrumentors that measure them.

The state set shows what the library says when metrics are collected. A transition without a call (a breaker that lets
calls through again after a time) is counted when it is first seen: at the next call, or at the next collection.

`service_name` is the breaker's own name, else the name of the variable that holds it.
``SIGNALSCOPE_BREAKERS="ticker*=ticker_service/quote;my.clients:_config_cb=config_service"`` overrides both. The text
after the slash is the `operation`, which is ``all`` without one.
"""

from __future__ import annotations

import functools
import weakref
from abc import abstractmethod
from typing import Any, ClassVar

from signalscope.breakers._model import BREAKER_METRICS, Breaker, Identity
from signalscope.contract._model import OTHER
from signalscope.instrumentation._base._instrumentor import Library, LibraryInstrumentor
from signalscope.instrumentation._base._object_names import NameSearch, creation_site, label_from
from signalscope.instrumentation._base._settings import Patterns
from signalscope.instrumentation._base._weak import WeakTable

#: The description of a library of breakers.
breaker_library = functools.partial(Library, kind="breaker", measures=BREAKER_METRICS)
#: For `Library.not_measured`.
SHARED_STORAGE = "With Redis as storage: state changes of other processes, before the next call here."
_PATTERNS = Patterns("SIGNALSCOPE_BREAKERS", "ticker*=ticker_service/quote;config=config_service")


def configured_identity(*names: str) -> Identity | None:
    """Return the service name and operation that SIGNALSCOPE_BREAKERS gives to one of these names."""
    configured = _PATTERNS.find(names)
    if configured is None:
        return None
    service, _, operation = configured.partition("/")
    return service.strip() or OTHER, operation.strip() or "all"


class BreakerInstrumentor(LibraryInstrumentor):
    """Measures breakers that are objects, perhaps with a name.

    Attributes:
        callers: Other packages than the library whose frames are not of the program.
        breakers: The breakers that were seen.
    """

    callers: ClassVar[tuple[str, ...]] = ()
    breakers: WeakTable[Breaker]

    def create(self) -> None:
        """Create the table of breakers."""
        self.breakers = WeakTable()

    @abstractmethod
    def state_now(self, breaker: Any) -> str:
        """Return the state of a breaker in the contract's terms, without any input or output."""

    def end(self) -> None:
        """Forget the breakers."""
        for breaker in self.breakers.values():
            breaker.stop()
        self.breakers.clear()

    def created(self, breaker: Any) -> None:
        """Note a breaker and where the program creates it."""
        self._add(breaker, NameSearch(creation_site(breaker, (self.library.name, *self.callers))))

    def model_of(self, breaker: Any) -> Breaker:
        """Return the model of a breaker of the library."""
        return self.breakers.get(breaker) or self._add(breaker, NameSearch(None))

    def count(self, breaker: Any, outcome: str) -> None:
        """Count a call of a breaker of the library; never raises."""
        self.safely(lambda: self.model_of(breaker).count(outcome))

    def _add(self, breaker: Any, search: NameSearch) -> Breaker:
        model = _LibraryBreaker(self, breaker, search)
        self.breakers.set(breaker, model)
        model.report(owner=breaker)
        return model


class _LibraryBreaker(Breaker):
    """One breaker of a library.

    Args:
        instrumentor: Knows how to read its state.
        breaker: The library's breaker; it is not kept alive.
        search: Looks for the variable that holds it.
    """

    __slots__ = ("_breaker", "_instrumentor", "_is_identified", "_search")

    def __init__(self, instrumentor: BreakerInstrumentor, breaker: Any, search: NameSearch) -> None:
        super().__init__(state=instrumentor.state_now(breaker))
        self._instrumentor = instrumentor
        self._breaker = weakref.ref(breaker)
        self._search = search
        self._is_identified = False

    def read_state(self) -> str | None:
        """Return the library's state; None if the breaker is gone."""
        breaker = self._breaker()
        return None if breaker is None else self._instrumentor.state_now(breaker)

    def identify(self) -> Identity:
        """Look for the name, until it is found for good."""
        if not self._is_identified:
            self._instrumentor.safely(self._identify)
        return super().identify()

    def _identify(self) -> None:
        breaker = self._breaker()
        if breaker is None:
            return
        name = breaker._name or ""
        holder = self._search.find_holder(breaker)
        where = holder or self._search.fallback
        configured = configured_identity(name, where.path, *where.names)
        label = name or label_from(where.names, "breaker", "circuit", "cb", "circuitbreaker") or OTHER
        self._is_identified = bool(configured or name or holder or self._search.is_over)
        if self._is_identified:
            self.set_identity(configured or (label, "all"))
        else:
            self._identity = label, "all"
