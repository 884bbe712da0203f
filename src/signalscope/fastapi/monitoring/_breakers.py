"""Circuit breakers in an answer."""

from __future__ import annotations

from collections import defaultdict
from typing import Any, Literal

from pydantic import BaseModel, Field
from pydantic.fields import FieldInfo

from signalscope.fastapi.monitoring._binding import Binding
from signalscope.fastapi.monitoring._builder import Builder

State = Literal["closed", "open", "half_open"]


class Breaker(BaseModel):
    """One circuit breaker."""

    service_name: str
    operation: str
    state: State | None = Field(
        description="The worst of all workers: open before half open before closed. Null when none reports it now; "
        "then there were calls or state changes in the window."
    )
    calls: dict[str, float] = Field(description="Calls of the window by outcome: success, failure, rejected.")
    transitions: dict[str, float] = Field(description="State changes of the window by the state entered.")


#: By field of a breaker: the series, the label whose values name its numbers, and their unit.
_PARTS = {
    "state": ("BREAKER_STATES", "state", "state"),
    "calls": ("BREAKER_CALLS", "outcome", "calls"),
    "transitions": ("BREAKER_TRANSITIONS", "to", "state changes"),
}


def _breakers(builder: Builder, path: str, _: FieldInfo) -> list[dict[str, Any]] | None:
    """Return every circuit breaker that reports; None when none does."""
    found: dict[tuple[str, str], dict[str, dict[str, float]]] = defaultdict(
        lambda: {part: {} for part in _PARTS}
    )
    for part, (key, label, unit) in _PARTS.items():
        vector = builder.vector(key)
        builder.note(f"{path}.{part}", key, unit, missing=not vector)
        for labels, number in vector.items():
            names = dict(labels)
            found[names["service_name"], names["operation"]][part][names[label]] = number
    builder.note(path, _PARTS["state"][0], "breakers", missing=not found)
    return [
        {"service_name": service, "operation": operation, **parts, "state": _worst(parts["state"])}
        for (service, operation), parts in sorted(found.items())
    ] or None


def _worst(states: dict[str, float]) -> State | None:
    worst_first: tuple[State, ...] = ("open", "half_open", "closed")
    return next((state for state in worst_first if states.get(state, 0.0) > 0), None)


#: Binds a field to the list of every circuit breaker that reports; None when none does.
every_breaker = Binding(_breakers, *(key for key, _, _ in _PARTS.values()))
