"""The common part of the sketches of users: slots of five minutes, and one object for each process.

The sketches come from Apache DataSketches (package datasketches, extra ``numeric``). The package is imported when the
first sketch is needed.
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
        seconds: The number of seconds that a slot is kept.
        clock: Returns the monotonic time in seconds.

    Raises:
        ImportError: datasketches is not installed.
    """

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        import datasketches  # noqa: PLC0415  # an optional package; the caller handles its absence

        super().__init__()
        self._library: Any = datasketches
        self._kept = int(seconds / _SLOT_SECONDS)
        self._clock = clock
        self._sketches: dict[tuple[str, int], Any] = {}

    def _empty(self) -> Any:
        """Return a new, empty sketch."""
        raise NotImplementedError

    def _update(self, key: str, *values: object) -> None:
        """Add values to the sketch of a key for the present slot."""
        slot = int(self._clock() // _SLOT_SECONDS)
        with self.lock:
            sketch = self._sketches.get((key, slot))
            if sketch is None:
                for old in [known for known in self._sketches if known[1] <= slot - self._kept]:
                    del self._sketches[old]
                sketch = self._sketches[key, slot] = self._empty()
            sketch.update(*values)

    def _since(self, seconds: float) -> Iterator[tuple[str, Any]]:
        """Iterate over the keys and sketches of the last seconds. The caller must hold the lock."""
        before = int(self._clock() // _SLOT_SECONDS) - int(seconds / _SLOT_SECONDS)
        return ((key, sketch) for (key, slot), sketch in self._sketches.items() if slot > before)

    def after_fork(self) -> None:
        """Drop the sketches of the parent process."""
        self._sketches.clear()


T = TypeVar("T", bound=Slots)


class Shared(ProcessState, Generic[T]):
    """The sketches of this process, which are created when they are first needed.

    Args:
        make: Creates the sketches; raises ImportError if datasketches is not installed.
        begin: Called with new sketches, without the lock. To create an instrument, it may wait for a collection, and
            a callback of the collection may need the lock.

    Attributes:
        sketches: The sketches; None until they are needed, and if datasketches is not installed.
        is_missing: True if datasketches is not installed.
    """

    def __init__(self, make: Callable[[], T], begin: Callable[[T], object] = lambda _: None) -> None:
        super().__init__()
        self._make = make
        self._begin = begin
        self.sketches: T | None = None
        self.is_missing = False

    def get(self) -> T | None:
        """Return the sketches; None if datasketches is not installed."""
        if self.sketches is None and not self.is_missing:
            with self.lock:
                new = self._make_once()
            if new is not None:
                self._begin(new)
        return self.sketches

    def _make_once(self) -> T | None:
        """Create the sketches, and return them if they are new."""
        if self.sketches is not None or self.is_missing:
            return None
        try:
            new = self.sketches = self._make()
        except ImportError:
            self.is_missing = True
            return None
        atexit.register(new.after_fork)  # the library warns about sketches that exist at the exit
        return new
