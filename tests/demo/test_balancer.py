"""The balancer in front of replicas: it takes turns, passes over a replica that is gone, and copies both ways."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from tests.ports import free_port

from signalscope.demo.stack.balancer import Balancer


class _Replicas(Balancer):
    """Replicas at several addresses of the loopback interface, instead of a name server."""

    def __init__(self, port: int, *known: str) -> None:
        super().__init__("service", port)
        self.known = list(known)

    async def addresses(self) -> list[str]:
        return self.known


@asynccontextmanager
async def _replica(address: str, port: int) -> AsyncIterator[None]:
    """Run a replica that answers each line with its address and the line."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async for line in reader:
            writer.write(address.encode() + b" " + line)
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(answer, address, port):
        yield


async def _ask(port: int, text: str) -> str:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(text.encode() + b"\n")
    writer.write_eof()
    answer = (await reader.read()).decode().strip()
    writer.close()
    await writer.wait_closed()
    return answer


@pytest.fixture
def ports() -> tuple[int, int]:
    """The port of the replicas and that of the balancer."""
    return free_port(), free_port()


async def test_connections_take_turns(ports: tuple[int, int]) -> None:
    """Each replica gets its part, and a whole answer comes back."""
    there, here = ports
    balancer = _Replicas(there, "127.0.0.2", "127.0.0.3")
    async with (
        _replica("127.0.0.2", there),
        _replica("127.0.0.3", there),
        await asyncio.start_server(balancer.forward, "127.0.0.1", here),
    ):
        answers = [await _ask(here, f"call {number}") for number in range(6)]
    assert Counter(answer.split()[0] for answer in answers) == {"127.0.0.2": 3, "127.0.0.3": 3}
    assert [answer.partition(" ")[2] for answer in answers] == [f"call {number}" for number in range(6)]


async def test_a_replica_that_is_gone_is_passed_over(ports: tuple[int, int]) -> None:
    """Nothing is lost while one of two addresses refuses connections; without any, the connection is closed."""
    there, here = ports
    balancer = _Replicas(there, "127.0.0.2", "127.0.0.3")
    async with await asyncio.start_server(balancer.forward, "127.0.0.1", here):
        async with _replica("127.0.0.3", there):
            assert {(await _ask(here, "call")).split()[0] for _ in range(4)} == {"127.0.0.3"}
        assert await _ask(here, "call") == ""
