"""arq: jobs put into its queues, and the functions and cron jobs that its workers run."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Mapping
from datetime import UTC, datetime
from time import perf_counter, time
from types import ModuleType
from typing import Any

from signalscope.instrumentation._base._instrumentor import Hook, IsUndone, LibraryInstrumentor, Method
from signalscope.instrumentation._base._library import Library
from signalscope.instrumentation._base._suppression import is_suppressed
from signalscope.instrumentation._base._weak import WeakTable
from signalscope.recording import get_instrument, internal_error

__all__ = ["ArqInstrumentor"]

_TASK = "signal_service.background_task"
_ITEMS = "signal_service.queue.items"
_WAIT = "signal_service.queue.wait"
_PROCESSING = "signal_service.queue.processing"
#: arq has no priorities.
_PRIORITY = "medium"


class ArqInstrumentor(LibraryInstrumentor):
    """Measures the jobs of arq."""

    library = Library(
        name="arq",
        title="arq",
        kind="task",
        supports=("arq >= 0.25, < 1",),
        tested=("0.25.0", "0.28.0"),
        measures=(_TASK, _ITEMS, _WAIT, _PROCESSING),
        spans="None.",
        unit=(
            "One try of a job is one background task, by the function's name; one that raises, `Retry` too, "
            "or runs into its timeout is an error. The queue's name is `queue_type`. A job is `enqueued` "
            "(one with an id that is there already is `rejected`), and at its end `processed` or `failed`; "
            "one that expired, was aborted before its start, is not known to the worker or has no tries left "
            "is `dropped`. A try that will be repeated is none of them. `queue.wait` is from the time that a "
            "job was to run to its first start."
        ),
        not_measured=(
            "The queue's size: asking for it takes a command to Redis.",
            "Priorities: arq has none (medium).",
        ),
    )

    def __init__(self) -> None:
        super().__init__()
        if not hasattr(self, "originals"):
            self.originals: WeakTable[Method] = WeakTable()

    def hooks(self) -> Mapping[str, Hook]:
        """Return the hooks of the modules of workers and of the queue."""
        return {"arq.worker": self._patch_worker, "arq.connections": self._patch_connections}

    def end(self) -> None:
        """Restore the functions of the workers."""
        for function, original in self.originals.items():
            function.coroutine = original  # type: ignore[attr-defined]  # it is arq's
        self.originals.clear()

    def _patch_connections(self, module: ModuleType) -> None:
        self.replace(module.ArqRedis, "enqueue_job", self._enqueue)

    def _patch_worker(self, module: ModuleType) -> None:
        retries = (module.Retry, module.RetryJob)
        self.replace(module.Worker, "__init__", functools.partial(self._worker, retries=retries))
        self.replace(module.Worker, "finish_failed_job", self._dropped)

    def _enqueue(self, original: Method, is_undone: IsUndone) -> Method:
        @functools.wraps(original)
        async def enqueue_job(redis: Any, *args: Any, **kwargs: Any) -> Any:
            job = await original(redis, *args, **kwargs)
            if not is_suppressed(is_undone):
                queue = kwargs.get("_queue_name") or getattr(redis, "default_queue_name", "arq:queue")
                _count(str(queue), "rejected" if job is None else "enqueued")
            return job

        return enqueue_job

    def _dropped(self, original: Method, is_undone: IsUndone) -> Method:
        @functools.wraps(original)
        async def finish_failed_job(worker: Any, *args: Any, **kwargs: Any) -> Any:
            if not is_suppressed(is_undone):
                _count(worker.queue_name, "dropped")
            return await original(worker, *args, **kwargs)

        return finish_failed_job

    def _worker(
        self, original: Method, is_undone: IsUndone, *, retries: tuple[type[BaseException], ...]
    ) -> Method:
        @functools.wraps(original)
        def init(worker: Any, *args: Any, **kwargs: Any) -> None:
            original(worker, *args, **kwargs)
            if is_undone():
                return
            try:
                for function in worker.functions.values():
                    if self.originals.get(function) is None:
                        self.originals.set(function, function.coroutine)
                        function.coroutine = _measured(
                            function, worker.queue_name, _timeout(worker, function), retries, is_undone
                        )
            except Exception:  # must not reach the caller
                internal_error("instrumentation.arq")

        return init


def _measured(
    function: Any,
    queue: str,
    timeout: float | None,
    retries: tuple[type[BaseException], ...],
    is_undone: IsUndone,
) -> Method:
    name, coroutine = function.name, function.coroutine

    @functools.wraps(coroutine)
    async def run(ctx: Any, *args: Any, **kwargs: Any) -> Any:
        if is_suppressed(is_undone):
            return await coroutine(ctx, *args, **kwargs)
        _waited(queue, ctx)
        begun = perf_counter()
        try:
            value = await coroutine(ctx, *args, **kwargs)
        except BaseException as error:
            elapsed = perf_counter() - begun
            # arq cancels what takes too long, a shorter time after than before; a worker that stops does it as well.
            late = timeout is not None and elapsed >= timeout * 0.999
            cancelled = isinstance(error, asyncio.CancelledError)
            _ended(queue, name, "cancelled" if cancelled and not late else "error", elapsed)
            if not isinstance(error, retries) and (late or not cancelled):
                _count(queue, "failed")
            raise
        _ended(queue, name, "success", perf_counter() - begun)
        _count(queue, "processed")
        return value

    return run


def _timeout(worker: Any, function: Any) -> float | None:
    found = getattr(function, "timeout_s", None)
    return getattr(worker, "job_timeout_s", None) if found is None else found


def _ended(queue: str, name: str, outcome: str, elapsed: float) -> None:
    try:
        get_instrument(_TASK).series(name, _PRIORITY, outcome).record(elapsed)
        get_instrument(_PROCESSING).series(queue, _PRIORITY, outcome).record(elapsed)
    except Exception:  # must not reach the caller
        internal_error("instrumentation.arq")


def _waited(queue: str, ctx: Any) -> None:
    try:
        if ctx.get("job_try", 1) != 1:
            return
        due = ctx.get("score")
        since = due / 1000 if due else _timestamp(ctx.get("enqueue_time"))
        if since is not None:
            get_instrument(_WAIT).series(queue, _PRIORITY, "success").record(max(0.0, time() - since))
    except Exception:  # must not reach the caller
        internal_error("instrumentation.arq")


def _timestamp(moment: Any) -> float | None:
    if not isinstance(moment, datetime):
        return None
    return moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()


def _count(queue: str, event: str) -> None:
    try:
        get_instrument(_ITEMS).series(queue, _PRIORITY, event).record(1)
    except Exception:  # must not reach the caller
        internal_error("instrumentation.arq")
