"""Only the event loops of the test are watched."""

from __future__ import annotations

import pytest

from signalscope.runtime import _loops


@pytest.fixture(autouse=True)
def _own_loops() -> None:
    """Forget the loops of other tests: that of schemathesis runs until the process ends."""
    _loops._watches.after_fork()
