"""Thread pools: busy and idle threads and waiting tasks of default executors, AnyIO and named pools."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import httpx
import pytest
from tests.runtime.test_loops import Run, _loops_of
from tests.waiting import DEADLINE, eventually, eventually_async

from fastapi import FastAPI
from signalscope import runtime
from signalscope.fastapi import ApiMetrics
from signalscope.testing import Captured, capture

_THREADS, _QUEUED = "signal_service_executor_threads", "signal_service_executor_queued_tasks"


@pytest.fixture(params=_loops_of())
def run(request: pytest.FixtureRequest) -> Run:
    """Run a coroutine in an event loop of each kind that is installed."""
    return _loops_of()[request.param]


def _state(captured: Captured, name: str) -> tuple[float | None, ...]:
    """Return busy threads, idle threads and waiting tasks of a pool."""
    states = (captured.value(_THREADS, executor=name, state=state) for state in ("busy", "idle"))
    return *states, captured.value(_QUEUED, executor=name)


@contextmanager
def _pool(threads: int, name: str) -> Iterator[tuple[ThreadPoolExecutor, threading.Event]]:
    """Yield a pool that is reported, and the event that ends its tasks."""
    end = threading.Event()
    with ThreadPoolExecutor(threads) as pool:
        forget = runtime.observe_executor(pool, name)
        try:
            yield pool, end
        finally:
            end.set()
            forget()


def test_a_named_pool_is_reported_until_it_ends() -> None:
    """Threads that are not started are idle; two busy threads and three waiting tasks; then nothing."""
    with capture() as captured:
        with _pool(2, "pricing") as (pool, end):
            assert _state(captured, "pricing") == (0, 2, 0)
            tasks = [pool.submit(end.wait, DEADLINE) for _ in range(5)]
            eventually(lambda: _state(captured, "pricing") == (2, 0, 3), DEADLINE, "all threads are busy")
            end.set()
            for task in tasks:
                task.result(DEADLINE)
            eventually(lambda: _state(captured, "pricing") == (0, 2, 0), DEADLINE, "all threads are idle")
        assert _state(captured, "pricing") == (None, None, None)


def test_busy_threads_are_exact_after_many_short_tasks() -> None:
    """The pool's own count of idle threads is too low then."""
    with capture() as captured, _pool(8, "short") as (pool, _):
        for _ in range(20):
            for task in [pool.submit(int) for _ in range(200)]:
                task.result(DEADLINE)
        eventually(lambda: _state(captured, "short") == (0, 8, 0), DEADLINE, "all threads are idle")


def test_the_default_executor_of_each_loop_is_reported(run: Run) -> None:
    """After something has used it; it is not created for the measurement."""

    async def main(captured: Captured) -> None:
        runtime.start()
        runtime.watch_event_loop()
        assert _state(captured, "default") == (None, None, None)
        await asyncio.to_thread(int)
        busy, idle, queued = _state(captured, "default")
        assert (busy, queued) == (0, 0)
        end = threading.Event()
        tasks = [
            asyncio.create_task(asyncio.to_thread(end.wait, DEADLINE)) for _ in range(int(idle or 0) + 4)
        ]
        await eventually_async(lambda: _state(captured, "default") == (idle, 0, 4), "all threads are busy")
        end.set()
        await asyncio.gather(*tasks)

    with capture() as captured:
        run(main(captured))


async def test_threads_of_plain_functions_are_reported() -> None:
    """FastAPI calls them in the worker threads of AnyIO, 40 at the most."""
    app, end = FastAPI(), threading.Event()
    app.add_middleware(ApiMetrics)

    @app.get("/slow")
    def slow() -> bool:
        return end.wait(DEADLINE)

    with capture() as captured:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://service") as client:
            requests = [asyncio.create_task(client.get("/slow")) for _ in range(43)]
            await eventually_async(lambda: _state(captured, "anyio") == (40, 0, 3), "all threads are busy")
            end.set()
            assert {answer.status_code for answer in await asyncio.gather(*requests)} == {200}
        assert _state(captured, "anyio") == (0, 40, 0)
