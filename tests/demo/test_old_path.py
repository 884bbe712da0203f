"""The service at its path of the previous release, which start commands of users still have."""

from __future__ import annotations

import asyncio
import os
import sys

import httpx
from tests.waiting import eventually_async

from signalscope.demo.stack._processes import free_port


async def test_uvicorn_starts_the_old_path_and_warns(environment: None) -> None:
    """`uvicorn signalscope.demo.service:app` answers, and a warning names the new path."""
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-W", "default", "-m", "uvicorn", "signalscope.demo.service:app", "--port", str(port),
        env=os.environ, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        async with httpx.AsyncClient() as client:

            async def answer() -> httpx.Response | None:
                assert process.returncode is None, "the service has ended"
                try:
                    return await client.get(f"http://127.0.0.1:{port}/demo/stats")
                except httpx.ConnectError:
                    return None

            response = await eventually_async(answer, "the service answers", seconds=120)
        assert response.status_code == 200
    finally:
        if process.returncode is None:
            process.terminate()
        _, errors = await process.communicate()
    moved = "signalscope.demo.service:app has moved to signalscope.demo.service.application:app"
    assert f"DeprecationWarning: {moved}" in errors.decode()
