"""Memory of a process."""

from __future__ import annotations

from tests.mixin.cases._case import Case, of

_A, _B = (of("process_resident_memory_bytes", instance=each) for each in "ab")

CASES = [
    Case(
        "HighMemoryUsage", "a byte over 4 GiB from the first minute on, until it is restarted",
        {_A: "4294967296x4 4294967297x20 1000000x20", _B: "1000000x60"}, {"3m": 0, "3m15s": 1, "6m30s": 0},
    ),
    Case(
        "HighMemoryUsage", "exactly 4 GiB, and two that have more only together",
        {_A: "4294967296x40", _B: "4294967296x40"}, {"9m": 0},
    ),
]  # fmt: skip
