"""Groups of tests: one worker of pytest-xdist runs the tests of a group, one after the other and in their order.

Every other test goes to the next worker that is free. pytest-xdist has groups of its own, marks that it appends to
the ids of tests. With pytest 9.2 and pytest-xdist 3.8 that has no effect, and nothing says so.
"""

from __future__ import annotations

from xdist.scheduler import LoadScopeScheduling

__all__ = ["Scheduling", "group"]

#: The whole stack in real processes: two at once would disturb one another.
_STACK = ("tests/e2e/", "tests/launch/test_demo.py")


def group(test: str) -> str | None:
    """Return the group of a test by its id; None for one that may run anywhere."""
    return "stack" if test.startswith(_STACK) else None


class Scheduling(LoadScopeScheduling):  # type: ignore[misc]  # it has no type hints
    """Gives a group of tests, or one test that has no group, to a worker."""

    def _split_scope(self, nodeid: str) -> str:
        return group(nodeid) or nodeid
