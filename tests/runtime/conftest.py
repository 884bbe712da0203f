"""Only the event loops of the test are watched."""

from __future__ import annotations

import pytest

from signalscope.runtime import _loops


@pytest.fixture(autouse=True)
def _own_loops() -> None:
    """Forget the loops of other tests that still run in this process, such as that of a server in a thread.

    Each is watched again at its next request.
    """
    _loops._watches.after_fork()
