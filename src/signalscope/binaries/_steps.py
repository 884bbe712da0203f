"""Running one step of a build: a child process that tells how far it is, and that can be cancelled."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from ._projects import BinaryError, Project

_REPORT_SECONDS = 10.0

#: Set by another thread to end whatever `install` is doing; nothing half done is left.
cancelled = threading.Event()

Say = Callable[[str], None]


def pause(seconds: float) -> None:
    if cancelled.wait(seconds):
        raise BinaryError("cancelled")


def run(project: Project, command: Sequence[str], folder: Path, say: Say) -> None:
    """Run a step, saying every few seconds that it still runs and what it does."""
    environment = {**os.environ, "CGO_ENABLED": "0", "GOTOOLCHAIN": "local"}
    latest = ["starting"]
    begun = said = time.monotonic()
    with subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        start_new_session=True,
    ) as step:  # fmt: skip
        lines: list[str] = []
        reader = threading.Thread(target=_read, args=(step.stdout, lines, latest), daemon=True)
        reader.start()
        try:
            while step.poll() is None:
                pause(0.1)
                now = time.monotonic()
                if now - said >= _REPORT_SECONDS:
                    said = now
                    say(f"{project.name} {project.version}: {now - begun:.0f} s: {latest[0][:90]}")
        except BaseException:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(step.pid, signal.SIGKILL)  # the compilers that it has started too
            raise
        reader.join(5)
        if step.returncode:
            raise BinaryError(f"{Path(command[0]).name} {command[1]} failed: " + " | ".join(lines[-5:]))


def _read(stream: Iterable[str] | None, lines: list[str], latest: list[str]) -> None:
    for line in stream or ():
        if line.strip():
            lines.append(line.strip())
            latest[0] = _readable(line)
            del lines[:-50]


def _readable(line: str) -> str:
    """A line of Go's or the builder's, whose log has time, level and place before the message."""
    fields = line.strip().split("\t")
    return fields[3] if len(fields) > 3 else fields[0]
