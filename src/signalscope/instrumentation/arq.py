"""arq: jobs in its queues, and the functions and cron jobs that its workers run."""

from __future__ import annotations

import asyncio
import functools
from datetime import UTC, datetime
from time import perf_counter, time
from types import ModuleType
from typing import Any

from signalscope.instrumentation._base._instrumentor import Library, LibraryInstrumentor, Method, on_import
from signalscope.instrumentation._base._suppression import is_suppressed
from signalscope.instrumentation._base._tasks import ITEMS, PRIORITY, TASK, count_item, record_task
from signalscope.instrumentation._base._weak import WeakTable
from signalscope.recording import get_instrument

__all__ = ["ArqInstrumentor"]

_WAIT = "signal_service.queue.wait"
_PROCESSING = "signal_service.queue.processing"


class ArqInstrumentor(LibraryInstrumentor):
    """Instrumentor for the jobs of arq.

    Example:
        >>> ArqInstrumentor().instrument()
        >>> ArqInstrumentor().uninstrument()
    """

    library = Library(
        name="arq",
        kind="task",
        supports=("arq >= 0.25, < 1",),
        tested=("0.25.0", "0.28.0"),
        measures=(TASK, ITEMS, _WAIT, _PROCESSING),
        unit=(
            "Each try of a job is one background task, named after the function. A try that raises (also `Retry`) "
            "or exceeds its timeout is an error. `queue_type` is the queue's name. A new job is `enqueued`, or "
            "`rejected` if its id exists already; at its end it is `processed` or `failed`. A job is `dropped` if "
            "it expired, was aborted before its start, has no tries left or has an unknown function. A try that "
            "is repeated later counts no item. `queue.wait` is the time from the planned start of a job to its "
            "first start."
        ),
        not_measured=(
            "The queue's size: reading it takes a command to Redis.",
            "Priorities: arq has none; the attribute is `medium`.",
        ),
    )

    def create(self) -> None:
        """Create the table of the functions of workers."""
        self.originals: WeakTable[Method] = WeakTable()

    def end(self) -> None:
        """Restore the functions of the workers."""
        for function, original in self.originals.items():
            function.coroutine = original  # type: ignore[attr-defined]  # it is arq's
        self.originals.clear()

    @on_import("arq.connections")
    def _patch_connections(self, module: ModuleType) -> None:
        self.intercept(module.ArqRedis, "enqueue_job", self._enqueue)

    @on_import("arq.worker")
    def _patch_worker(self, module: ModuleType) -> None:
        retries = (module.Retry, module.RetryJob)
        self.on_created(module.Worker, functools.partial(self._measure_functions, retries))
        self.intercept(module.Worker, "finish_failed_job", self._finish_failed_job)

    async def _enqueue(self, original: Method, redis: Any, /, *args: Any, **kwargs: Any) -> Any:
        job = await original(redis, *args, **kwargs)
        queue = kwargs.get("_queue_name") or getattr(redis, "default_queue_name", "arq:queue")
        self.safely(count_item, str(queue), "rejected" if job is None else "enqueued")
        return job

    async def _finish_failed_job(self, original: Method, worker: Any, /, *args: Any, **kwargs: Any) -> Any:
        self.safely(count_item, worker.queue_name, "dropped")
        return await original(worker, *args, **kwargs)

    def _measure_functions(self, retries: tuple[type[BaseException], ...], worker: Any) -> None:
        for function in worker.functions.values():
            if self.originals.get(function) is None:
                self.originals.set(function, function.coroutine)
                function.coroutine = self._measured(function, worker, retries)

    def _measured(self, function: Any, worker: Any, retries: tuple[type[BaseException], ...]) -> Method:
        name, queue, coroutine = function.name, worker.queue_name, function.coroutine
        timeout = getattr(function, "timeout_s", None)
        if timeout is None:
            timeout = getattr(worker, "job_timeout_s", None)

        @functools.wraps(coroutine)
        async def run(ctx: Any, *args: Any, **kwargs: Any) -> Any:
            if is_suppressed(lambda: not self.active):
                return await coroutine(ctx, *args, **kwargs)
            self.safely(_record_wait, queue, ctx)
            begun, outcome, event = perf_counter(), "success", "processed"
            try:
                return await coroutine(ctx, *args, **kwargs)
            except BaseException as error:
                # arq cancels a job at its timeout, and a worker cancels its jobs when it stops. Clocks differ.
                is_late = timeout is not None and perf_counter() - begun >= timeout * 0.999
                is_cancelled = isinstance(error, asyncio.CancelledError) and not is_late
                outcome = "cancelled" if is_cancelled else "error"
                event = "" if is_cancelled or isinstance(error, retries) else "failed"
                raise
            finally:
                self.safely(_record_end, queue, name, outcome, event, perf_counter() - begun)

        return run


def _record_end(queue: str, name: str, outcome: str, event: str, elapsed: float) -> None:
    if event:
        count_item(queue, event)
    record_task(name, outcome, elapsed)
    get_instrument(_PROCESSING).series(queue, PRIORITY, outcome).record(elapsed)


def _record_wait(queue: str, ctx: Any) -> None:
    """Record the wait of the first try, since the planned start of the job."""
    score, enqueued = ctx.get("score"), ctx.get("enqueue_time")
    due: float | None = None
    if score:
        due = score / 1000
    elif isinstance(enqueued, datetime):
        due = enqueued.replace(tzinfo=enqueued.tzinfo or UTC).timestamp()
    if due is not None and ctx.get("job_try", 1) == 1:
        get_instrument(_WAIT).series(queue, PRIORITY, "success").record(max(0.0, time() - due))
