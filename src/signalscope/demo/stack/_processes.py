"""Starting and ending the local stack's processes: each in a session of its own, with its output in a file."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path


class PartError(RuntimeError):
    """A part of the stack did not start, or has ended unasked; the message has its last lines."""


class Part:
    """One process of the stack.

    Args:
        name: What it is called.
        command: Program and arguments.
        log: The file its output goes to.
        environment: Variables in addition to this process' own.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        log: Path,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.log = log
        with log.open("ab") as output, ThreadPoolExecutor(1) as starter:
            # A session of its own: Ctrl-C in the terminal is for us, who end the parts in their order. A thread of
            # its own: a signal that interrupts the main one in the middle of this must not lose the process.
            starting = starter.submit(
                subprocess.Popen,
                [str(argument) for argument in command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(environment or {})},
                start_new_session=True,
            )
            try:
                self._process: subprocess.Popen[bytes] = starting.result()
            except OSError as error:
                raise PartError(f"{name} cannot be started: {error}") from None
            except BaseException:
                starting.result().kill()
                raise

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def check(self) -> None:
        """See that it runs.

        Raises:
            PartError: It has ended.
        """
        if (status := self._process.poll()) is not None:
            raise PartError(f"{self.name} ended with status {status}. Its last lines:\n{self.last_lines()}")

    def last_lines(self) -> str:
        """The end of its output."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join(f"    {line}" for line in lines[-12:]) or "    (it printed nothing)"

    def stop(self, patience: float = 10.0) -> None:
        """End it and everything it has started: asked first, killed when it does not listen."""
        if self._process.poll() is None:
            self._process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(patience)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()

    def kill(self) -> None:
        """End it at once, as a crash would."""
        self._process.kill()
        self._process.wait()


def wait_until(
    is_so: Callable[[], bool], what: str, seconds: float, parts: Sequence[Part] = (), every: float = 0.1
) -> None:
    """Wait for something, while the parts run.

    Raises:
        PartError: It did not come to be in time, or a part has ended.
    """
    end = time.monotonic() + seconds
    while not is_so():
        for part in parts:
            part.check()
        if time.monotonic() > end:
            tails = "\n".join(f"{part.name}:\n{part.last_lines()}" for part in parts[-1:])
            raise PartError(f"{what}: not after {seconds:.0f} s. {tails}")
        time.sleep(every)


def answers(url: str) -> bool:
    """Return True if something answers a GET request with success."""
    with contextlib.suppress(OSError):
        urllib.request.urlopen(url, timeout=2).close()  # noqa: S310  # an http URL of this machine
        return True
    return False


def stop_at_signals() -> asyncio.Event:
    """Return an event that SIGINT and SIGTERM set; call it in the running event loop."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


def is_free(port: int) -> bool:
    """Return True if a port of the loopback interface can be listened on."""
    with contextlib.suppress(OSError):
        socket.create_server(("127.0.0.1", port)).close()
        return True
    return False


def free_port() -> int:
    """A port of the loopback interface that no process listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
