"""Find processes that a program has left behind."""

from __future__ import annotations

import contextlib
import signal
from pathlib import Path


def hear_hangups() -> None:
    """End this process at SIGHUP: under nohup, the programs that tests start would ignore it."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def alive(pid: int) -> bool:
    """Return True if a process runs; a process that has ended but was not waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def descendants(pid: int) -> set[int]:
    """Return the processes that a process has started, and their descendants."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            parents[int(stat.parent.name)] = int(
                stat.read_text(encoding="ascii").rpartition(")")[2].split()[1]
            )
    descendants, new = set[int](), {pid}
    while new := {child for child, parent in parents.items() if parent in new}:
        descendants |= new
    return descendants
