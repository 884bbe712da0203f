"""Calls inside a measured call, so that nested calls of libraries count once.

A calculation, a cache operation or a call to a service is noted in the context while it runs: threads and tasks that
start with a copy of the context are inside it too, until it has ended. Only automatic instrumentation uses this;
decorated functions are always measured.
"""

from __future__ import annotations

from contextvars import ContextVar, Token
from typing import final


@final
class Inside:
    """One running call.

    `has_ended` is for tasks that outlive the call, and still have it in their context.

    Args:
        kind: calculation, cache or dependency.
        outer: The call around it that is still running, if any.
    """

    __slots__ = ("has_ended", "kind", "outer", "token")

    def __init__(self, kind: str, outer: Inside | None) -> None:
        self.kind = kind
        self.outer = outer
        self.has_ended = False
        self.token: Token[Inside | None] | None = None


@final
class _Nesting:
    """Whether calls are noted: not before some library or target is instrumented."""

    __slots__ = ("on",)

    def __init__(self) -> None:
        self.on = False


nesting = _Nesting()
_current: ContextVar[Inside | None] = ContextVar("signalscope_inside", default=None)


def inside(kind: str = "calculation") -> bool:
    """Return True inside a measured call of a kind that is running."""
    call = _current.get()
    while call is not None:
        if call.kind == kind and not call.has_ended:
            return True
        call = call.outer
    return False


def enter(kind: str = "calculation") -> Inside:
    """Note the start of a call."""
    outer = _current.get()
    while outer is not None and outer.has_ended:  # kept by a task that has outlived it
        outer = outer.outer
    call = Inside(kind, outer)
    call.token = _current.set(call)
    return call


def leave(entered: Inside) -> None:
    """Note the end of a call; never raises."""
    entered.has_ended = True
    if entered.token is not None:
        try:
            _current.reset(entered.token)
        except ValueError:  # closed in another context, where `has_ended` is enough
            return
