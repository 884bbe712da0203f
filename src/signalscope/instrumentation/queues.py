"""Named queues of the standard library: `queue.Queue`, `asyncio.Queue` and their subclasses.

A process has queues that are not of interest (of thread pools, of loggers). So a queue is measured only if it has a
name. Give the name in code with `name_queue`, or with an environment variable:
``SIGNALSCOPE_QUEUES="my.work:orders=orders;my.work:Worker.queue=signals(1,5,10)"``. The numbers in brackets are the
highest numbers of the priorities critical, high and medium.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import queue
import re
import weakref
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import ModuleType
from typing import Any, NamedTuple

from signalscope.contract import PRIORITIES
from signalscope.contract._model import ContractError
from signalscope.instrumentation._base._import_hooks import Hook
from signalscope.instrumentation._base._instrumentor import Library, LibraryInstrumentor, Method
from signalscope.instrumentation._base._object_names import CreationSite, creation_site, module_named
from signalscope.instrumentation._base._priorities import LEVELS, classifier
from signalscope.instrumentation._base._queues import QUEUE_METRICS, MeasuredQueue
from signalscope.instrumentation._base._settings import Patterns
from signalscope.instrumentation._base._sums import known_sums
from signalscope.instrumentation._base._weak import WeakTable
from signalscope.recording import internal_error, observe
from signalscope.recording._errors import read_each

__all__ = ["QueuesInstrumentor", "name_queue"]

_logger = logging.getLogger("signalscope")
_WHERE = "instrumentation.queues"
_VARIABLE = "SIGNALSCOPE_QUEUES"
_EXAMPLE = "my.work:orders=orders;my.work:Worker.queue=signals(1,5,10)"
_VALUE = re.compile(r"(?P<name>[^()]+?)\s*(?:\((?P<levels>[^()]*)\))?\Z")
#: The search for a name ends after this number of puts; the variable may be assigned after the first items.
_MOST_PUTS = 64

_measured: WeakTable[MeasuredQueue] = WeakTable()


def name_queue(
    of: Any,
    queue_type: str,
    *,
    priority: Callable[[Any], Any] | None = None,
    levels: Sequence[float] = LEVELS,
) -> None:
    """Measure a queue: its size and capacity, its items, and their waiting and processing times in seconds.

    The priority of an item is its attribute or key ``priority``, or in a priority queue the first element of a tuple.
    A text or enumeration is the name of a priority; a number is compared with ``levels``. An item without a priority
    is ``other`` in a priority queue, and ``medium`` in another queue. The items are not changed.

    Args:
        of: A `queue.Queue` or `asyncio.Queue`, or an instance of a subclass. It is not kept alive.
        queue_type: The name of the queue in the metrics. A second call changes the name.
        priority: Returns the priority of an item: a number, a text or an enumeration.
        levels: The highest numbers of the priorities critical, high and medium, in ascending order.

    Raises:
        ContractError: The object is not such a queue (a `queue.SimpleQueue` cannot be measured), or the levels are
            not three ascending numbers.

    Examples:
        >>> import queue
        >>> from signalscope import name_queue
        >>> from signalscope.testing import capture
        >>> orders = queue.Queue(maxsize=100)
        >>> with capture() as captured:
        ...     name_queue(orders, "orders")
        ...     orders.put("buy AAPL")
        ...     captured.value("signal_service_queue_size", queue_type="orders")
        1.0
    """
    if not isinstance(of, queue.Queue | asyncio.Queue):
        raise ContractError(
            f"{of!r} cannot be measured; give a queue.Queue, an asyncio.Queue or an instance of a subclass [SS404]"
        )
    if not _are_levels(levels):
        raise ContractError(
            f"levels={levels!r} must be three ascending numbers: for critical, high and medium [SS405]"
        )
    before = _measured.get(of)
    if before is not None:
        before.end()
    ordered = isinstance(of, queue.PriorityQueue | asyncio.PriorityQueue)
    _measured.set(of, MeasuredQueue(of, queue_type, classifier(priority, tuple(levels), ordered=ordered)))
    _report_sizes()


@functools.cache
def _report_sizes() -> None:
    """Start to report the sizes of all named queues, once."""
    observe("signal_service.queue.size", _sizes)
    observe("signal_service.queue.capacity", _capacities)


def _sizes() -> Iterator[tuple[float, tuple[str, str]]]:
    sums: dict[str, Counter[str]] = {}
    unknown = set()
    for measured in _measured.values():
        try:
            sizes = measured.sizes()
        except Exception:  # a subclass of the user
            internal_error("instrumentation.queues")
            unknown.add(measured.queue_type)
            continue
        if sizes is not None:
            sums.setdefault(measured.queue_type, Counter(dict.fromkeys(PRIORITIES, 0))).update(sizes)
    for queue_type, sizes in sums.items():
        if queue_type in unknown:
            continue
        for priority, number in sizes.items():
            yield float(number), (queue_type, priority)


def _capacities() -> Iterator[tuple[float, tuple[str]]]:
    capacities = read_each(
        lambda measured: (measured.queue_type, measured.capacity),
        _measured.values(),
        "instrumentation.queues",
    )
    for queue_type, total in known_sums(capacities).items():
        yield total, (queue_type,)


class _Name(NamedTuple):
    queue_type: str
    levels: tuple[float, ...]


class QueuesInstrumentor(LibraryInstrumentor):
    """Instrumentor for the queues that SIGNALSCOPE_QUEUES names.

    Example:
        >>> QueuesInstrumentor().instrument()
        >>> QueuesInstrumentor().uninstrument()
    """

    library = Library(
        name="queue",
        title="queue, asyncio",
        kind="queue",
        supports=(),
        measures=QUEUE_METRICS,
        unit=(
            "An item is `enqueued` when it enters the queue and `processed` when a worker takes it. The queue cannot "
            "observe the result of the work. A put into a full queue is `rejected`, also a put of asyncio that is "
            "cancelled while it waits for room. Items that are removed in another way are `dropped`. The time in the "
            "queue is `queue.wait`. The time from there to `task_done` is `queue.processing`, for workers that take "
            "one item at a time. It is an error if `task_done` is called while an exception is handled."
        ),
        not_measured=(
            "Queues without a name (SIGNALSCOPE_QUEUES, `name_queue`).",
            "`queue.SimpleQueue` and the queues of `multiprocessing`.",
            "The wait of items that were put in before the queue got its name.",
        ),
        notes=(
            "The brackets in SIGNALSCOPE_QUEUES map numbers to priorities. Without brackets, numbers up to 0 are "
            "critical, up to 1 high, up to 2 medium; higher numbers are low.",
        ),
    )

    def create(self) -> None:
        """Create the table of queues whose names are still unknown."""
        self._probes: WeakTable[Method] = WeakTable()

    def hooks(self) -> Mapping[str, Hook]:
        """Return the hooks of `queue` and `asyncio.queues` if SIGNALSCOPE_QUEUES names queues."""
        self._patterns = Patterns(_VARIABLE, _EXAMPLE)
        self._names = {value: _parsed(value) for _, value in self._patterns.pairs}
        return {"queue": self._patch, "asyncio.queues": self._patch} if self._patterns.pairs else {}

    def end(self) -> None:
        """Restore every queue."""
        for measured in _measured.values():
            measured.end()
        _measured.clear()
        for instance, probe in self._probes.items():
            if vars(instance).get("_put") is probe:
                del instance._put  # type: ignore[attr-defined]  # it is a queue
        self._probes.clear()

    def _patch(self, module: ModuleType) -> None:
        self.on_created(module.Queue, self._search_name)

    def _search_name(self, created: Any) -> None:
        """Look for the name of a queue at its first puts."""
        site = creation_site(created, ("queue", "asyncio"))
        if site is None:
            return
        put, puts, reference = type(created)._put, 0, weakref.ref(created)

        def probe(item: Any) -> Any:
            nonlocal puts
            instance: Any = reference()
            puts += 1
            if puts & (puts - 1) == 0:
                try:
                    name = self._name(instance, site) if self.active else None
                    if name is not None or puts >= _MOST_PUTS or not self.active:
                        del instance._put
                    if name is not None:
                        name_queue(instance, name.queue_type, levels=name.levels)
                        return instance._put(item)
                except Exception:  # must not reach the caller
                    internal_error(_WHERE)
            return put(instance, item)

        created._put = probe
        self._probes.set(created, probe)

    def _name(self, instance: Any, site: CreationSite) -> _Name | None:
        for pattern, value in self._patterns.pairs:
            if _resolves(pattern, instance):
                return self._names[value]
        holder = site.find_holder(instance) or site.fallback
        configured = self._patterns.find([holder.path])
        return None if configured is None else self._names[configured]


def _resolves(path: str, thing: object) -> bool:
    """Return True if a path such as ``module:app.state.queue`` leads to this object now."""
    module, _, names = path.partition(":")
    value: Any = module_named(module)
    for name in names.split("."):
        if value is None:
            return False
        value = getattr(value, name, None)
    return value is thing


def _are_levels(levels: Sequence[float]) -> bool:
    return len(levels) == len(PRIORITIES) - 1 and list(levels) == sorted(levels)


def _parsed(value: str) -> _Name | None:
    """Parse a value of SIGNALSCOPE_QUEUES; None if it is wrong."""
    parts = _VALUE.match(value)
    if parts is not None:
        try:
            levels = LEVELS if parts["levels"] is None else tuple(map(float, parts["levels"].split(",")))
        except ValueError:
            levels = ()
        if _are_levels(levels):
            return _Name(parts["name"], levels)
    _logger.error("%s: %r is ignored; write for example %s [SS401]", _VARIABLE, value, _EXAMPLE)
    return None
