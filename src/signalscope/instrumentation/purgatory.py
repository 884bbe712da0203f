"""purgatory: every breaker of its factories, as a decorator or context manager, synchronous or asynchronous."""

from __future__ import annotations

import functools
from types import ModuleType
from typing import Any

from signalscope.breakers._model import Breaker
from signalscope.contract._model import OTHER
from signalscope.instrumentation._base._breakers import SHARED_STORAGE, breaker_library, configured_identity
from signalscope.instrumentation._base._instrumentor import LibraryInstrumentor, Method, on_import

__all__ = ["PurgatoryInstrumentor"]

_STATES = {"closed": "closed", "opened": "open", "half-opened": "half_open"}
#: Limit of the circuits that are recorded by name; the contract allows fewer.
_MOST_CIRCUITS = 500


class PurgatoryInstrumentor(LibraryInstrumentor):
    """Instrumentor for the breakers of purgatory.

    Example:
        >>> PurgatoryInstrumentor().instrument()
        >>> PurgatoryInstrumentor().uninstrument()
    """

    library = breaker_library(
        name="purgatory",
        supports=("purgatory >= 1.0, < 4",),
        tested=("1.0.3", "3.0.1"),
        unit=(
            "A call that an open circuit refuses is `rejected`. A call that raises is a `failure`: also the call "
            "that opens the circuit, and a call that was running at that time. A call that raises an excluded "
            "exception is a `success`, as in purgatory."
        ),
        not_measured=(SHARED_STORAGE,),
        notes=(
            "`service_name` is the circuit's name.",
            "A circuit turns half open at the first call after its TTL; until then its state is `open`.",
        ),
    )

    circuits: dict[str, Breaker]

    def create(self) -> None:
        """Create the table of circuits."""
        self.circuits = {}

    def end(self) -> None:
        """Forget the circuits."""
        for circuit in self.circuits.values():
            circuit.stop()
        self.circuits.clear()

    @on_import("purgatory.domain.model")
    def _patch(self, module: ModuleType) -> None:
        for name in ("__init__", "set_state"):
            self.intercept(module.Context, name, self._change_state)
        admit = functools.partial(self._admit, module.OpenedState)
        self.intercept(module.Context, "handle_new_request", admit)
        for state in (module.ClosedState, module.HalfOpenedState, module.OpenedState):
            self.intercept(state, "handle_exception", self._fail)
            self.intercept(state, "handle_end_request", self._succeed)

    def _change_state(self, original: Method, context: Any, /, *args: Any, **kwargs: Any) -> Any:
        value = original(context, *args, **kwargs)
        self.safely(lambda: self._circuit(str(context.name), context).enter(_STATES[context.state]))
        return value

    def _admit(
        self, rejection: type[BaseException], original: Method, context: Any, /, *args: Any, **kwargs: Any
    ) -> Any:
        try:
            return original(context, *args, **kwargs)
        except rejection:
            self._count(context, "rejected")
            raise

    def _fail(self, original: Method, state: Any, context: Any, error: BaseException) -> Any:
        self.safely(lambda: self._circuit(str(context.name), context).fail(error))
        return original(state, context, error)

    def _succeed(self, original: Method, state: Any, context: Any) -> Any:
        self._count(context, "success")
        return original(state, context)

    def _count(self, context: Any, outcome: str) -> None:
        self.safely(lambda: self._circuit(str(context.name), context).count(outcome))

    def _circuit(self, name: str, context: Any) -> Breaker:
        circuit = self.circuits.get(name)
        if circuit is not None:
            return circuit
        if len(self.circuits) >= _MOST_CIRCUITS and name != OTHER:
            return self._circuit(OTHER, context)
        identity = configured_identity(name) or (name, "all")
        circuit = self.circuits.setdefault(name, Breaker(identity, _STATES.get(context.state, "closed")))
        circuit.report()
        return circuit
