"""A real Prometheus for tests, a proxy that delays its answers, and a fake Prometheus with wrong answers."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from tests.ports import free_port

from signalscope import binaries
from signalscope.demo.stack._processes import Part, answers, wait_until
from signalscope.derived import _prometheus

__all__ = ["delayed", "lying", "running", "serving"]

_END = "# EOF\n"


@contextmanager
def running(folder: Path, samples: Sequence[str]) -> Iterator[str]:
    """Start a Prometheus that has these series, and yield its base URL.

    Args:
        folder: The folder for its data.
        samples: Lines of OpenMetrics with timestamps, in seconds; backfilled by promtool.
    """
    data = folder / "data"
    (folder / "samples.om").write_text("\n".join([*samples, _END]), encoding="utf-8")
    (folder / "prometheus.yml").write_text("global: {}\n", encoding="utf-8")
    promtool = Part(
        "promtool",
        [
            binaries.find("promtool"), "tsdb", "create-blocks-from", "openmetrics",
            folder / "samples.om", data,
        ],
        folder / "promtool.log",
    )  # fmt: skip
    assert promtool._process.wait(60) == 0, promtool.last_lines()
    with serving(folder) as url:
        yield url


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """Start a Prometheus with the configuration and the data of a folder, and yield its base URL."""
    port = free_port()
    part = Part(
        "prometheus",
        [
            binaries.find("prometheus"), f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={folder / 'data'}", f"--web.listen-address=127.0.0.1:{port}",
        ],
        folder / "prometheus.log",
    )  # fmt: skip
    url = f"http://127.0.0.1:{port}"
    try:
        wait_until(lambda: answers(f"{url}/-/ready"), "Prometheus", 30, [part])
        yield url
    finally:
        part.stop()


@asynccontextmanager
async def delayed(url: str, seconds: float) -> AsyncIterator[str]:
    """Start a TCP proxy that delays the answers of a server, and yield its base URL."""
    host, _, port = url.removeprefix("http://").partition(":")

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        behind_reader, behind_writer = await asyncio.open_connection(host, int(port))

        async def pump(source: asyncio.StreamReader, target: asyncio.StreamWriter, wait: float) -> None:
            with contextlib.suppress(ConnectionError):
                while part := await source.read(65_536):
                    await asyncio.sleep(wait)  # sleep: the delay of the proxy
                    target.write(part)
                    await target.drain()

        try:
            await asyncio.gather(pump(reader, behind_writer, 0), pump(behind_reader, writer, seconds))
        finally:
            await _closed(behind_writer)

    async with _server(serve) as base:
        yield base


@asynccontextmanager
async def lying(body: bytes, status: str = "200 OK") -> AsyncIterator[str]:
    """Start a fake Prometheus that answers every request with the same bytes, and yield its base URL.

    A real Prometheus does not send wrong answers.
    """

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
            writer.write(head.encode() + body)
            await writer.drain()

    async with _server(serve) as base:
        yield base


@asynccontextmanager
async def _server(serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Any]) -> AsyncIterator[str]:
    """Start a server on the loopback interface, yield its base URL, and close all connections at the end."""
    serving: set[asyncio.Task[None]] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        serving.add(task)
        try:
            await serve(reader, writer)
        except asyncio.CancelledError:
            pass  # the end of the test
        finally:
            serving.discard(task)
            await _closed(writer)

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.close()
        await _prometheus.shared.close()
        left = list(serving)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)


async def _closed(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
