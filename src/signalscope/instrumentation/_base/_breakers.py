"""Breakers of libraries: their names, their states, and the base of the instrumentors that measure them.

The state gauge has the library's state at the time of the collection. A breaker may change its state after a time,
without a call. Such a transition is counted at the next call or the next collection.

`service_name` is the breaker's own name, else the name of the variable that holds the breaker.
``SIGNALSCOPE_BREAKERS="ticker*=ticker_service/quote;my.clients:_config_cb=config_service"`` overrides both. The text
after the slash is the `operation`. Without a slash it is ``all``.
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

#: The description of a breaker library.
breaker_library = functools.partial(Library, kind="breaker", measures=BREAKER_METRICS)
#: For `Library.not_measured`.
SHARED_STORAGE = (
    "With Redis as storage: state changes by other processes, until the next call in this process."
)
_PATTERNS = Patterns("SIGNALSCOPE_BREAKERS", "ticker*=ticker_service/quote;config=config_service")


def configured_identity(*names: str) -> Identity | None:
    """Return the service name and operation that SIGNALSCOPE_BREAKERS sets for one of these names, if any."""
    configured = _PATTERNS.find(names)
    if configured is None:
        return None
    service, _, operation = configured.partition("/")
    return service.strip() or OTHER, operation.strip() or "all"


class BreakerInstrumentor(LibraryInstrumentor):
    """Base of the instrumentors for libraries whose breakers are objects.

    Attributes:
        callers: Further packages whose stack frames do not belong to the program.
        breakers: The known breakers.
    """

    callers: ClassVar[tuple[str, ...]] = ()
    breakers: WeakTable[Breaker]

    def create(self) -> None:
        """Create the table of breakers."""
        self.breakers = WeakTable()

    @abstractmethod
    def state_now(self, breaker: Any) -> str:
        """Return the state of a breaker, as the contract names it, without input or output."""

    def end(self) -> None:
        """Forget the breakers."""
        for breaker in self.breakers.values():
            breaker.stop()
        self.breakers.clear()

    def created(self, breaker: Any) -> None:
        """Add a new breaker, and note the place in the program that creates it."""
        self._add(breaker, NameSearch(creation_site(breaker, (self.library.name, *self.callers))))

    def model_of(self, breaker: Any) -> Breaker:
        """Return the model of a breaker of the library."""
        return self.breakers.get(breaker) or self._add(breaker, NameSearch(None))

    def count(self, breaker: Any, outcome: str) -> None:
        """Count a call of a breaker of the library; never raise an exception."""
        self.safely(lambda: self.model_of(breaker).count(outcome))

    def fail(self, breaker: Any, error: BaseException | None = None) -> None:
        """Count a failed call of a breaker of the library, by default with the exception that is handled now."""
        self.safely(lambda: self.model_of(breaker).fail(error))

    def _add(self, breaker: Any, search: NameSearch) -> Breaker:
        model = _LibraryBreaker(self, breaker, search)
        self.breakers.set(breaker, model)
        model.report(owner=breaker)
        return model


class _LibraryBreaker(Breaker):
    """One breaker of a library.

    Args:
        instrumentor: The instrumentor of the library, which reads the state.
        breaker: The library's breaker; it is not kept alive.
        search: The search for the variable that holds the breaker.
    """

    __slots__ = ("_breaker", "_instrumentor", "_is_identified", "_search")

    def __init__(self, instrumentor: BreakerInstrumentor, breaker: Any, search: NameSearch) -> None:
        super().__init__(state=instrumentor.state_now(breaker))
        self._instrumentor = instrumentor
        self._breaker = weakref.ref(breaker)
        self._search = search
        self._is_identified = False

    def read_state(self) -> str | None:
        """Return the library's state; None if the breaker no longer exists."""
        breaker = self._breaker()
        return None if breaker is None else self._instrumentor.state_now(breaker)

    def identify(self) -> Identity:
        """Return the identity; search the name until it is final."""
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
