"""Make an OpenTelemetry SDK usable in a forked child.

The child inherits the parent's memory but only the forking thread. A lock that another thread held stays
held for ever, sums that the parent exports would be exported a second time under another instance id, and two
processes would talk over the same connections. So in the child every lock below the provider is a new one,
the SDK's sums are forgotten, and exporters make new connections. Nothing is done before the fork, which
therefore never waits.

Children of `multiprocessing` leave without the interpreter's exit handlers, so they export their last
interval in one of multiprocessing's own.
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

#: Multiprocessing's finalizers run from the highest priority to the lowest, which has to be 0 or more.
_LAST = 0
#: How long a living thread may hold a condition's lock, which it does for microseconds.
_A_MOMENT_SECONDS = 0.1

_LOCKS: Mapping[type, Any] = {
    type(threading.Lock()): threading.Lock,
    type(threading.RLock()): threading.RLock,
}
#: Packages whose objects are searched for locks. Other objects below a provider are the user's, or have none.
_SEARCHED = (opentelemetry.__name__, signalscope.__name__, "prometheus_client", "requests.sessions")


def renew_in_children(provider: object, readers: Iterable[object]) -> None:
    """Make a provider work in every process forked from now on.

    Args:
        provider: The meter provider; the tracer provider is found when the fork happens.
        readers: Its readers.
    """
    roots = [weakref.ref(root) for root in (provider, *readers)]

    def act() -> None:
        alive = [root for ref in roots if (root := ref()) is not None]
        for root in alive:
            start_at_zero(root)
        renew(*alive, trace.get_tracer_provider())

    in_children(act, of=provider)


def flush_in_children(provider: MeterProvider) -> None:
    """Export the last interval of every process of `multiprocessing` when its work is done.

    Args:
        provider: As long as there is this one.
    """
    util.register_after_fork(provider, _flush_at_end)
    if multiprocessing.parent_process() is not None:
        _flush_at_end(provider)


def _flush_at_end(_provider: object) -> None:
    util.Finalize(None, _termination.flush, exitpriority=_LAST)


def renew(*roots: object) -> None:
    """Give everything below the roots new locks and connections; for a child that has just been forked."""
    for owner in list(_below(roots)):
        attributes = getattr(owner, "__dict__", {})
        for name, value in list(attributes.items()):
            make = _LOCKS.get(type(value))
            if make is not None:
                object.__setattr__(owner, name, make())
            elif isinstance(value, threading.Condition):
                _free(value)
            elif isinstance(value, threading.Event):
                _free(value._cond)  # type: ignore[attr-defined]  # it has no other way in
        adapters = attributes.get("adapters")
        if isinstance(adapters, dict):  # a session of requests: unpickling is how an adapter starts anew
            for adapter in adapters.values():
                adapter.__setstate__(adapter.__getstate__())


def _free(condition: threading.Condition) -> None:
    """Give a condition a new lock where no thread is left that could release it.

    Only there: a reader made before signalscope was imported has its thread already, and that one waits for it.
    """
    if condition.acquire(timeout=_A_MOMENT_SECONDS):
        condition.release()
    else:
        condition._at_fork_reinit()  # type: ignore[attr-defined]  # what threading itself calls in a child


def _below(roots: Iterable[object]) -> Iterator[object]:
    """The roots and every object of OpenTelemetry that can be reached from them, once each."""
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
