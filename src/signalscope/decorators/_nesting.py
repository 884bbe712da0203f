"""Recognise calls inside a measured call, so that nested calls of libraries count once.

While a calculation, a cache operation or a call to a service runs, it is stored in the context. Threads and tasks
that start with a copy of the context are inside the call too, until it ends. Only automatic instrumentation uses
this; decorated functions are always measured.
"""

from __future__ import annotations

from contextvars import ContextVar, Token
from typing import final


@final
class Inside:
    """One running call.

    Args:
        kind: calculation, cache or dependency.
        outer: The running call around this one, if any.

    Attributes:
        has_ended: True after the call; a task that runs longer still has the call in its context.
    """

    __slots__ = ("has_ended", "kind", "outer", "token")

    def __init__(self, kind: str, outer: Inside | None) -> None:
        self.kind = kind
        self.outer = outer
        self.has_ended = False
        self.token: Token[Inside | None] | None = None


@final
class _Nesting:
    """The switch for this module, which instrumentors of libraries and targets turn on."""

    __slots__ = ("on",)

    def __init__(self) -> None:
        self.on = False

    def __reduce__(self) -> str:
        return "nesting"  # pickled by name, as `live` is


nesting = _Nesting()
_current: ContextVar[Inside | None] = ContextVar("signalscope_inside", default=None)


def inside(kind: str = "calculation") -> bool:
    """Return True inside a running call of a kind."""
    call = _current.get()
    while call is not None:
        if call.kind == kind and not call.has_ended:
            return True
        call = call.outer
    return False


def enter(kind: str = "calculation") -> Inside:
    """Store the start of a call in the context."""
    outer = _current.get()
    while outer is not None and outer.has_ended:  # this task runs longer than the call
        outer = outer.outer
    call = Inside(kind, outer)
    call.token = _current.set(call)
    return call


def leave(entered: Inside) -> None:
    """Remove a call from the context; never raises."""
    entered.has_ended = True
    if entered.token is not None:
        try:
            _current.reset(entered.token)
        except ValueError:  # a generator was closed in another context, where `has_ended` is enough
            return
