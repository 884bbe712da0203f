"""Named queues of the standard library: `queue.Queue`, `asyncio.Queue` and their subclasses.

A process has queues that are not of interest (of thread pools, of loggers). So a queue is measured only if it has a
name, given in code with `name_queue` or from outside:
``SIGNALSCOPE_QUEUES="my.work:orders=orders;my.work:Worker.queue=signals(1,5,10)"``, where the numbers in brackets are
the highest ones that are still critical, high and medium.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import re
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import ModuleType
from typing import Any, NamedTuple

from signalscope.contract import PRIORITIES
from signalscope.contract._model import ContractError
from signalscope.instrumentation._base._instrumentor import Hook, LibraryInstrumentor, Method
from signalscope.instrumentation._base._library import Library
from signalscope.instrumentation._base._object_names import CreationSite, creation_site, module_named
from signalscope.instrumentation._base._priorities import LEVELS, classifier
from signalscope.instrumentation._base._queues import QUEUE_METRICS, MeasuredQueue, sum_sizes
from signalscope.instrumentation._base._settings import Patterns
from signalscope.instrumentation._base._sums import known_sums
from signalscope.instrumentation._base._weak import WeakTable
from signalscope.recording import internal_error, observe

__all__ = ["QueuesInstrumentor", "name_queue"]

_logger = logging.getLogger("signalscope")
_WHERE = "instrumentation.queues"
_VARIABLE = "SIGNALSCOPE_QUEUES"
_EXAMPLE = "my.work:orders=orders;my.work:Worker.queue=signals(1,5,10)"
_VALUE = re.compile(r"(?P<name>[^()]+?)\s*(?:\((?P<levels>[^()]*)\))?\Z")
#: Puts after which the name is no longer looked for; the variable may be assigned after the first items.
_LAST_LOOK = 64

_measured: WeakTable[MeasuredQueue] = WeakTable()


def name_queue(
    of: Any,
    queue_type: str,
    *,
    priority: Callable[[Any], Any] | None = None,
    levels: Sequence[float] = LEVELS,
) -> None:
    """Measure a queue: its size and capacity, how long items wait and are worked on, what goes through it.

    Items in a priority queue carry their priority: an attribute or key ``priority``, or the first element of a tuple.
    Texts and enumerations are names of priorities, numbers are compared with ``levels``. Items of other queues that
    carry no priority are ``medium``. The items themselves are not changed.

    Args:
        of: A `queue.Queue` or `asyncio.Queue`, or a subclass of them. Its size is reported while it lives.
        queue_type: Its name in the metrics; naming it again changes the name.
        priority: Returns the priority of an item, as a number, a text or an enumeration.
        levels: The highest numbers that are still critical, high and medium.

    Raises:
        ContractError: It is not such a queue (a `queue.SimpleQueue` cannot be measured), or the levels are not three
            ascending numbers.

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
        raise ContractError(f"{of!r} cannot be measured: name a queue.Queue or asyncio.Queue, or a subclass")
    if not _are_levels(levels):
        raise ContractError(
            f"levels={levels!r} must be three ascending numbers: for critical, high and medium"
        )
    before = _measured.get(of)
    if before is not None:
        before.end()
    ordered = isinstance(of, queue.PriorityQueue | asyncio.PriorityQueue)
    _measured.set(of, MeasuredQueue(of, queue_type, classifier(priority, tuple(levels), ordered=ordered)))
    _Reporting.begin()


class _Reporting:
    """Reports the sizes of all named queues, from the first one on."""

    begun = False

    @classmethod
    def begin(cls) -> None:
        if not cls.begun:
            cls.begun = True
            observe("signal_service.queue.size", cls.sizes)
            observe("signal_service.queue.capacity", cls.capacities)

    @staticmethod
    def sizes() -> Iterator[tuple[float, tuple[str, str]]]:
        for queue_type, sizes in sum_sizes(_measured.values()).items():
            for priority, number in {**dict.fromkeys(PRIORITIES, 0.0), **sizes}.items():
                yield float(number), (queue_type, priority)

    @staticmethod
    def capacities() -> Iterator[tuple[float, tuple[str]]]:
        queues = _measured.values()
        for queue_type, total in known_sums(
            (measured.queue_type, measured.capacity) for measured in queues
        ).items():
            yield total, (queue_type,)


class _Name(NamedTuple):
    queue_type: str
    levels: tuple[float, ...]


class QueuesInstrumentor(LibraryInstrumentor):
    """Measures the queues that SIGNALSCOPE_QUEUES names."""

    library = Library(
        name="queue",
        title="queue, asyncio",
        kind="queue",
        supports=(),
        measures=QUEUE_METRICS,
        unit=(
            "An item is `enqueued` when it is in the queue and `processed` when it is taken out: the queue "
            "is not told how the work ended. A put that finds the queue full is `rejected`, and so is one of "
            "asyncio that is cancelled while it waits for room; items that were "
            "removed without being taken are `dropped`. `queue.wait` is the time in between; "
            "`queue.processing` the time from there to `task_done`, of workers that take one item at a time, "
            "an error when `task_done` is called while an exception is on its way."
        ),
        not_measured=(
            "Queues without a name (SIGNALSCOPE_QUEUES, `name_queue`).",
            "`queue.SimpleQueue` and the queues of `multiprocessing`.",
            "The wait of items that were in the queue before it was named.",
        ),
        notes=(
            "Numbers are priorities by SIGNALSCOPE_QUEUES' brackets, else: up to 0 critical, 1 high, 2 "
            "medium, above low.",
        ),
    )

    def create(self) -> None:
        """Create the table of queues whose name is not known yet."""
        self._probes: WeakTable[Method] = WeakTable()

    def hooks(self) -> Mapping[str, Hook]:
        """Return the hooks of the two modules if SIGNALSCOPE_QUEUES names queues."""
        self._patterns = Patterns(_VARIABLE, _EXAMPLE)
        self._names = {value: _parsed(value) for _, value in self._patterns.pairs}
        return {"queue": self._patch, "asyncio.queues": self._patch} if self._patterns.pairs else {}

    def end(self) -> None:
        """Restore every queue."""
        for measured in _measured.values():
            measured.end()
        _measured.clear()
        for of, probe in self._probes.items():
            if vars(of).get("_put") is probe:
                del of._put  # type: ignore[attr-defined]  # it is a queue
        self._probes.clear()

    def _patch(self, module: ModuleType) -> None:
        self.on_created(module.Queue, self._created)

    def _created(self, created: Any) -> None:
        site = creation_site(created, ("queue", "asyncio"))
        if site is not None:
            self._probe(created, site)

    def _probe(self, of: Any, site: CreationSite) -> None:
        """Look for the name of the queue at its first puts."""
        put, seen, reference = type(of)._put, 0, weakref.ref(of)

        def probe(item: Any) -> Any:
            nonlocal seen
            alive: Any = reference()
            seen += 1
            if seen & (seen - 1) == 0:
                try:
                    name = self._name(alive, site) if self.active else None
                    if name is not None or seen >= _LAST_LOOK or not self.active:
                        del alive._put
                    if name is not None:
                        name_queue(alive, name.queue_type, levels=name.levels or LEVELS)
                        return alive._put(item)
                except Exception:  # must not reach the caller
                    internal_error(_WHERE)
            return put(alive, item)

        of._put = probe
        self._probes.set(of, probe)

    def _name(self, of: Any, site: CreationSite) -> _Name | None:
        for pattern, value in self._patterns.pairs:
            if _resolves(pattern, of):
                return self._names[value]
        holder = site.find_holder(of) or site.fallback
        configured = self._patterns.find([holder.path])
        return None if configured is None else self._names[configured]


def _resolves(path: str, thing: object) -> bool:
    """Return True if a path such as ``module:app.state.queue`` leads to an object now."""
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
    if parts is not None and parts["levels"] is None:
        return _Name(parts["name"], ())
    try:
        levels = tuple(map(float, parts["levels"].split(","))) if parts is not None else ()
    except ValueError:
        levels = ()
    if parts is None or not _are_levels(levels):
        _logger.error("%s: %r is ignored: write for example %s", _VARIABLE, value, _EXAMPLE)
        return None
    return _Name(parts["name"], levels)
