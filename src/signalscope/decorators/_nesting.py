"""Whether this call runs inside one that is measured already, so that nested calls count once.

A calculation, a cache operation or a call to a service says so while it runs, in the context: threads and tasks
that it starts with a copy of its context are inside too, until it has ended. Only automatic instrumentation asks;
what a person has decorated is always measured.
"""

from __future__ import annotations

from contextvars import ContextVar, Token
from typing import final

__all__ = ["Inside", "enter", "inside", "leave", "nesting"]


@final
class Inside:
    """One running call; ``over`` once it has ended, which tasks that outlive it can see.

    Args:
        kind: calculation, cache or dependency.
        outer: The call around it that is still running, if any.
    """

    __slots__ = ("kind", "outer", "over", "token")

    def __init__(self, kind: str, outer: Inside | None) -> None:
        self.kind = kind
        self.outer = outer
        self.over = False
        self.token: Token[Inside | None] | None = None


@final
class _Nesting:
    """Whether anybody asks: calls say nothing before some library or target is instrumented."""

    __slots__ = ("on",)

    def __init__(self) -> None:
        self.on = False


nesting = _Nesting()
_current: ContextVar[Inside | None] = ContextVar("signalscope_inside", default=None)


def inside(kind: str = "calculation") -> bool:
    """Whether a measured call of a kind is running around this one."""
    found = _current.get()
    while found is not None:
        if found.kind == kind and not found.over:
            return True
        found = found.outer
    return False


def enter(kind: str = "calculation") -> Inside:
    """A call of a kind begins."""
    outer = _current.get()
    while outer is not None and outer.over:  # kept by a task that has outlived it
        outer = outer.outer
    found = Inside(kind, outer)
    found.token = _current.set(found)
    return found


def leave(entered: Inside) -> None:
    """It has ended; never raises."""
    entered.over = True
    if entered.token is not None:
        try:
            _current.reset(entered.token)
        except ValueError:  # closed in another context: `over` says it all
            return
