"""What the sketches of users share: slots of five minutes, and one object for the process, made when first needed.

The sketches are those of Apache DataSketches (package datasketches, extra ``numeric``), which is imported when the
first one is made.
"""

from __future__ import annotations

import atexit
import time
from collections.abc import Callable, Iterator
from typing import Any, Generic, TypeVar

from signalscope.recording._process_state import ProcessState

_SLOT_SECONDS = 300.0


class Slots(ProcessState):
    """Sketches by key and slot of five minutes.

    Args:
        seconds: How long a slot is kept.
        clock: Seconds, monotonic.

    Raises:
        ImportError: datasketches is not installed.
    """

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        import datasketches  # noqa: PLC0415  # an extra; without it there are no sketches

        super().__init__()
        self._library: Any = datasketches
        self._kept = int(seconds / _SLOT_SECONDS)
        self._clock = clock
        self._sketches: dict[tuple[str, int], Any] = {}

    def _empty(self) -> Any:
        """Make an empty sketch."""
        raise NotImplementedError

    def _update(self, key: str, *values: object) -> None:
        """Update the key's present sketch."""
        slot = int(self._clock() // _SLOT_SECONDS)
        with self.lock:
            sketch = self._sketches.get((key, slot))
            if sketch is None:
                for old in [known for known in self._sketches if known[1] <= slot - self._kept]:
                    del self._sketches[old]
                sketch = self._sketches[key, slot] = self._empty()
            sketch.update(*values)

    def _since(self, seconds: float) -> Iterator[tuple[str, Any]]:
        """The keys and sketches of the last seconds; the caller holds the lock."""
        before = int(self._clock() // _SLOT_SECONDS) - int(seconds / _SLOT_SECONDS)
        return ((key, sketch) for (key, slot), sketch in self._sketches.items() if slot > before)

    def after_fork(self) -> None:
        """Forget every user."""
        self._sketches.clear()


T = TypeVar("T", bound=Slots)


class Shared(ProcessState, Generic[T]):
    """The sketches of this process, made when they are first needed.

    Args:
        make: Makes them. Without datasketches it raises ImportError, once.

    Attributes:
        sketches: None until they are needed, and where datasketches is not installed.
        is_missing: Whether datasketches is not installed.
    """

    def __init__(self, make: Callable[[], T]) -> None:
        super().__init__()
        self._make = make
        self.sketches: T | None = None
        self.is_missing = False

    def get(self) -> T | None:
        """The sketches; None where datasketches is not installed."""
        if self.sketches is None and not self.is_missing:
            with self.lock:
                self._make_once()
        return self.sketches

    def _make_once(self) -> None:
        if self.sketches is not None or self.is_missing:
            return
        try:
            self.sketches = self._make()
        except ImportError:
            self.is_missing = True
        else:
            atexit.register(
                self.sketches.after_fork
            )  # the library reports sketches that are left at the exit
