"""Since when this process runs."""

from __future__ import annotations

import os
import time
from pathlib import Path

__all__ = ["uptime"]

_imported = time.monotonic()
_STAT = Path("/proc/self/stat")
_STARTED_FIELD = 19  # of those after the name; see proc(5)


def uptime() -> float:
    """Seconds since this process started; where there is no /proc, since signalscope was imported."""
    try:
        fields = _STAT.read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
        started = int(fields[_STARTED_FIELD]) / os.sysconf("SC_CLK_TCK")
        return max(0.0, time.clock_gettime(time.CLOCK_BOOTTIME) - started)
    except (OSError, AttributeError, IndexError, ValueError):
        return time.monotonic() - _imported
