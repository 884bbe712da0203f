"""Make an OpenTelemetry SDK usable in a forked child.

The child has a copy of the parent's memory, but only the thread that forked. This has three consequences:

* A lock that another thread held is never released. So the child replaces every lock below the provider.
* The sums of the parent would be exported a second time, with another instance id. So the child resets them.
* Both processes would use the same connections. So the exporters of the child open new ones.

Nothing is done before the fork, so the fork never waits.

Children of `multiprocessing` do not run the interpreter's exit handlers. They export their last interval in a
finalizer of multiprocessing.
"""

from __future__ import annotations

import multiprocessing
import threading
import weakref
from collections.abc import Iterable, Iterator, Mapping
from multiprocessing import util
from typing import Any

import opentelemetry
from opentelemetry import trace
from opentelemetry.sdk.metrics import MeterProvider

import signalscope
from signalscope.recording import _shutdown as _termination
from signalscope.recording._modules import is_within
from signalscope.recording._process_state import in_children
from signalscope.recording._sdk import start_at_zero

#: The lowest priority of multiprocessing's finalizers, which run from the highest to the lowest.
_LAST = 0
#: How long to wait for a condition's lock, in seconds. A running thread holds it for microseconds.
_A_MOMENT_SECONDS = 0.1

_LOCKS: Mapping[type, Any] = {
    type(threading.Lock()): threading.Lock,
    type(threading.RLock()): threading.RLock,
}
#: Packages whose objects are searched for locks. Other objects below a provider have no locks, or belong to the user.
_SEARCHED = (opentelemetry.__name__, signalscope.__name__, "prometheus_client", "requests.sessions")


def renew_in_children(provider: object, readers: Iterable[object]) -> None:
    """Make a provider work in every process forked from now on.

    Args:
        provider: The meter provider. The tracer provider is looked up after the fork.
        readers: The readers of the meter provider.
    """
    roots = [weakref.ref(root) for root in (provider, *readers)]

    def act() -> None:
        alive = [root for ref in roots if (root := ref()) is not None]
        for root in alive:
            start_at_zero(root)
        renew(*alive, trace.get_tracer_provider())

    in_children(act, owner=provider)


def flush_in_children(provider: MeterProvider) -> None:
    """Export the last interval of every process of `multiprocessing` when its work is done.

    Args:
        provider: The meter provider; nothing is exported after it has been deleted.
    """
    util.register_after_fork(provider, _flush_at_end)
    if multiprocessing.parent_process() is not None:
        _flush_at_end(provider)


def _flush_at_end(_provider: object) -> None:
    util.Finalize(None, _termination.flush, exitpriority=_LAST)


def renew(*roots: object) -> None:
    """Replace all locks and connections of the objects below the roots, in a new child."""
    for owner in list(_below(roots)):
        attributes = getattr(owner, "__dict__", {})
        for name, value in list(attributes.items()):
            make = _LOCKS.get(type(value))
            if make is not None:
                object.__setattr__(owner, name, make())
            elif isinstance(value, threading.Condition):
                _free(value)
            elif isinstance(value, threading.Event):
                _free(value._cond)  # type: ignore[attr-defined]  # an event has no public access to it
        adapters = attributes.get("adapters")
        if isinstance(adapters, dict):  # a session of requests: unpickling gives an adapter new connections
            for adapter in adapters.values():
                adapter.__setstate__(adapter.__getstate__())


def _free(condition: threading.Condition) -> None:
    """Replace the lock of a condition, if no thread of this process can release it.

    A reader that was created before signalscope was imported has started its thread in the child already. That thread
    waits for the condition, so its lock must stay.
    """
    if condition.acquire(timeout=_A_MOMENT_SECONDS):
        condition.release()
    else:
        condition._at_fork_reinit()  # type: ignore[attr-defined]  # threading calls it in a child as well


def _below(roots: Iterable[object]) -> Iterator[object]:
    """Yield the roots and every object of `_SEARCHED` that can be reached from them, once each."""
    waiting = list(roots)
    seen: set[int] = set()
    while waiting:
        one = waiting.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        if isinstance(one, dict):
            waiting.extend(one.keys())
            waiting.extend(one.values())
        elif isinstance(one, list | tuple | set | frozenset):
            waiting.extend(one)
        elif is_within(type(one).__module__, _SEARCHED):
            yield one
            waiting.extend(getattr(one, "__dict__", {}).values())
            if (bound_to := getattr(one, "__self__", None)) is not None:
                waiting.append(bound_to)
