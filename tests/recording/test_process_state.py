"""State that a process has once, in a forked child."""

from __future__ import annotations

import gc
import os
import threading
from collections.abc import Callable

import pytest

from signalscope.recording import _process_state
from signalscope.recording._process_state import ProcessState, in_children
from signalscope.testing import capture

_DEADLINE = 20.0


class _Names(ProcessState):
    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = {"parent"}

    def after_fork(self) -> None:
        self.names = set()


class _Lock(ProcessState):
    pass


def _in_child(holds: Callable[[], bool]) -> bool:
    """Return True if a condition holds in a forked child."""
    pid = os.fork()
    if pid == 0:
        try:
            os._exit(0 if holds() else 1)
        finally:
            os._exit(2)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


@pytest.mark.parametrize("reentrant", [False, True])
def test_lock_that_another_thread_holds_at_the_fork_is_free_in_the_child(reentrant: bool) -> None:
    """A child can acquire the lock although its threads could never release the parent's."""
    state = _Lock(reentrant=reentrant)
    held, release = threading.Event(), threading.Event()

    def hold() -> None:
        with state.lock:
            held.set()
            release.wait(_DEADLINE)

    thread = threading.Thread(target=hold)
    thread.start()
    assert held.wait(_DEADLINE)
    try:
        assert _in_child(lambda: state.lock.acquire(timeout=_DEADLINE))
        assert not state.lock.acquire(blocking=False)  # the parent's lock is still held
    finally:
        release.set()
        thread.join()


def test_thread_that_forks_inside_the_lock_leaves_the_block_in_the_child() -> None:
    """The child of a thread that holds the lock leaves the block without an error, and the lock is free."""
    state = _Lock()
    pid = -1
    try:
        with state.lock:
            pid = os.fork()
        if pid == 0:
            os._exit(0 if state.lock.acquire(blocking=False) else 1)
    finally:
        if pid == 0:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def test_content_is_the_childs_own_and_the_parents_stays() -> None:
    """`after_fork` runs only in the child."""
    state = _Names()
    assert _in_child(lambda: state.names == set())
    assert state.names == {"parent"}


def test_collected_object_is_forgotten() -> None:
    """Deleted objects do not leave functions behind for a fork to call."""
    gc.collect()
    before = len(_process_state._in_children)
    state = _Names()
    assert len(_process_state._in_children) == before + 1
    del state
    gc.collect()
    assert len(_process_state._in_children) == before


def test_failing_function_is_counted_and_the_others_are_called() -> None:
    """A function that raises in the child is an internal error there, and does not affect the others."""
    owner = _Names()

    def fail() -> None:
        raise RuntimeError("on purpose")

    with capture() as captured:
        in_children(fail, owner=owner)
        later = _Names()

        def holds() -> bool:
            errors = captured.value("signalscope_internal_errors_total", where="recording.fork")
            return errors == 1 and later.names == set()

        assert _in_child(holds)
        assert captured.value("signalscope_internal_errors_total", where="recording.fork") is None
