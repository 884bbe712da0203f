"""The ports of the local stack: the default ports, or others if those are taken."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, fields, replace

from signalscope.demo.stack._processes import free_port, is_free


class PortError(ValueError):
    """A port that the user chose is taken, or is not a port."""


@dataclass(frozen=True, slots=True)
class Ports:
    """The port of each part, on the loopback interface."""

    service: int = 8000
    console: int = 8080
    prometheus: int = 9090
    alertmanager: int = 9093
    otlp_grpc: int = 4317
    otlp_http: int = 4318
    collector: int = 8889
    telemetry: int = 8888
    health: int = 13133


@contextmanager
def choose(asked: dict[str, int | None] | None = None) -> Iterator[tuple[Ports, list[str]]]:
    """Choose a port for each part; no other demo chooses the same ports during the block.

    Args:
        asked: The ports that the user chose, by the names of `Ports`. None stands for the default port, or the next
            free one if that is taken.

    Yields:
        The ports, and a line about each port that is not the default.

    Raises:
        PortError: A port that the user chose is taken or not a port; the message says which, and what to do.
    """
    ports, notes = Ports(), []
    taken: set[int] = set()
    with ExitStack() as kept:
        for part in fields(Ports):
            usual = int(getattr(ports, part.name))
            port = (asked or {}).get(part.name)
            if port is not None:
                _take_asked(part.name, port, taken, kept)
            else:
                near = (p for p in range(usual, usual + 200) if p not in taken and _take(p, kept))
                port = next(near, 0) or free_port()
                if port != usual:
                    notes.append(f"port {usual} is taken; {part.name.replace('_', ' ')} uses {port}")
            taken.add(port)
            ports = replace(ports, **{part.name: port})
        yield ports, notes


def _take_asked(name: str, port: int, taken: set[int], kept: ExitStack) -> None:
    problem = None
    if not 1 <= port <= 65_535:
        problem = "a port is a number from 1 to 65535"
    elif port in taken:
        problem = "another part has this port; give each part a different one"
    elif not _take(port, kept):
        problem = "another program listens there; choose another port, or omit the option to get a free one"
    if problem:
        raise PortError(f"--{name}-port {port}: {problem} [SS732]")


def _take(port: int, kept: ExitStack) -> bool:
    """Reserve a free port, so that no other demo chooses it before a part listens there.

    On Linux the reservation is a socket name in the abstract namespace. The kernel removes it when this process ends.
    """
    if not is_free(port):
        return False
    if sys.platform == "linux":
        name = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            name.bind(f"\0signalscope-demo-port-{port}")
        except OSError:
            name.close()
            return False
        kept.enter_context(name)
    return True
