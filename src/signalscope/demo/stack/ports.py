"""The ports of the local stack: the usual ones, others where those are taken."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, fields, replace

from signalscope.demo.stack._processes import free_port, is_free

__all__ = ["PortError", "Ports", "choose", "free"]


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
        for each in fields(Ports):
            wanted = (asked or {}).get(each.name)
            if wanted is not None:
                if not 1 <= wanted <= 65_535:
                    raise PortError(f"--{each.name}-port {wanted}: a port is a number from 1 to 65535")
                if wanted in taken:
                    raise PortError(
                        f"--{each.name}-port {wanted}: another part has it; give each one of its own"
                    )
                if not _take(wanted, kept):
                    raise PortError(
                        f"--{each.name}-port {wanted}: something else listens there; choose another port, or leave "
                        "the option out to get a free one"
                    )
                port = wanted
            else:
                usual = int(getattr(ports, each.name))
                near = (p for p in range(usual, usual + 200) if p not in taken and _take(p, kept))
                port = next(near, 0) or free_port()
                if port != usual:
                    notes.append(f"port {usual} is taken; {each.name.replace('_', ' ')} uses {port}")
            taken.add(port)
            ports = replace(ports, **{each.name: port})
        yield ports, notes


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


def free() -> Ports:
    """Ports that nobody uses now; for tests."""
    found: list[int] = []
    while len(found) < len(fields(Ports)):
        port = free_port()
        if port not in found:
            found.append(port)
    return Ports(*found)
