"""Resources that are used up, and that will be."""

from __future__ import annotations

from tests.mixin.cases._case import Case, series

from signalscope import derived

_A, _B = (series("process_resident_memory_bytes", instance=name) for name in "ab")
_GIB4 = 4 * 1024**3
#: A session's day, five hours before the close.
_ELEVEN = "2026-11-25T16:00:00Z"
_FORECAST, _USED = (
    f'{name}{{job="signal-service", resource="cpu"{horizon}}}'
    for name, horizon in (
        (derived.get("FORECAST").name, ', horizon="48h"'),
        (derived.get("CAPACITY_USED").name, ""),
    )
)


def _grows(from_: float, step: float, times: int) -> str:
    """Return memory that grows by a part of the limit every fifteen seconds."""
    return f"{from_ * _GIB4:.0f}+{step * _GIB4:.0f}x{times}"


CASES = [
    Case(
        "SignalServiceHighCPUUsage", "exactly four fifths of a core, and a restart",
        {series("process_cpu_seconds_total"): "0+4x240 0+4x240"}, {"20m": 0, "21m": 0, "39m": 0},
        every="5s", reset=True,
    ),
    Case(
        "HighMemoryUsage", "a byte over 4 GiB from the first minute on, until it is restarted",
        {_A: "4294967296x4 4294967297x20 1000000x20", _B: "1000000x60"}, {"3m": 0, "3m15s": 1, "6m30s": 0},
    ),
    Case(
        "HighMemoryUsage", "exactly 4 GiB, and two that have more only together",
        {_A: "4294967296x40", _B: "4294967296x40"}, {"9m": 0},
    ),
    Case(
        "MemoryExhaustedBeforeClose", "grows for an hour, so that it lasts for two, until it is restarted",
        {_A: f"{_grows(0.4, 0.001, 260)} {_GIB4 // 10}x100"}, {"50m": 0, "58m": 1, "75m": 0}, start=_ELEVEN,
    ),
    Case(
        "MemoryExhaustedBeforeClose", "grows, and lasts longer than the session",
        {_A: _grows(0.55, 0.0002, 400)}, {"60m": 0, "90m": 0}, start=_ELEVEN,
    ),
    Case(
        "MemoryExhaustedBeforeClose", "grows as quickly, at night",
        {_A: _grows(0.4, 0.001, 400)}, {"58m": 0, "90m": 0}, start="2026-11-25T02:00:00Z",
    ),
    Case(
        "CapacityExhaustedWithin48h", "foreseen to be nine tenths used, for an hour; a day later it is not",
        {_FORECAST: "0.5x14 0.9x14 0.5x500", _USED: "0.5x500"}, {"60m": 0, "84m": 1, "24h": 1, "28h": 0},
        every="4m", start="2026-11-17T00:00:00Z",
    ),
    Case(
        "CapacityExhaustedWithin48h", "a little less is in use, and foreseen",
        {_FORECAST: "0.8999x60", _USED: "0.8999x60"}, {"1h": 0, "3h": 0},
        every="4m", start="2026-11-17T00:00:00Z",
    ),
    Case(
        "CapacityExhaustedWithin48h", "four fifths of a core in use, and a restart",
        {series("process_cpu_seconds_total"): "0+24x40 0+24x60"}, {"19m": 0, "36m": 0, "49m": 0},
        every="30s", reset=True,
    ),
]  # fmt: skip
