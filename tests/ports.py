"""Ports of the loopback interface that no other test process chooses.

The kernel may give a port that it has chosen (port 0) to another process, before the server under test listens there.
So each test process takes a block of ports below those of the kernel, and counts through it.
A socket that listens on the first port of the block reserves it until the process ends.
"""

from __future__ import annotations

import functools
import itertools
import socket
from collections.abc import Iterator
from dataclasses import fields

from signalscope.demo.stack.ports import Ports

__all__ = ["free_port", "free_ports"]

_BLOCKS = range(14_000, 32_000, 500)


@functools.cache
def _block() -> Iterator[int]:
    """Yield the ports of this process' block, again and again."""
    for first in _BLOCKS:
        keeper = socket.socket()
        try:
            keeper.bind(("127.0.0.1", first))
            keeper.listen()
        except OSError:
            keeper.close()
            continue
        keeper.detach()  # it stays open until the process ends
        return itertools.cycle(range(first + 1, first + _BLOCKS.step))
    raise AssertionError(f"every block of ports from {_BLOCKS.start} to {_BLOCKS.stop} is taken")


def free_port() -> int:
    """Return a port that no process listens on and no other test process gets."""
    for port in itertools.islice(_block(), _BLOCKS.step):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
    raise AssertionError("every port of this process' block is taken")


def free_ports() -> Ports:
    """Return the ports for a local stack."""
    return Ports(*(free_port() for _ in fields(Ports)))
