"""The network between the service and the Collector: a namespace if root may make one, otherwise a TCP proxy."""

from __future__ import annotations

import contextlib
import itertools
import os
import random
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

__all__ = ["Network", "direct", "faulty"]

_numbers = itertools.count()


class Network:
    """The loopback interface."""

    #: How a fault is made, for the table.
    how = "none"

    def endpoint(self, port: int) -> str:
        """Return the URL of a port of the host, as the service reaches it."""
        return f"http://127.0.0.1:{port}"

    def command(self, command: Sequence[str | Path]) -> Sequence[str | Path]:
        """Return the command that runs a program in this network."""
        return command

    def lose(self, ratio: float) -> None:
        """Lose this ratio of packets in both directions from now on: 1 is a partition, 0 a network without faults."""
        raise NotImplementedError


class _Namespace(Network):
    """A network namespace, whose packets iptables drops."""

    how = "network namespace, iptables"

    def __init__(self) -> None:
        self._number = next(_numbers)
        self._name = f"chaos-{os.getpid()}-{self._number}"
        self._link = f"ch{os.getpid() % 100_000}x{self._number % 10}"
        self._net = f"10.213.{os.getpid() % 250}.{4 * (self._number % 60)}".rpartition(".")
        base, first = self._net[0], int(self._net[2])
        self._host, self._inside = f"{base}.{first + 1}", f"{base}.{first + 2}"

    def __enter__(self) -> _Namespace:
        name, link = self._name, self._link
        _run("ip", "netns", "add", name)
        _run("ip", "link", "add", f"{link}a", "type", "veth", "peer", "name", f"{link}b", "netns", name)
        _run("ip", "addr", "add", f"{self._host}/30", "dev", f"{link}a")
        _run("ip", "link", "set", f"{link}a", "up")
        for command in (
            ("addr", "add", f"{self._inside}/30", "dev", f"{link}b"),
            ("link", "set", f"{link}b", "up"),
            ("link", "set", "lo", "up"),
        ):
            _run("ip", "-n", name, *command)
        return self

    def __exit__(self, *_: object) -> None:
        subprocess.run(["ip", "netns", "delete", self._name], check=False)
        subprocess.run(["ip", "link", "delete", f"{self._link}a"], check=False, capture_output=True)

    def endpoint(self, port: int) -> str:
        return f"http://{self._host}:{port}"

    def command(self, command: Sequence[str | Path]) -> Sequence[str | Path]:
        return ["ip", "netns", "exec", self._name, *command]  # it becomes the program: the pid is the same

    def lose(self, ratio: float) -> None:
        for chain in ("INPUT", "OUTPUT"):
            _run("ip", "netns", "exec", self._name, "iptables", "-F", chain)
            if ratio:
                match = (
                    ("-m", "statistic", "--mode", "random", "--probability", str(ratio)) if ratio < 1 else ()
                )
                _run("ip", "netns", "exec", self._name, "iptables", "-A", chain, *match, "-j", "DROP")


class _Proxy(Network):
    """A TCP proxy. It drops no packets, but ends a connection for each one that is lost, or holds all back."""

    how = "TCP proxy"

    def __init__(self) -> None:
        self._ratio = 0.0
        self._flows = threading.Event()
        self._flows.set()
        self._port = 0
        self._server = socket.create_server(("127.0.0.1", 0))

    def __enter__(self) -> _Proxy:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.close()

    def endpoint(self, port: int) -> str:
        self._port = port
        return f"http://127.0.0.1:{self._server.getsockname()[1]}"

    def lose(self, ratio: float) -> None:
        self._ratio = ratio
        (self._flows.clear if ratio == 1 else self._flows.set)()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._server.accept()
                try:
                    server = socket.create_connection(("127.0.0.1", self._port))
                except OSError:
                    client.close()
                    continue
                for pair in ((client, server), (server, client)):
                    threading.Thread(target=self._copy, args=pair, daemon=True).start()

    def _copy(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError), source, target:
            while data := source.recv(65_536):
                self._flows.wait()
                if random.random() < self._ratio < 1:
                    return
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)


@contextmanager
def direct() -> Iterator[Network]:
    """The loopback interface."""
    yield Network()


@contextmanager
def faulty() -> Iterator[Network]:
    """A network that can lose packets."""
    with ExitStack() as stack:
        network: Network | None = None
        if os.geteuid() == 0 and all(map(shutil.which, ("ip", "iptables"))):
            namespace = _Namespace()
            try:
                network = stack.enter_context(namespace)
                network.lose(0)
            except subprocess.CalledProcessError:  # a container without the capability
                network = None
        yield network or stack.enter_context(_Proxy())
