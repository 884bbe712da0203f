"""A balancer in front of replicas of a container: ``python -m signalscope.demo.stack.balancer --to service:8000``.

Only one container can have a port of the host. The balancer has it, so that the service can have any number of
replicas. Docker's name server has their addresses. Each connection goes to the next replica, or to another one if
that replica refuses it.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import socket

from signalscope.demo.stack._processes import stop_at_signals

__all__ = ["Balancer"]

_CONNECT_SECONDS = 2.0
_BYTES = 65_536


class Balancer:
    """Forwards each connection to one of the addresses of a name.

    Args:
        host: The name of the replicas.
        port: Their port.
    """

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port
        self._turn = 0

    async def addresses(self) -> list[str]:
        """Return the addresses of the name now, without repetitions."""
        loop = asyncio.get_running_loop()
        answers = await loop.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)
        return sorted({str(address[0]) for *_, address in answers})

    async def forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Forward one connection until both sides have ended; close it if no replica accepts it."""
        writers = [writer]
        with contextlib.suppress(OSError):
            there = await self._connect()
            if there is not None:
                writers.append(there[1])
                await asyncio.gather(_copy(reader, there[1]), _copy(there[0], writer))
        for one in writers:
            one.close()
            with contextlib.suppress(OSError):
                await one.wait_closed()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        addresses = await self.addresses()
        self._turn += 1
        for number in range(len(addresses)):
            address = addresses[(self._turn + number) % len(addresses)]
            with contextlib.suppress(OSError, TimeoutError):
                async with asyncio.timeout(_CONNECT_SECONDS):
                    return await asyncio.open_connection(address, self._port)
        return None


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copy until the reader's side ends, and tell the writer's side."""
    try:
        while data := await reader.read(_BYTES):
            writer.write(data)
            await writer.drain()
    except OSError:  # one side has gone
        writer.close()
    else:
        with contextlib.suppress(OSError):
            writer.write_eof()


async def _serve(host: str, port: int, balancer: Balancer) -> None:
    stop = stop_at_signals()
    async with await asyncio.start_server(balancer.forward, host, port):
        await stop.wait()


def main() -> None:
    """Run until SIGINT or SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m signalscope.demo.stack.balancer", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on (127.0.0.1)")
    parser.add_argument("--port", type=int, default=8000, help="the port to listen on (8000)")
    parser.add_argument("--to", required=True, metavar="NAME:PORT", help="the replicas")
    options = parser.parse_args()
    name, _, port = options.to.rpartition(":")
    if not name or not port.isdigit():
        parser.error("--to is a name and a port, for example service:8000")
    asyncio.run(_serve(options.host, options.port, Balancer(name, int(port))))


if __name__ == "__main__":
    main()
