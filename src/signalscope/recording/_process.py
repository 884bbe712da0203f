"""CPU time, memory and uptime of this process; the metrics have the names of Prometheus' client libraries."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

from signalscope.recording import get_instrument, observe
from signalscope.recording._process_state import ProcessState

_STATM = Path("/proc/self/statm")
_STAT = Path("/proc/self/stat")
_START_TIME_FIELD = 19  # counted after the process name; see proc(5)
_imported_at = time.monotonic()


class _Cpu(ProcessState):
    """The CPU seconds recorded so far; None before `observe_process`."""

    recorded: float | None = None

    def after_fork(self) -> None:
        if self.recorded is not None:
            self.recorded = 0.0  # the operating system starts a child's CPU time at zero as well


_cpu = _Cpu()


def observe_process() -> None:
    """Report `process.cpu` and `process.resident_memory` at every collection from now on.

    Without /proc, memory is not reported: the standard library only has the peak, not the current value.
    """
    if _cpu.recorded is None:
        _cpu.recorded = 0.0
        observe("process.resident_memory", _memory)
        observe("signal_service.memory.usage", lambda: ((used, ("process",)) for used, _ in _memory()))


def uptime() -> float:
    """Return the seconds since this process started; without /proc, since signalscope was imported."""
    try:
        fields = _STAT.read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
        started = int(fields[_START_TIME_FIELD]) / os.sysconf("SC_CLK_TCK")
        return max(0.0, time.clock_gettime(time.CLOCK_BOOTTIME) - started)
    except (OSError, AttributeError, IndexError, ValueError):
        return time.monotonic() - _imported_at


def _memory() -> Iterator[tuple[float, tuple[str, ...]]]:
    """Yield the resident bytes, and record the CPU time for the same collection."""
    _record_cpu()
    try:
        pages = int(_STATM.read_text(encoding="ascii").split()[1])
    except OSError:
        return
    yield float(pages * os.sysconf("SC_PAGE_SIZE")), ()


def _record_cpu() -> None:
    times = os.times()
    spent = times.user + times.system
    since = spent - (_cpu.recorded or 0.0)
    if since > 0:
        _cpu.recorded = spent
        get_instrument("process.cpu").series().record(since)
