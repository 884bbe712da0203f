"""Timing with interleaved rounds, so that what else the machine does hits every variant alike."""

from __future__ import annotations

import gc
import os
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import repeat

__all__ = ["medians", "pin", "rounds_of"]

#: One variant runs for about this long before the next has its turn.
_TURN_SECONDS = 0.004

Call = Callable[[], object]


def pin() -> int | None:
    """Stay on one processor, the last one we may use; None where the system has no such call."""
    if not hasattr(os, "sched_setaffinity"):
        return None
    cpu = max(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cpu})
    return cpu


def rounds_of(
    variants: Mapping[str, Call],
    rounds: int,
    *,
    clock: Callable[[], int] = time.process_time_ns,
    between: Callable[[], object] | None = None,
) -> dict[str, Sequence[float]]:
    """Nanoseconds for one call of each variant, one number for each round.

    In each round every variant runs once, in turn; processor time is measured, not the time on the wall, and
    the garbage collector is off.

    Args:
        variants: The calls to time, by name.
        rounds: How many rounds.
        clock: Nanoseconds; processor time unless told otherwise.
        between: Run between rounds, untimed (a collection, so that buffers do not only fill up).
    """
    times: dict[str, list[float]] = {name: [] for name in variants}
    counts = {name: _calls_in_a_turn(call, clock) for name, call in variants.items()}
    enabled = gc.isenabled()
    gc.disable()
    try:
        for _ in range(rounds):
            for name, call in variants.items():
                times[name].append(_time(call, counts[name], clock))
            if between is not None:
                between()
            gc.collect(0)
    finally:
        if enabled:
            gc.enable()
    return dict(times)


def medians(times: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """The median of each variant's rounds."""
    return {name: statistics.median(values) for name, values in times.items()}


def _time(call: Call, calls: int, clock: Callable[[], int]) -> float:
    begun = clock()
    for _ in repeat(None, calls):
        call()
    return (clock() - begun) / calls


def _calls_in_a_turn(call: Call, clock: Callable[[], int]) -> int:
    """How many calls fit into one turn; warms the variant up as well."""
    calls = 1
    while True:
        taken = _time(call, calls, clock) * calls / 1e9
        if taken > _TURN_SECONDS / 4 or calls > 1_000_000:
            return max(1, int(calls * _TURN_SECONDS / max(taken, 1e-9)))
        calls *= 4
