"""The busy and idle threads of thread pools, and the tasks that wait for a thread."""

from __future__ import annotations

import math
import sys
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, thread
from typing import Any, NamedTuple

from signalscope.recording import observe
from signalscope.recording._errors import read_each
from signalscope.recording._process_state import ProcessState
from signalscope.runtime import _collections, _loops

#: The name of the default executors of event loops, and of AnyIO's worker threads (plain functions in FastAPI).
_DEFAULT, _ANYIO = "default", "anyio"


class _Threads(NamedTuple):
    """The threads of one pool, and the tasks that wait for them."""

    name: str
    busy: float
    idle: float
    queued: float


class _Observed(ProcessState):
    """The executors that `observe_executor` was called for, with their names; and whether anything is observed."""

    def __init__(self) -> None:
        super().__init__()
        self.names: weakref.WeakKeyDictionary[ThreadPoolExecutor, str] = weakref.WeakKeyDictionary()
        self.is_observed = False


_observed = _Observed()


def observe_executor(executor: ThreadPoolExecutor, name: str) -> Callable[[], None]:
    """Report the threads and the queue of a thread pool, for as long as it exists.

    The default executor of each watched event loop (``asyncio.to_thread``) is reported as ``default``, and AnyIO's
    worker threads, in which FastAPI calls plain functions, as ``anyio``.

    Args:
        executor: The thread pool.
        name: The value of the label ``executor``. Pools of the same name are added up.

    Returns:
        A function that ends the reporting.

    Examples:
        >>> from concurrent.futures import ThreadPoolExecutor
        >>> from signalscope.runtime import observe_executor
        >>> from signalscope.testing import capture
        >>> pool = ThreadPoolExecutor(max_workers=4)
        >>> with capture() as captured:
        ...     end = observe_executor(pool, "pricing")
        ...     captured.value("signal_service_executor_threads", executor="pricing", state="idle")
        4.0
        >>> end()
    """
    observe_executors()
    with _observed.lock:
        _observed.names[executor] = name

    def end() -> None:
        with _observed.lock:
            _observed.names.pop(executor, None)

    return end


def observe_executors() -> None:
    """Report thread pools at each collection from now on; repeating it changes nothing."""
    with _observed.lock:
        is_new, _observed.is_observed = not _observed.is_observed, True
    if is_new:
        observe("signal_service.executor.threads", _threads)
        observe("signal_service.executor.queued_tasks", _queued)


def _threads() -> Iterator[tuple[float, tuple[str, str]]]:
    """Yield the threads by state. What waits to be recorded is recorded first, for the same collection."""
    _collections.record()
    for _ in read_each(lambda watch: watch.collect(), _loops.watches(), "runtime.loop"):
        pass
    for name, (busy, idle, _) in _by_name().items():
        yield busy, (name, "busy")
        yield idle, (name, "idle")


def _queued() -> Iterator[tuple[float, tuple[str]]]:
    for name, (_, _, queued) in _by_name().items():
        yield queued, (name,)


def _by_name() -> dict[str, tuple[float, ...]]:
    """Return busy threads, idle threads and waiting tasks by name."""
    with _observed.lock:
        pools = list(_observed.names.items())
    watches = _loops.watches()
    where = "runtime.executor"
    defaults = read_each(lambda watch: watch.executor(), watches, where)
    pools += [(pool, _DEFAULT) for pool in defaults if pool is not None]
    counted: dict[str, tuple[float, ...]] = {}
    of_pools = read_each(lambda pool: _of_pool(*pool), pools, where)
    of_limiters = read_each(lambda watch: _of_limiter(watch.limiter), watches, where)
    for threads in (*of_pools, *of_limiters):
        if threads is not None:
            name, *numbers = threads
            counted[name] = tuple(map(sum, zip(counted.get(name, (0.0,) * 3), numbers, strict=True)))
    return counted


def _of_pool(pool: ThreadPoolExecutor, name: str) -> _Threads:
    """Count the threads of a pool. A thread that is not started yet is idle: it starts when it is needed."""
    members, most = {thread.ident for thread in list(pool._threads)}, pool._max_workers
    queued = pool._work_queue.qsize()
    # The pool's own count of idle threads is too low after a busy thread has taken a task meant for an idle one.
    frames = sys._current_frames()
    busy = sum(ident in frames and frames[ident].f_code is not _WAITING for ident in members)
    return _Threads(name, float(busy), float(max(most - busy, 0)), float(queued))


def _of_limiter(limiter: Any) -> _Threads | None:
    if limiter is None or math.isinf(limiter.total_tokens):
        return None
    try:
        numbers = limiter.statistics()
        busy, idle = numbers.borrowed_tokens, max(numbers.total_tokens - numbers.borrowed_tokens, 0)
        return _Threads(_ANYIO, float(busy), float(idle), float(numbers.tasks_waiting))
    except RuntimeError:  # the loop has changed it at this moment
        return None


#: The code that a thread of a pool runs while it waits for a task.
_WAITING = thread._worker.__code__
