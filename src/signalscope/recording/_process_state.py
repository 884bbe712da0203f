"""State of one process: one object instead of module variables, with a lock that a fork cannot leave held.

A forked child inherits the parent's memory, but only the thread that forked. A lock that another thread held at that
moment is never released there, and what the parent has counted is not the child's. Derive from `ProcessState` for
each object that a process has once, or that has a lock and outlives a call::

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

* Derive in the module that acquires the lock, also where only a lock is needed. The handler of SIGTERM then knows
  that a frame of that module may hold a lock that the last export waits for.
* Read `lock` each time, and do not keep it: the child gets a new one. A `with` block that is being run by the thread
  that forks ends in the child as in the parent, since it releases the lock that it has acquired.
* Leave `after_fork` out where a child goes on with what the parent has.
* An object that is collected is forgotten.

For something that is not an object of its own there is `in_children`.
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


def in_children(act: Callable[[], object], of: object = None) -> None:
    """Call a function in every process forked from now on, before readers start their threads there.

    Functions are called in the order in which they were registered.

    Args:
        act: The function. What it raises is counted as an internal error, and the others are called all the same.
        of: The object that the function is about. When that is collected, the function is dropped; it must not
            hold a reference to the object.
    """
    _in_children.append(act)
    if of is not None:
        weakref.finalize(of, _in_children.remove, act).atexit = False


class ProcessState:
    """An object whose lock is free, and whose content is the child's own, in a forked child.

    Args:
        reentrant: Whether the thread that holds the lock can acquire it again.

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

        in_children(renew, of=self)

    def after_fork(self) -> None:
        """Drop what belongs to the parent; called in a forked child, where the lock is free."""


def _after_in_child() -> None:
    for act in tuple(_in_children):  # collecting garbage meanwhile may take some out
        try:
            act()
        except Exception:  # nothing above could catch it, and the other functions would be skipped
            internal_error("recording.fork")


if hasattr(os, "register_at_fork"):
    # Once, when signalscope is imported: such handlers run in the order in which they were registered, and a
    # reader registers its own, which starts a thread that collects, when it is made.
    os.register_at_fork(after_in_child=_after_in_child)
