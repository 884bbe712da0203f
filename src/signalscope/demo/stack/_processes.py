"""Start and end the processes of the local stack; each has its own session and writes its output to a file."""

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
    """A part of the stack did not start, or ended too early; the message has the last lines of its output."""


class Part:
    """A process of the stack.

    Args:
        name: The name of the part.
        command: The program and its arguments.
        log: The file for the output.
        environment: Environment variables in addition to those of this process.

    Raises:
        PartError: The program cannot be started.
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
            # Each part has its own session: Ctrl-C reaches only this process, which ends the parts in order.
            # A thread starts it: a signal that interrupts the main thread here must not lose the process.
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
                raise PartError(f"{name} cannot be started: {error} [SS733]") from None
            except BaseException:
                starting.result().kill()
                raise

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def check(self) -> None:
        """Check that the process runs.

        Raises:
            PartError: The process has ended.
        """
        if (status := self._process.poll()) is not None:
            output = f"Its log is {self.log}; the last lines:\n{self.last_lines()}"
            raise PartError(f"{self.name} ended with status {status}. {output}\n[SS733]")

    @property
    def is_running(self) -> bool:
        """True while the process runs."""
        return self._process.poll() is None

    def last_lines(self) -> str:
        """Return the last 12 lines of the output, indented."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join(f"    {line}" for line in lines[-12:]) or "    (it printed nothing)"

    def stop(self, patience: float = 10.0) -> None:
        """Terminate the process and everything that it has started; kill what is left.

        Args:
            patience: Seconds between the two.
        """
        if self._process.poll() is None:
            self._process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(patience)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()

    def kill(self) -> None:
        """End the process at once, as a crash would."""
        self._process.kill()
        self._process.wait()


def wait_until(
    is_so: Callable[[], bool], what: str, seconds: float, parts: Sequence[Part] = (), every: float = 0.1
) -> None:
    """Wait until a condition is true, and check that the parts run.

    Args:
        is_so: Return True once the condition is true.
        what: The condition, for the message.
        seconds: How long to wait at most.
        parts: The parts that must run meanwhile.
        every: Seconds between two checks.

    Raises:
        PartError: The condition is not true in time, or a part has ended.
    """
    end = time.monotonic() + seconds
    while not is_so():
        for part in parts:
            part.check()
        if time.monotonic() > end:
            tails = "\n".join(f"{part.name} ({part.log}):\n{part.last_lines()}" for part in parts[-1:])
            raise PartError(f"{what}: not ready after {seconds:.0f} s. {tails}\n[SS733]")
        time.sleep(every)


def answers(url: str) -> bool:
    """Return True if a server answers a GET request with success."""
    with contextlib.suppress(OSError):
        urllib.request.urlopen(url, timeout=2).close()  # noqa: S310  # an http URL of this machine
        return True
    return False


def stop_at_signals() -> asyncio.Event:
    """Return an event that SIGINT and SIGTERM set; call this function in the running event loop."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


def is_free(port: int) -> bool:
    """Return True if no process listens on a port of the loopback interface."""
    with contextlib.suppress(OSError):
        socket.create_server(("127.0.0.1", port)).close()
        return True
    return False


def free_port() -> int:
    """Return a port of the loopback interface that no process listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
