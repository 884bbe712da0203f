"""Whether a patched call is to be left alone."""

from __future__ import annotations

from collections.abc import Callable

from signalscope.decorators._nesting import inside
from signalscope.instrumentation._base._instrumentor import suppressed
from signalscope.recording._state import live

__all__ = ["left_alone"]


def left_alone(undone: Callable[[], bool], part_of: str = "") -> bool:
    """Whether the patch was undone, nothing records, or instrumentation is suppressed here.

    Args:
        undone: Whether the patch was undone.
        part_of: A kind of decorated calls (`cache`, `dependency`) that such calls are a part of.
    """
    return undone() or not (live.on or live.awake()) or suppressed() or (bool(part_of) and inside(part_of))
