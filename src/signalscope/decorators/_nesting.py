"""Whether this call runs inside a calculation that is measured already, so that nested calls count once.

A calculation says so while it runs, in the context: threads and tasks that it starts with a copy of its context are
inside too, until it has ended. Only automatic instrumentation asks; what a person has decorated is always measured.
"""

from __future__ import annotations

import contextlib
from contextvars import ContextVar, Token
from typing import final

__all__ = ["Inside", "enter", "inside", "leave", "nesting"]


@final
class Inside:
    """One running calculation; ``over`` once it has ended, which tasks that outlive it can see."""

    __slots__ = ("over", "token")

    def __init__(self) -> None:
        self.over = False
        self.token: Token[Inside | None] | None = None


@final
class _Nesting:
    """Whether anybody asks: calculations say nothing before some library or target is instrumented."""

    __slots__ = ("on",)

    def __init__(self) -> None:
        self.on = False


nesting = _Nesting()
_current: ContextVar[Inside | None] = ContextVar("signalscope_calculation", default=None)


def inside() -> bool:
    """Whether a measured calculation is running around this call."""
    found = _current.get()
    return found is not None and not found.over


def enter() -> Inside:
    """A calculation begins."""
    found = Inside()
    found.token = _current.set(found)
    return found


def leave(entered: Inside) -> None:
    """It has ended; never raises."""
    entered.over = True
    if entered.token is not None:
        with contextlib.suppress(ValueError):  # closed in another context: `over` says it all
            _current.reset(entered.token)
