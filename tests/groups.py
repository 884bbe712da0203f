"""Groups of tests: one worker of pytest-xdist runs the tests of a group, one after the other and in order.

Every other test goes to the next free worker. pytest-xdist has its own groups, with marks that it appends to ids of
tests. With pytest 9.2 and pytest-xdist 3.8 these have no effect, and no message says so.
"""

from __future__ import annotations

from xdist.scheduler import LoadScopeScheduling

__all__ = ["Scheduling", "group"]

#: Tests with the whole stack in real processes: two stacks at the same time would disturb each other.
_STACK = ("tests/e2e/", "tests/launch/test_demo.py")
#: Tests of one Collector and one Prometheus, which they start once.
_HOSTILE = "tests/collector/test_hostile.py"


def group(test: str) -> str | None:
    """Return the group of a test id; None for a test that any worker may run."""
    if test.startswith(_HOSTILE):
        return "hostile"
    return "stack" if test.startswith(_STACK) else None


class Scheduling(LoadScopeScheduling):  # type: ignore[misc]  # it has no type hints
    """A scheduler that gives a worker a group of tests, or a single test without a group."""

    def _split_scope(self, nodeid: str) -> str:
        return group(nodeid) or nodeid
