"""Measurement of one queue of the standard library: its size, its items, and their waiting and processing times.

Only the queue object itself is patched, and its items are not changed. While an item is in the queue, a table beside
the queue has the item's arrival time, by the item's identity.
"""

from __future__ import annotations

import asyncio
import queue
import sys
import threading
import time
import weakref
from collections import Counter
from collections.abc import Callable, MutableMapping
from typing import Any

from signalscope.instrumentation._base._suppression import is_instrumentation_suppressed
from signalscope.recording import get_instrument, internal_error

_ITEMS = "signal_service.queue.items"
_WAIT = "signal_service.queue.wait"
_PROCESSING = "signal_service.queue.processing"
QUEUE_METRICS = ("signal_service.queue.size", "signal_service.queue.capacity", _WAIT, _PROCESSING, _ITEMS)
_WHERE = "instrumentation.queues"
_FULL = (queue.Full, asyncio.QueueFull)
#: The arrival time of an item, or None if it is unknown, and its priority.
Entry = tuple[float | None, str]


class MeasuredQueue:
    """One measured queue; the measurement ends with `end`.

    Args:
        instance: The queue, of `queue` or `asyncio`, or of a subclass.
        queue_type: The name of the queue in the metrics.
        classify: Returns an item's priority.

    Attributes:
        queue_type: The name of the queue in the metrics.
    """

    def __init__(self, instance: Any, queue_type: str, classify: Callable[[Any], str]) -> None:
        self.queue_type = queue_type
        self._classify = classify
        self._queue = weakref.ref(instance)
        # Entries by the id of an item in the queue: the same object may be in the queue several times.
        self._entries: dict[int, list[Entry]] = {}
        self._sizes: Counter[str] = Counter()
        self._working: MutableMapping[Any, list[Entry]] = weakref.WeakKeyDictionary()
        self._has_ended = False
        self._reconcile(instance)
        self._patched = self._patch(instance)

    def end(self) -> None:
        """Restore the queue."""
        self._has_ended = True
        instance = self._queue()
        for name, replacement in self._patched.items():
            if instance is not None and vars(instance).get(name) is replacement:
                delattr(instance, name)

    @property
    def capacity(self) -> float | None:
        """The largest number of items; None if the queue has no limit or no longer exists."""
        instance = self._queue()
        limit = getattr(instance, "maxsize", 0)
        return float(limit) if limit > 0 else None

    def sizes(self) -> Counter[str] | None:
        """Return the number of waiting items by priority; None if the queue no longer exists."""
        instance = self._queue()
        if instance is None:
            return None
        mutex = getattr(instance, "mutex", None)
        if mutex is None:
            self._reconcile(instance)
        elif mutex.acquire(timeout=0.1):
            try:
                self._reconcile(instance)
            finally:
                mutex.release()
        return self._sizes.copy()

    def _patch(self, instance: Any) -> dict[str, Any]:
        """Set attributes of the queue that hide its methods; they do not keep the queue alive."""
        reference, kind = self._queue, type(instance)
        put, get, done = kind._put, kind._get, kind.task_done
        # The method that raises when the queue is full: for threads `put_nowait` calls `put`.
        entrance = "put_nowait" if isinstance(instance, asyncio.Queue) else "put"
        enter = getattr(kind, entrance)

        def _put(item: Any) -> Any:
            try:
                value = put(reference(), item)
            except BaseException:  # items cannot be compared, but the item may be in the queue
                self._safely(self._reconcile, reference())
                raise
            self._safely(self._enter, item, reference())
            return value

        def _get() -> Any:
            item = get(reference())
            self._safely(self._leave, item)
            return item

        def entering(item: Any, *args: Any, **kwargs: Any) -> Any:
            try:
                return enter(reference(), item, *args, **kwargs)
            except _FULL:
                self._safely(self._count, self._classify(item), "rejected")
                raise

        def task_done() -> Any:
            self._safely(self._finish)
            return done(reference())

        patched = {"_put": _put, "_get": _get, entrance: entering, "task_done": task_done}
        if kind.put is asyncio.Queue.put:
            patched["put"] = self._put_of_asyncio()
        for name, replacement in patched.items():
            setattr(instance, name, replacement)
        return patched

    def _put_of_asyncio(self) -> Callable[[Any], Any]:
        reference = self._queue

        async def put(item: Any) -> Any:
            instance: Any = reference()
            was_full = instance.full()
            try:
                return await asyncio.Queue.put(instance, item)
            except asyncio.CancelledError:
                if was_full:  # it waited for room until it was cancelled
                    self._safely(self._count, self._classify(item), "rejected")
                raise

        return put

    def _safely(self, act: Callable[..., None], *args: Any) -> None:
        if self._has_ended:
            return
        try:
            act(*args)
        except Exception:  # must not reach the caller
            internal_error(_WHERE)

    def _enter(self, item: Any, instance: Any) -> None:
        """Note a new item; the queue is still locked, so no worker has taken the item."""
        priority = self._classify(item)
        self._entries.setdefault(id(item), []).append((time.monotonic(), priority))
        self._sizes[priority] += 1
        self._count(priority, "enqueued")
        self._reconcile(instance)

    def _leave(self, item: Any) -> None:
        since, priority = self._take(id(item)) or (None, self._classify(item))
        now = time.monotonic()
        self._count(priority, "processed")
        if since is not None and not is_instrumentation_suppressed():
            get_instrument(_WAIT).series(self.queue_type, priority, "success").record(max(0.0, now - since))
        self._working.setdefault(_worker(), []).append((now, priority))

    def _take(self, key: int) -> Entry | None:
        entries = self._entries.get(key)
        if not entries:
            return None
        entry = entries.pop(0)
        if not entries:
            del self._entries[key]
        self._sizes[entry[1]] -= 1
        return entry

    def _finish(self) -> None:
        """Record the end of an item, if its worker has only one: `task_done` does not name the item."""
        worker = _worker()
        taken = self._working.pop(worker, [])
        if len(taken) != 1:
            if len(taken) > 1:
                self._working[worker] = taken[1:] if len(taken) < 100 else []
            return
        since, priority = taken[0]
        failing = sys.exc_info()[1]
        if since is None or is_instrumentation_suppressed():
            return
        outcome = "success"
        if failing is not None:
            outcome = "cancelled" if isinstance(failing, asyncio.CancelledError | GeneratorExit) else "error"
        get_instrument(_PROCESSING).series(self.queue_type, priority, outcome).record(
            time.monotonic() - since
        )

    def _count(self, priority: str, event: str, times: int = 1) -> None:
        if not is_instrumentation_suppressed():
            get_instrument(_ITEMS).series(self.queue_type, priority, event).record(times)

    def _reconcile(self, instance: Any) -> None:
        """Adapt the entries to the queue: a program may empty it, and a subclass may drop or replace items."""
        items = _items_of(instance)
        if items is None or len(items) == sum(self._sizes.values()):
            return
        before, self._entries, self._sizes = self._entries, {}, Counter()
        is_known = True
        for item in list(items):
            noted = before.get(id(item))
            is_known = is_known and bool(noted)
            entry = noted.pop(0) if noted else (None, self._classify(item))
            self._entries.setdefault(id(item), []).append(entry)
            self._sizes[entry[1]] += 1
        if not is_known:  # a subclass stores other objects: the removed items are unknown
            return
        for priority, times in Counter(entry[1] for noted in before.values() for entry in noted).items():
            self._count(priority, "dropped", times)


def _items_of(instance: Any) -> Any:
    """Return the container of a queue's items; None for a subclass that has them in another place."""
    items = getattr(instance, "_queue" if isinstance(instance, asyncio.Queue) else "queue", None)
    try:
        return items if items is not None and len(items) == instance._qsize() else None
    except Exception:  # code of a user's subclass
        return None


def _worker() -> Any:
    """Return the current task, or the current thread outside of a task."""
    try:
        task = asyncio.current_task()
    except RuntimeError:
        task = None
    return threading.current_thread() if task is None else task
