"""purgatory: every breaker of its factories, as a decorator or context manager, synchronous and asynchronous."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from types import ModuleType
from typing import Any

from signalscope.breakers._model import BREAKER_METRICS, Breaker
from signalscope.contract._model import OTHER
from signalscope.instrumentation._base._breakers import SHARED_STORAGE, configured_identity
from signalscope.instrumentation._base._instrumentor import Hook, IsUndone, LibraryInstrumentor, Method
from signalscope.instrumentation._base._library import Library
from signalscope.instrumentation._base._suppression import is_suppressed

__all__ = ["PurgatoryInstrumentor"]

_STATES = {"closed": "closed", "opened": "open", "half-opened": "half_open"}
#: Circuits with a record of their own; the contract allows fewer.
_MOST_CIRCUITS = 500


class PurgatoryInstrumentor(LibraryInstrumentor):
    """Measures the breakers of purgatory."""

    library = Library(
        name="purgatory",
        title="purgatory",
        kind="breaker",
        supports=("purgatory >= 1.0, < 4",),
        tested=("1.0.3", "3.0.1"),
        measures=BREAKER_METRICS,
        spans="None.",
        unit=(
            "A call that an opened circuit turns away is `rejected`; one that raises is a `failure`, the "
            "tripping one and one that was under way when another tripped it included; one that raises an "
            "excluded exception is a `success`, as for purgatory."
        ),
        not_measured=(SHARED_STORAGE,),
        notes=(
            "`service_name` is the circuit's name.",
            "purgatory half-opens a circuit at the first call after its TTL, and it is shown as open until then.",
        ),
    )

    circuits: dict[str, Breaker]

    def __init__(self) -> None:
        super().__init__()
        if not hasattr(self, "circuits"):
            self.circuits = {}

    def hooks(self) -> Mapping[str, Hook]:
        """Return the hook of the module that both kinds of factories use."""
        return {"purgatory.domain.model": self._patch}

    def end(self) -> None:
        """Forget the circuits."""
        for circuit in self.circuits.values():
            circuit.stop()
        self.circuits.clear()

    def _patch(self, module: ModuleType) -> None:
        self.on_created(module.Context, self._created)
        self.replace(module.Context, "set_state", self._set_state)
        self.replace(
            module.Context, "handle_new_request", functools.partial(self._admit, rejection=module.OpenedState)
        )
        for state in (module.ClosedState, module.HalfOpenedState, module.OpenedState):
            self.replace(state, "handle_exception", functools.partial(self._ended, outcome="failure"))
            self.replace(state, "handle_end_request", functools.partial(self._ended, outcome="success"))

    def _set_state(self, original: Method, is_undone: IsUndone) -> Method:
        @functools.wraps(original)
        def set_state(context: Any, *args: Any, **kwargs: Any) -> Any:
            value = original(context, *args, **kwargs)
            if not is_suppressed(is_undone):
                self.safely(lambda: self._seen(context))
            return value

        return set_state

    def _admit(self, original: Method, is_undone: IsUndone, *, rejection: type[BaseException]) -> Method:
        @functools.wraps(original)
        def handle_new_request(context: Any, *args: Any, **kwargs: Any) -> Any:
            try:
                return original(context, *args, **kwargs)
            except rejection:
                if not is_suppressed(is_undone):
                    self._count(context, "rejected")
                raise

        return handle_new_request

    def _ended(self, original: Method, is_undone: IsUndone, *, outcome: str) -> Method:
        @functools.wraps(original)
        def ended(state: Any, context: Any, *args: Any, **kwargs: Any) -> Any:
            if not is_suppressed(is_undone):
                self._count(context, outcome)
            return original(state, context, *args, **kwargs)

        return ended

    def _created(self, context: Any) -> None:
        if not is_suppressed(lambda: False):
            self._seen(context)

    def _seen(self, context: Any) -> None:
        self._circuit(str(context.name), context).enter(_STATES[context.state])

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
