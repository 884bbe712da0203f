"""Timing with interleaved rounds, so that other work of the machine affects every variant alike."""

from __future__ import annotations

import gc
import os
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import repeat

__all__ = ["medians", "pin", "rounds_of"]

#: Time that one variant runs before the next one runs.
_TURN_SECONDS = 0.004

Call = Callable[[], object]


def pin() -> int | None:
    """Stay on one processor, the last that this process may use; return None on a system without such a call."""
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
    """Return the nanoseconds for one call of each variant, with one number for each round.

    Every variant runs once in each round, in turn. Processor time is measured, not wall-clock time, and the garbage
    collector is off.

    Args:
        variants: The calls to time, by name.
        rounds: The number of rounds.
        clock: Returns nanoseconds; by default processor time.
        between: Called between rounds, untimed (a collection, so that buffers do not only fill up).
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
    """Return the median of each variant's rounds."""
    return {name: statistics.median(values) for name, values in times.items()}


def _time(call: Call, calls: int, clock: Callable[[], int]) -> float:
    begun = clock()
    for _ in repeat(None, calls):
        call()
    return (clock() - begun) / calls


def _calls_in_a_turn(call: Call, clock: Callable[[], int]) -> int:
    """Return the number of calls that fit into one turn, and warm the variant up."""
    calls = 1
    while True:
        taken = _time(call, calls, clock) * calls / 1e9
        if taken > _TURN_SECONDS / 4 or calls > 1_000_000:
            return max(1, int(calls * _TURN_SECONDS / max(taken, 1e-9)))
        calls *= 4
