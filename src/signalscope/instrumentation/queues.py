"""Named queues of the standard library: `queue.Queue`, `asyncio.Queue` and their subclasses.

A process has queues that are not of interest (of thread pools, of loggers). So a queue is measured only if it has a
name, given in code with `name_queue` or from outside:
``SIGNALSCOPE_QUEUES="my.work:orders=orders;my.work:Worker.queue=signals(1,5,10)"``, where the numbers in brackets are
the highest ones that are still critical, high and medium.
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

__all__ = ["QueuesInstrumentor", "name_queue"]

_logger = logging.getLogger("signalscope")
_WHERE = "instrumentation.queues"
_VARIABLE = "SIGNALSCOPE_QUEUES"
_EXAMPLE = "my.work:orders=orders;my.work:Worker.queue=signals(1,5,10)"
_VALUE = re.compile(r"(?P<name>[^()]+?)\s*(?:\((?P<levels>[^()]*)\))?\Z")
#: Puts after which the name is no longer looked for; the variable may be assigned after the first items.
_MOST_PUTS = 64

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
    _report_sizes()


@functools.cache
def _report_sizes() -> None:
    """Report the sizes of all named queues, from the first one on."""
    observe("signal_service.queue.size", _sizes)
    observe("signal_service.queue.capacity", _capacities)


def _sizes() -> Iterator[tuple[float, tuple[str, str]]]:
    sums: dict[str, Counter[str]] = {}
    for measured in _measured.values():
        sizes = measured.sizes()
        if sizes is not None:
            sums.setdefault(measured.queue_type, Counter(dict.fromkeys(PRIORITIES, 0))).update(sizes)
    for queue_type, sizes in sums.items():
        for priority, number in sizes.items():
            yield float(number), (queue_type, priority)


def _capacities() -> Iterator[tuple[float, tuple[str]]]:
    capacities = ((measured.queue_type, measured.capacity) for measured in _measured.values())
    for queue_type, total in known_sums(capacities).items():
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
    if parts is not None:
        try:
            levels = LEVELS if parts["levels"] is None else tuple(map(float, parts["levels"].split(",")))
        except ValueError:
            levels = ()
        if _are_levels(levels):
            return _Name(parts["name"], levels)
    _logger.error("%s: %r is ignored: write for example %s", _VARIABLE, value, _EXAMPLE)
    return None
