"""Celery: tasks that are sent and tasks that workers run, observed with Celery's own signals.

The official instrumentor makes the spans.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from threading import get_ident
from time import perf_counter
from types import ModuleType
from typing import Any

from signalscope.instrumentation._base._instrumentor import Library, LibraryInstrumentor, on_import
from signalscope.instrumentation._base._suppression import is_suppressed
from signalscope.instrumentation._base._tasks import ITEMS, TASK, count_item, record_task
from signalscope.recording import _shutdown as _termination

__all__ = ["CeleryInstrumentor"]

_OUTCOMES = {"SUCCESS": "success", "FAILURE": "error", "RETRY": "error"}
_EVENTS = {"SUCCESS": "processed", "FAILURE": "failed"}
#: Limit of the table of running tasks: Celery does not report the end of every task.
_MOST_RUNNING = 10_000
_LAST_EXPORT_SECONDS = 5.0


class CeleryInstrumentor(LibraryInstrumentor):
    """Instrumentor for the tasks of Celery.

    Example:
        >>> CeleryInstrumentor().instrument()
        >>> CeleryInstrumentor().uninstrument()
    """

    library = Library(
        name="signalscope_celery",
        title="Celery",
        kind="task",
        supports=("celery >= 5.2, < 6",),
        tested=("5.2.7", "5.7.0"),
        measures=(TASK, ITEMS),
        spans="The official instrumentor's.",
        unit=(
            "Each run of a task is one background task, with the task's name. A run that is retried is an error, "
            "and the next run counts again. A run that was ignored or rejected is `cancelled`. A sent message is "
            "`enqueued`; a task that ended is `processed` or `failed`; a revoked task is `dropped`. `queue_type` "
            "is the routing key. Eager tasks and direct calls do not count in a queue."
        ),
        not_measured=(
            "The size of queues and the waiting time: messages have no timestamp.",
            "Priorities: their order depends on the broker; the attribute is `medium`.",
            "Tasks whose process was killed.",
        ),
        notes=("A process of the worker's pool exports its last metrics when the pool stops it.",),
        delegated="opentelemetry-instrumentation-celery",
    )

    def create(self) -> None:
        """Create the table of running tasks."""
        # A retried task keeps its id. The next try may start in another thread before the first one ends; an eager
        # task starts it inside the first one.
        self._running: OrderedDict[tuple[str, int], list[float]] = OrderedDict()

    def end(self) -> None:
        """Forget the running tasks."""
        self._running.clear()

    @on_import("celery.signals")
    def _connect(self, signals: ModuleType) -> None:
        receivers: Mapping[str, Callable[..., None]] = {
            "task_prerun": self._begun,
            "task_postrun": self._ended,
            "task_revoked": self._revoked,
            "after_task_publish": self._sent,
            "worker_process_shutdown": self._flush,
        }
        for name, receiver in receivers.items():
            signal = getattr(signals, name)
            signal.connect(receiver, weak=False)
            self.cleanup.callback(signal.disconnect, receiver)

    def _begun(self, task_id: Any = None, **_: Any) -> None:
        if task_id is not None:
            self._running.setdefault((task_id, get_ident()), []).append(perf_counter())
            while len(self._running) > _MOST_RUNNING:
                self._running.popitem(last=False)

    def _ended(self, task_id: Any = None, task: Any = None, state: Any = None, **_: Any) -> None:
        key = (task_id, get_ident())
        tries = self._running.get(key)
        if tries is None:
            return
        begun = tries.pop()
        if not tries:
            self._running.pop(key, None)
        if not is_suppressed():
            self.safely(_record_end, task, state, perf_counter() - begun)

    def _revoked(self, request: Any = None, **_: Any) -> None:
        queue = _routing_key(request)  # `called_directly` is set for a request that never ran
        if queue is not None and not is_suppressed():
            self.safely(count_item, queue, "dropped")

    def _sent(self, routing_key: Any = None, **_: Any) -> None:
        if routing_key and not is_suppressed():
            self.safely(count_item, str(routing_key), "enqueued")

    def _flush(self, **_: Any) -> None:
        """Export the last metrics: processes of the pool end without the interpreter's exit handlers."""
        self.safely(_termination.flush, _LAST_EXPORT_SECONDS)


def _record_end(task: Any, state: Any, elapsed: float) -> None:
    record_task(task.name, _OUTCOMES.get(state, "cancelled"), elapsed)
    request = task.request
    is_direct = getattr(request, "is_eager", False) or getattr(request, "called_directly", False)
    queue = None if is_direct else _routing_key(request)
    if queue is not None and state in _EVENTS:
        count_item(queue, _EVENTS[state])


def _routing_key(request: Any) -> str | None:
    key = (getattr(request, "delivery_info", None) or {}).get("routing_key")
    return str(key) if key else None
