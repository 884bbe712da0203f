"""State of one process: an object instead of module variables, whose lock is free in a forked child.

A forked child has a copy of the parent's memory, but only the thread that forked. A lock that another thread held at
that moment is never released in the child, and the parent's counts are not those of the child. Derive from
`ProcessState` for each object that a process has once, or that has a lock and lives longer than a call::

    class _Seen(ProcessState):
        def __init__(self) -> None:
            super().__init__()
            self.names: set[str] = set()

        def after_fork(self) -> None:
            self.names = set()

    _seen = _Seen()

    def saw(name: str) -> None:
        with _seen.lock:
            _seen.names.add(name)

* Derive in the module that acquires the lock, even if the class has nothing but the lock. The handler of SIGTERM
  reads the module's name: a frame of that module may hold a lock that the last export needs.
* Read `lock` each time, and do not store it: the child gets a new one. A `with` block that the forking thread runs
  ends in the child as in the parent: it releases the lock that it has acquired.
* Leave `after_fork` out if the child continues with the parent's content.
* An object that was garbage-collected is not called any more.

Use `in_children` to call a plain function.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable
from typing import Any, ClassVar, cast

from signalscope.recording._errors import internal_error

#: Called in a forked child, in this order.
_in_children: list[Callable[[], object]] = []


def in_children(act: Callable[[], object], owner: object = None) -> None:
    """Call a function in every process forked from now on, before readers start their threads in it.

    Functions are called in the order in which they were registered.

    Args:
        act: The function. An exception is counted as an internal error; the other functions are called nevertheless.
        owner: The function is dropped when this object is garbage-collected. The function must not hold a reference
            to it.
    """
    _in_children.append(act)
    if owner is not None:
        weakref.finalize(owner, _in_children.remove, act).atexit = False


class ProcessState:
    """An object with a lock that is free in a forked child, and with content that `after_fork` can reset there.

    Args:
        reentrant: True if the thread that holds the lock can acquire it again.

    Attributes:
        lock: Guards the object; a new one in each forked child.
    """

    #: The modules of all subclasses: their code may hold a lock that an export needs.
    modules: ClassVar[set[str]] = set()

    lock: threading.Lock

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        ProcessState.modules.add(cls.__module__)

    def __init__(self, *, reentrant: bool = False) -> None:
        make = cast("Callable[[], threading.Lock]", threading.RLock) if reentrant else threading.Lock
        self.lock = make()
        reference = weakref.ref(self)

        def renew() -> None:
            state = reference()
            if state is not None:
                state.lock = make()
                state.after_fork()

        in_children(renew, owner=self)

    def after_fork(self) -> None:
        """Drop the content that belongs to the parent; called in a forked child, where the lock is free."""


def _after_in_child() -> None:
    for act in tuple(_in_children):  # garbage collection may remove functions meanwhile
        try:
            act()
        except Exception:  # no caller could catch it, and the other functions would be skipped
            internal_error("recording.fork")


if hasattr(os, "register_at_fork"):
    # Registered when signalscope is imported, since handlers run in the order of their registration. A reader that is
    # created later registers a handler that starts a collecting thread; that one has to run after this one.
    os.register_at_fork(after_in_child=_after_in_child)
