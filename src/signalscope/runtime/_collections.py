"""The pauses of the process by garbage collections."""

from __future__ import annotations

import gc
import time
from collections import deque
from collections.abc import Mapping

from signalscope.recording import get_instrument
from signalscope.recording._process_state import ProcessState

#: Pauses kept between two collections of metrics; the oldest ones are dropped beyond.
_KEPT = 20_000


class _Pauses(ProcessState):
    """Pauses that are not recorded yet: generations and seconds."""

    def __init__(self) -> None:
        super().__init__()
        self.began = 0.0
        self.waiting: deque[tuple[int, float]] = deque(maxlen=_KEPT)

    def after_fork(self) -> None:
        self.began = 0.0
        self.waiting.clear()


_pauses = _Pauses()


def start() -> None:
    """Measure every garbage collection from now on; repeating it changes nothing."""
    if _measure not in gc.callbacks:
        gc.callbacks.append(_measure)


def _measure(phase: str, information: Mapping[str, int]) -> None:
    # A collection can begin at any allocation, also while a lock of the recording core is held: only append here.
    if phase == "start":
        _pauses.began = time.perf_counter()
    elif _pauses.began:
        _pauses.waiting.append((information["generation"], time.perf_counter() - _pauses.began))
        _pauses.began = 0.0


def record() -> None:
    """Record the pauses since the last call."""
    instrument = get_instrument("signal_service.gc.pause")
    with _pauses.lock:
        waiting = [_pauses.waiting.popleft() for _ in range(len(_pauses.waiting))]
    for generation, seconds in waiting:
        instrument.series(str(generation)).record(seconds)
