"""Cases of resources that are exhausted now or soon."""

from __future__ import annotations

from tests.mixin.cases._case import Case, series

from signalscope import derived

_A, _B = (series("process_resident_memory_bytes", instance=name) for name in "ab")
_GIB4 = 4 * 1024**3
#: A time in a session, five hours before the close.
_ELEVEN = "2026-11-25T16:00:00Z"
_FORECAST, _USED = (
    f'{name}{{job="signal-service", resource="cpu"{horizon}}}'
    for name, horizon in (
        (derived.get("FORECAST").name, ', horizon="48h"'),
        (derived.get("CAPACITY_USED").name, ""),
    )
)


def _grows(from_: float, step: float, times: int) -> str:
    """Return values of memory that grows by a fraction of the limit every fifteen seconds."""
    return f"{from_ * _GIB4:.0f}+{step * _GIB4:.0f}x{times}"


CASES = [
    Case(
        "SignalServiceHighCPUUsage", "exactly 80 % of a core, and a restart",
        {series("process_cpu_seconds_total"): "0+4x240 0+4x240"}, {"20m": 0, "21m": 0, "39m": 0},
        every="5s", reset=True,
    ),
    Case(
        "HighMemoryUsage", "one byte above 4 GiB from the first minute until a restart",
        {_A: "4294967296x4 4294967297x20 1000000x20", _B: "1000000x60"}, {"3m": 0, "3m15s": 1, "6m30s": 0},
    ),
    Case(
        "HighMemoryUsage", "exactly 4 GiB in each of two processes",
        {_A: "4294967296x40", _B: "4294967296x40"}, {"9m": 0},
    ),
    Case(
        "MemoryExhaustedBeforeClose", "grows for an hour and would be exhausted in the session, until a restart",
        {_A: f"{_grows(0.4, 0.001, 260)} {_GIB4 // 10}x100"}, {"50m": 0, "58m": 1, "75m": 0}, start=_ELEVEN,
    ),
    Case(
        "MemoryExhaustedBeforeClose", "grows, but is not exhausted in the session",
        {_A: _grows(0.55, 0.0002, 400)}, {"60m": 0, "90m": 0}, start=_ELEVEN,
    ),
    Case(
        "MemoryExhaustedBeforeClose", "grows at the same rate at night",
        {_A: _grows(0.4, 0.001, 400)}, {"58m": 0, "90m": 0}, start="2026-11-25T02:00:00Z",
    ),
    Case(
        "CapacityExhaustedWithin48h", "a forecast of 90 % for one hour; a day later it is lower",
        {_FORECAST: "0.5x14 0.9x14 0.5x500", _USED: "0.5x500"}, {"60m": 0, "84m": 1, "24h": 1, "28h": 0},
        every="4m", start="2026-11-17T00:00:00Z",
    ),
    Case(
        "CapacityExhaustedWithin48h", "usage and forecast are just under the limit",
        {_FORECAST: "0.8999x60", _USED: "0.8999x60"}, {"1h": 0, "3h": 0},
        every="4m", start="2026-11-17T00:00:00Z",
    ),
    Case(
        "CapacityExhaustedWithin48h", "80 % of a core in use, and a restart",
        {series("process_cpu_seconds_total"): "0+24x40 0+24x60"}, {"19m": 0, "36m": 0, "49m": 0},
        every="30s", reset=True,
    ),
]  # fmt: skip
