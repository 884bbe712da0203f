"""Helper processes of `multiprocessing`, which do not run code of the user.

They are started with the environment of the program, so the launcher runs in them too.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from multiprocessing import util

from signalscope.recording import internal_error

_pid = os.getpid()
_registered: list[object] = []


def is_resource_tracker() -> bool:
    """Return True in the process that deletes shared memory and semaphores, of `multiprocessing` or joblib."""
    return "resource_tracker import main" in _command()


def is_fork_server() -> bool:
    """Return True in the process that forks the children of the start method ``forkserver``, not in the children."""
    if "multiprocessing.forkserver import main" not in _command() or os.getpid() != _pid:
        return False
    module = sys.modules.get("multiprocessing.forkserver")
    # Only a child has this descriptor. It may be the first process that imports this module.
    return getattr(getattr(module, "_forkserver", None), "_forkserver_alive_fd", None) is None


def in_children_of_fork_server(act: Callable[[], object]) -> None:
    """Call a function in each child, before its work.

    It must not be called during the fork: other modules, such as `concurrent.futures`, may not have released their
    locks in the child yet.
    """

    def configure(_key: object) -> None:
        try:
            act()
        except Exception:
            internal_error("setup.fork_server")

    _registered.append(configure)  # multiprocessing keeps only a weak reference
    util.register_after_fork(configure, configure)


def _command() -> str:
    """Return the code after ``-c``; empty for another kind of start."""
    arguments = sys.orig_argv
    return arguments[arguments.index("-c") + 1] if "-c" in arguments[:-1] else ""
