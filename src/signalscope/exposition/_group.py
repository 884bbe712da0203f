"""The processes of a service that share one page of `/metrics`: the workers of a server, and their parent.

Each process writes a snapshot of its metrics into its slot (`_slots`): at every scrape, once a second and at its
end. Any of the processes can show the page. One of them has the port; when it ends, another one takes the port.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import logging
import multiprocessing
import os
import re
import select
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from opentelemetry.sdk.metrics.export import MetricsData

from signalscope._version import __version__
from signalscope.exposition._server import Server
from signalscope.exposition._slots import Slots, UnusableError, is_worker
from signalscope.exposition._totals import Family, add, decode, encode, lasting, resource_of
from signalscope.recording import internal_error
from signalscope.recording._process_state import ProcessState

#: The variable with the folder for the slots.
FOLDER = "SIGNALSCOPE_MULTIPROCESS_DIR"
#: Seconds between two snapshots, and the largest part of the time that they may take.
_SECONDS, _LARGEST_PART = 1.0, 0.02
#: How long a scrape waits for the snapshots of the other processes, in seconds.
_PATIENCE_SECONDS = 1.0
_logger = logging.getLogger("signalscope")

Address = tuple[str, int]
Collect = Callable[[], list[MetricsData]]


class IncompleteError(Exception):
    """The page would not have the numbers of every process, so the scrape has to fail."""


class Group(ProcessState):
    """The part of this process in the group.

    Args:
        service: The name of the service.
        address: The host and the port of the page; None if only the routes of the application show it.
        collect: Collects the metrics of this process.
        answer: Returns the page, for the server on that port.
    """

    def __init__(self, service: str, address: Address | None, collect: Collect, answer: Any) -> None:
        super().__init__()
        self._service = service
        self._address = address
        self._collect = collect
        self._answer = answer
        self._slots: Slots | None = None
        self._former: list[Family] = []
        self._server: Server | None = None
        self._is_started = False
        self._has_forked = False
        self._logged: set[str] = set()
        self._problem = ""
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_parent=self._forked)

    def start(self) -> None:
        """Take a slot, serve the page if no other process does, and write snapshots from now on."""
        self._is_started = True
        with self.lock:
            self._claim()
            self._serve()
        threading.Thread(target=self._run, name="signalscope-snapshots", daemon=True).start()

    def after_fork(self) -> None:
        """Take a slot for the child, and close its copies of its parent's descriptors."""
        if self._server is not None:
            self._server.abandon()
            self._server = None
        if self._slots is not None:
            self._slots.release()
            self._slots.close_pipe()
        self._former, self._has_forked = [], True
        if self._is_started:
            self.start()

    def publish(self) -> None:
        """Write a snapshot, with all that has been recorded so far; never raises."""
        with self.lock:
            self._publish()

    def leave(self) -> None:
        """Write the last snapshot of this process, and give its slot and the port to others."""
        with self.lock:
            self._publish()
            self._is_started = False
            server, self._server = self._server, None
            if self._slots is not None:
                self._slots.wake()
                self._slots.release()
                with contextlib.suppress(OSError):
                    self._slots.forget()
        if server is not None:
            server.stop()

    def shown(self, own: list[MetricsData]) -> list[MetricsData]:
        """Return the metrics of this process with the counts and the label of its slot."""
        number = self._slots.number if self._slots is not None else None
        if not number and not self._former:
            return own
        return [decode(add(self._former, encode(own)), resource_of(own), str(number or ""))]

    def others(self) -> list[MetricsData]:
        """Return the metrics of all other processes, as new as possible.

        Raises:
            IncompleteError: A process cannot write its metrics.
        """
        try:
            return list(self._others())
        except OSError as error:
            raise IncompleteError(
                f"the folder of the service's processes cannot be read: {error} [SS508]"
            ) from error

    def _others(self) -> Iterator[MetricsData]:
        slots = self._slots
        if slots is None or slots.number is None:
            if os.environ.get(FOLDER) or self._has_siblings():
                raise IncompleteError(
                    f"the metrics of the other processes are not known: {self._problem} [SS508]"
                )
            return
        for number, header in slots.refresh(_PATIENCE_SECONDS).items():
            if header is not None and not header.is_complete:
                raise IncompleteError(
                    f"process {header.pid} cannot write its metrics; its log has the reason [SS508]"
                )
            snapshot = slots.read(number)
            families = snapshot.get("families", [])
            if header is not None and header.has_snapshot:
                yield decode(families, snapshot.get("resource", {}), str(number or ""))
            else:
                yield decode(lasting(families), {}, str(number or ""))

    def _has_siblings(self) -> bool:
        return is_worker() or self._has_forked or bool(multiprocessing.active_children())

    def _forked(self) -> None:
        self._has_forked = True

    def _claim(self) -> None:
        """Take a slot; a failure is logged, and tried again later."""
        try:
            if self._slots is None:
                self._slots = Slots(folder_of(self._service, self._address))
            self._slots.release()
            self._slots.close_pipe()
            self._former = add(self._former, self._slots.claim())
            self._problem = ""
        except OSError as error:
            if self._slots is not None and self._slots.number is None:
                self._slots = None
            self._problem = f"{error.filename or os.environ.get(FOLDER) or ''}: {error.strerror or error}"
            self._log(
                "signalscope: the processes of this service cannot share their metrics (%s); if there are several, "
                "/metrics answers 503. Set SIGNALSCOPE_MULTIPROCESS_DIR to a folder that they can write [SS331]",
                self._problem,
            )

    def _publish(self) -> None:
        slots, taken_at = self._slots, time.monotonic_ns()
        if slots is None or slots.number is None or self._problem:
            return
        try:
            own = self._collect()
            slots.write({"resource": resource_of(own), "families": add(self._former, encode(own))}, taken_at)
        except OSError as error:
            self._log(
                "signalscope: this process cannot write its metrics to %s (%s); /metrics of the service answers 503 "
                "until it can [SS332]",
                slots.folder,
                error.strerror or error,
            )
        except Exception:  # a metric of another part of the program
            internal_error("pull.snapshot")

    def _run(self) -> None:
        """Write a snapshot when a scrape asks for it, and at regular intervals, until the process leaves."""
        while True:
            started = time.monotonic()
            with self.lock:
                slots = self._slots
                if not self._is_started:
                    if slots is not None:
                        slots.close_pipe()
                    return
                if slots is not None and slots.is_lost():
                    slots.discard()
                    self._claim()
                elif self._problem:
                    self._claim()
                self._publish()
                self._serve()
            self._wait(max(_SECONDS, (time.monotonic() - started) / _LARGEST_PART))

    def _wait(self, seconds: float) -> None:
        pipe = self._slots.pipe if self._slots is not None else None
        if pipe is None:
            time.sleep(seconds)
            return
        poll = select.poll()
        poll.register(pipe, select.POLLIN)
        with contextlib.suppress(OSError):
            if poll.poll(seconds * 1e3):
                os.read(pipe, 65_536)

    def _serve(self) -> None:
        """Serve the page, if no other process of the group does."""
        if self._address is None or self._server is not None:
            return
        lock = self._slots.folder / "server" if self._slots is not None else None
        try:
            self._server = Server.start(*self._address, self._answer, lock)
        except OSError as error:
            if not self._problem:  # otherwise it is a worker that cannot join its parent, which is logged
                self._log(
                    "signalscope: metrics are not served on %s:%d (%s). Set OTEL_EXPORTER_PROMETHEUS_PORT to a free "
                    "port, or push with OTEL_METRICS_EXPORTER=otlp [SS326]",
                    *self._address,
                    error.strerror or error,
                )

    def _log(self, message: str, *args: object) -> None:
        """Log a problem once."""
        if message not in self._logged:
            self._logged.add(message)
            _logger.warning(message, *args)


def folder_of(service: str, address: Address | None) -> Path:
    """Return the folder for the processes of a service.

    Processes share it if the user, the port, the network, the service and the version of signalscope are the same.

    Raises:
        OSError: No folder can be written.
    """
    network = ""
    with contextlib.suppress(OSError):
        network = str(Path("/proc/self/ns/net").stat().st_ino)
    port = address[1] if address is not None else "routes"
    digest = hashlib.sha256(f"{service}\0{network}\0{__version__}".encode("utf-8", "replace")).hexdigest()[
        :12
    ]
    short = re.sub(r"[^\w.-]", "_", service, flags=re.ASCII)[:40]
    name = f"signalscope-{os.geteuid()}-{port}-{short}-{digest}"
    return _writable(_roots()) / name


def _roots() -> Iterable[Path]:
    if given := os.environ.get(FOLDER):
        Path(given).mkdir(parents=True, exist_ok=True)
        return (Path(given),)
    return (Path("/dev/shm"), *map(Path, filter(None, map(os.environ.get, ("TMPDIR", "TEMP")))), Path("/tmp"))  # noqa: S108  # the folder in it belongs to this user


def _writable(roots: Iterable[Path]) -> Path:
    for root in roots:
        if root.is_dir() and os.access(root, os.W_OK | os.X_OK):
            return root
    raise UnusableError(errno.EACCES, "no folder can be written", ", ".join(map(str, roots)))
