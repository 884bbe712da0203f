"""Conditions under which a patched call is not recorded and goes directly to the original."""

from __future__ import annotations

from collections.abc import Callable

from opentelemetry.context import get_current
from opentelemetry.instrumentation.utils import is_instrumentation_enabled

from signalscope.decorators._nesting import inside
from signalscope.recording._state import live

#: Returns True if the patch has been undone, so that the replacement must call the original.
IsUndone = Callable[[], bool]


def is_instrumentation_suppressed() -> bool:
    """Return True inside of OpenTelemetry's `suppress_instrumentation`."""
    return bool(get_current()) and not is_instrumentation_enabled()


def is_suppressed(is_undone: IsUndone = lambda: False) -> bool:
    """Return True if the patch was undone, recording is off, or instrumentation is suppressed here."""
    is_recording = live.on or live.is_enabled()
    return is_undone() or not is_recording or is_instrumentation_suppressed()


def is_suppressed_in_cache(is_undone: IsUndone) -> bool:
    """Return True if `is_suppressed` does, and inside a decorated cache operation."""
    return is_suppressed(is_undone) or inside("cache")


def only_if_undone(is_undone: IsUndone) -> bool:
    """Return True if the patch was undone: for notes that are also needed while recording is off."""
    return is_undone()
