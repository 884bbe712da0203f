"""The ports of the local stack: the usual ones, others where those are taken."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, fields, replace

from signalscope.demo.stack._processes import free_port, is_free


class PortError(ValueError):
    """A port that was asked for is taken, or is none."""


@dataclass(frozen=True, slots=True)
class Ports:
    """Where each part listens, on the loopback interface."""

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
    """Ports for everything, which no other demo chooses during the block.

    Args:
        asked: Ports that the user wants, by name; None for the usual one or, where that is taken, the next.

    Yields:
        The ports, and a line about each that is not the usual one.

    Raises:
        PortError: A port that was asked for is taken; the message says which, and the way out.
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
        problem = "another part has it; give each one of its own"
    elif not _take(port, kept):
        problem = (
            "something else listens there; choose another port, or leave the option out to get a free one"
        )
    if problem:
        raise PortError(f"--{name}-port {port}: {problem}")


def _take(port: int, kept: ExitStack) -> bool:
    """Take a port that is free, so that no other demo chooses it before something listens there.

    What says so is a name in Linux' abstract namespace: it is gone when this process is, however it ends.
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
