"""The folder in which the processes of a service put their metrics, so that one of them can show all on one page.

Each process has a slot, with these files:

* ``N.lock``: locked while the process lives; the kernel releases the lock at its end, also after SIGKILL. The content
  is the time and the state of the last snapshot, the process id and the parent.
* ``N.json``: the last snapshot. A new file replaces it: a process that is killed while it writes leaves the old one.
* ``N.wake``: a named pipe. A byte in it asks the process for a snapshot.

A new process takes the lowest slot without a living process, and adds its own counts to those in the slot. So a
snapshot has the sums since the start of the service. The series of a slot never fall, and do not grow in number
when workers are replaced. Prometheus would count a value twice if it moved from one series to another.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import json
import multiprocessing
import os
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from signalscope.exposition._totals import Family, lasting
from signalscope.recording._process_state import ProcessState

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]  # `Slots` refuses to work without it

#: How long to wait for the lock of the folder, in seconds. A process holds it for less than a millisecond.
_LOCK_SECONDS = 5.0
#: How long a new process may take for its first snapshot, in seconds.
_START_SECONDS = 10.0
_STARTING, _WRITTEN, _FAILED = "starting", "written", "failed"


class UnusableError(OSError):
    """The slots cannot be used here."""


class Header(NamedTuple):
    """The content of the lock file of a slot.

    Attributes:
        time: When the last snapshot was taken, or the slot was claimed, on the monotonic clock, in nanoseconds.
        state: The state of the last snapshot.
        pid: The process that has the slot.
        parent: Identifies the server of which the process is a worker.
    """

    time: int
    state: str
    pid: str
    parent: str

    @property
    def is_complete(self) -> bool:
        """Return False if the process cannot write its metrics."""
        age = time.monotonic_ns() - self.time
        return self.state == _WRITTEN or (self.state == _STARTING and age < _START_SECONDS * 1e9)

    @property
    def has_snapshot(self) -> bool:
        """Return True if the snapshot is of this process; False if it is of the process before it."""
        return self.state == _WRITTEN


class Slots(ProcessState):
    """The slots of a service, of which this process has at most one.

    All methods raise `OSError` if the folder cannot be used.

    Args:
        folder: The folder, which only the user of this process can read and write.

    Attributes:
        number: The slot of this process; None if it has none.
        pipe: The descriptor of the pipe that wakes this process.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__()
        if fcntl is None:
            raise UnusableError(errno.ENOTSUP, "this operating system does not have file locks")
        self.folder = folder
        self.number: int | None = None
        self._lock_file: int | None = None
        self.pipe: int | None = None
        with contextlib.suppress(FileExistsError):
            folder.mkdir(mode=0o700)
        status = folder.lstat()
        if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
            raise UnusableError(errno.EACCES, "it is not a folder of this user", str(folder))

    def claim(self) -> list[Family]:
        """Take a slot; return the counts of the processes that had it before."""
        with self._exclusively():
            numbers = self._numbers()
            live = {number for number in numbers if self._is_live(number)}
            if not live and not (is_worker() and _parent() in map(self._parent_of, numbers)):
                self._clear()  # these are of a service that has ended
            self.number = min(set(range(len(live) + 1)) - live)
            self._lock_file = os.open(
                self._file("lock"), os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600
            )
            fcntl.lockf(self._lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._stamp(time.monotonic_ns(), _STARTING)
            with contextlib.suppress(FileExistsError):
                os.mkfifo(self._file("wake"), 0o600)
            self.pipe = os.open(self._file("wake"), os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
            return lasting(self.read(self.number).get("families", ()))

    def write(self, snapshot: dict[str, Any], taken_at: int) -> None:
        """Replace the snapshot of this process.

        Args:
            snapshot: The content.
            taken_at: When the collection began, on the monotonic clock, in nanoseconds.
        """
        try:
            self._file("new").write_text(json.dumps(snapshot), encoding="ascii")
            self._file("new").replace(self._file("json"))
            self._stamp(taken_at, _WRITTEN)
        except OSError:
            self._stamp(taken_at, _FAILED)
            raise

    def is_lost(self) -> bool:
        """Return True if another program has deleted the slot of this process."""
        return self._lock_file is not None and os.fstat(self._lock_file).st_nlink == 0

    def discard(self) -> None:
        """Delete the snapshot of this process, which will add its counts to another slot."""
        self._file("json").unlink(missing_ok=True)

    def read(self, number: int) -> dict[str, Any]:
        """Return the last snapshot of a slot; empty if there is none."""
        try:
            snapshot: dict[str, Any] = json.loads(self._file("json", number).read_bytes())
        except (FileNotFoundError, ValueError):  # another program may have changed it
            return {}
        return snapshot

    def refresh(self, seconds: float) -> dict[int, Header | None]:
        """Ask all processes for a snapshot, and wait for them.

        Args:
            seconds: The longest time to wait. A process that is too busy to answer keeps its last snapshot.

        Returns:
            By the number of the slot, the header of a living process, else None; without the slot of this process.
        """
        asked_at = time.monotonic_ns()
        with self._exclusively():
            is_live = {number: self._is_live(number) for number in self._numbers() if number != self.number}
        waiting = {number for number in is_live if is_live[number]}
        for number in waiting:
            self._wake(number)
        while waiting and time.monotonic_ns() < asked_at + seconds * 1e9:
            waiting = {number for number in waiting if self._header(number).time < asked_at}
            time.sleep(0.005)
        return {number: self._header(number) if live else None for number, live in is_live.items()}

    def release(self) -> None:
        """Give the slot to the next process; also in a forked child, which does not have the slot of its parent."""
        if self._lock_file is not None:
            os.close(self._lock_file)
        self.number = self._lock_file = None

    def forget(self) -> None:
        """Delete the snapshots after the last process of a service, except if a server may start a new worker."""
        with self._exclusively():
            if not is_worker() and not any(map(self._is_live, self._numbers())):
                self._clear()

    def _clear(self) -> None:
        for file in self.folder.glob("*.*"):
            file.unlink(missing_ok=True)

    def close_pipe(self) -> None:
        """Close the pipe. Only the thread that reads it may do so: the descriptor's number will be used again."""
        if self.pipe is not None:
            os.close(self.pipe)
            self.pipe = None

    def wake(self) -> None:
        """Wake the thread that reads the pipe."""
        if self.pipe is not None:
            with contextlib.suppress(BlockingIOError):
                os.write(self.pipe, b"1")

    def _wake(self, number: int) -> None:
        with contextlib.suppress(
            OSError
        ):  # the process has ended, or the pipe is full: it will wake up anyway
            pipe = os.open(self._file("wake", number), os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            try:
                os.write(pipe, b"1")
            finally:
                os.close(pipe)

    def _stamp(self, at: int, state: str) -> None:
        """Write the header in place, at a fixed length, which works on a full disk too."""
        if self._lock_file is not None:
            os.pwrite(self._lock_file, f"{at:020d} {state:8} {os.getpid()} {_parent():40}".encode(), 0)

    def _header(self, number: int) -> Header:
        """Return the header of a slot of another process."""
        try:
            at, state, pid, parent = self._file("lock", number).read_text(encoding="ascii").split()
        except (OSError, ValueError):  # the disk was full when it was written
            return Header(0, _FAILED, "unknown", "")
        return Header(int(at), state, pid, parent)

    def _parent_of(self, number: int) -> str:
        return self._header(number).parent

    def _numbers(self) -> list[int]:
        return sorted(int(file.stem) for file in self.folder.glob("*.lock") if file.stem.isdecimal())

    def _is_live(self, number: int) -> bool:
        """Return True if another process has the slot; the caller has the folder's lock."""
        with self._file("lock", number).open("r+b") as file:
            try:
                fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except (BlockingIOError, PermissionError):
                return True
            return False

    def _file(self, ending: str, number: int | None = None) -> Path:
        return self.folder / f"{self.number if number is None else number}.{ending}"

    @contextmanager
    def _exclusively(self) -> Iterator[None]:
        """Hold the folder's lock, which a child that is forked meanwhile does not have."""
        deadline = time.monotonic() + _LOCK_SECONDS
        # Other threads must not open the file meanwhile: closing it would release the lock of the process.
        with self.lock, (self.folder / "folder").open("ab") as file:
            while True:
                try:
                    fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except (BlockingIOError, PermissionError):
                    if time.monotonic() > deadline:
                        raise
                    time.sleep(0.001)
            yield


def _parent() -> str:
    """Return what identifies the parent of this process.

    A single worker that its server replaces continues the counts, although no process lives in between.
    """
    return _started(os.getppid())


@functools.cache
def _started(pid: int) -> str:
    """Return a process id with the time when the process started, since ids are used again."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
        return f"{pid}-{fields.rpartition(')')[2].split()[19]}"
    except (OSError, IndexError):
        return f"{pid}"


def is_worker() -> bool:
    """Return True if this process is a worker of a server, or a child of `multiprocessing`."""
    return multiprocessing.parent_process() is not None or "gunicorn.arbiter" in sys.modules
