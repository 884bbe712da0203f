"""Tests wait for conditions: they neither sleep and hope, nor limit how long an action took.

A sleep that is part of the test (an export that takes a while, a beat) has ``# sleep: REASON`` in its line.
A necessary limit on a measured time has ``# bound: REASON``.
"""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
_WAITING = TESTS / "waiting.py"
_CLOCKS = {"monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns", "time", "time_ns"}
#: A sleep of 0 only gives other tasks a turn. Delayed calls and waits that must time out also count as sleeps.
_SLEEP = re.compile(r"\bsleep\((?!0\)|0,)|\bcall_later\(|\bTimer\(|raises\(.*TimeoutExpired")
_SLEEP_REASON, _LIMIT_REASON = (re.compile(rf"# {kind}: \w+ \w+") for kind in ("sleep", "bound"))


def _sleeps(source: str) -> Iterator[int]:
    """Yield the lines with a sleep without a reason, also those in programs that are written as text."""
    for number, line in enumerate(source.splitlines(), 1):
        if _SLEEP.search(line.partition("#")[0]) and not _SLEEP_REASON.search(line):
            yield number


class _Limits(ast.NodeVisitor):
    """A visitor that finds assertions that an action took less than some time.

    Attributes:
        lines: The lines of the assertions.
    """

    def __init__(self, tree: ast.AST) -> None:
        self.lines: list[int] = []
        #: Name or function -> kind: an instant, a duration (instant - instant), a deadline (instant + seconds).
        self._kinds: dict[str, str] = {}
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                self._learn(node)

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:  # ast's name
        """Forget the names of a function at its end."""
        before = dict(self._kinds)
        self.generic_visit(node)
        self._kinds = before

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815  # ast's name

    def visit_Assign(self, node: ast.Assign) -> None:  # ast's name
        """Record the names whose values come from a clock."""
        kind = self._kind(node.value)
        for name in (part for target in node.targets for part in ast.walk(target)):
            if isinstance(name, ast.Name):
                self._kinds.pop(name.id, None)
                if kind:
                    self._kinds[name.id] = kind
        self.generic_visit(node)

    def visit_Assert(self, node: ast.Assert) -> None:  # ast's name
        """Check the comparisons of an assertion."""
        for compare in (part for part in ast.walk(node.test) if isinstance(part, ast.Compare)):
            sides = [compare.left, *compare.comparators]
            for operator, *pair in zip(compare.ops, sides, sides[1:], strict=False):
                is_less = isinstance(operator, ast.Lt | ast.LtE)
                is_more = isinstance(operator, ast.Gt | ast.GtE)
                kinds = [self._kind(side) for side in (pair if is_less else reversed(pair))]
                # A comparison of two measured times is an order of events, not a limit.
                if (is_less or is_more) and kinds in (["duration", ""], ["instant", "deadline"]):
                    self.lines.append(compare.lineno)

    def _learn(self, function: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        """Record a function that returns a duration."""
        for node in ast.walk(function):
            if isinstance(node, ast.Return) and node.value and self._kind(node.value) == "duration":
                self._kinds[function.name] = "duration"

    def _kind(self, node: ast.AST) -> str:
        """Return the kind of an expression; the empty text if it does not use a clock."""
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub | ast.Add):
            kinds = {self._kind(node.left), self._kind(node.right)} - {""}
            if "instant" in kinds:
                return "duration" if isinstance(node.op, ast.Sub) else "deadline"
        elif (
            isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _CLOCKS
        ):
            return "instant"
        elif isinstance(node, ast.Name):
            return self._kinds.get(node.id, "")
        return next(filter(None, map(self._kind, ast.iter_child_nodes(node))), "")


def _limits(source: str) -> Iterator[int]:
    """Return the lines that limit a measured time without a reason."""
    tree, lines = ast.parse(source), source.splitlines()
    limits = _Limits(tree)
    limits.visit(tree)
    for number in limits.lines:
        if not _LIMIT_REASON.search(lines[number - 1]):
            yield number


def _sources() -> list[Path]:
    return [path for path in sorted(TESTS.rglob("*.py")) if path not in {_WAITING, Path(__file__)}]


def test_no_test_sleeps_in_order_to_wait() -> None:
    """`tests.waiting.eventually` waits for a condition with a deadline; other sleeps have a reason."""
    places = [
        f"{path.relative_to(TESTS)}:{number}"
        for path in _sources()
        for number in _sleeps(path.read_text(encoding="utf-8"))
    ]
    assert places == [], "wait for a condition with tests.waiting.eventually, or add `# sleep: REASON`"


def test_no_test_asserts_that_the_machine_is_quick() -> None:
    """Such a test waits for an event that never comes, or compares an order of events."""
    places = [
        f"{path.relative_to(TESTS)}:{number}"
        for path in _sources()
        for number in _limits(path.read_text(encoding="utf-8"))
    ]
    assert places == [], "compare an order of events, wait with a deadline, or add `# bound: REASON`"


@pytest.mark.parametrize(
    ("source", "sleeps", "limits"),
    [
        ("time.sleep(1)", [1], []),
        ("await asyncio.sleep(0.1)  # a moment", [1], []),
        ("time.sleep(0.1)  # sleep: an export that takes a while", [], []),
        ("await asyncio.sleep(0)", [], []),
        ("loop.call_later(0.5, stop.set)", [1], []),
        ("with pytest.raises(subprocess.TimeoutExpired):\n    process.wait(2)", [1], []),
        ("PROGRAM = '''\ntime.sleep(1)\n'''", [2], []),
        ("def f():\n    begun = time.monotonic()\n    assert time.monotonic() - begun < 2", [], [3]),
        ("async def f():\n    took = loop.time() - begun\n    assert 1 <= took <= 2", [], [3]),
        ("def f():\n    took = loop.time() - begun\n    assert 2 > took  # bound: it is promised", [], []),
        ("def f():\n    took = time.monotonic()\n    assert took > 2", [], []),
        ("def run():\n    return time.time() - begun\ndef f():\n    took = run()\n    assert took < 2", [], [5]),
        ("def f():\n    a, b = time.time(), time.time()\n    assert a <= b", [], []),
        ("def f():\n    now = time.time()\n    assert found > now + 3600", [], []),
        ("def f():\n    end = time.monotonic() + 5\n    work()\n    assert time.monotonic() < end", [], [4]),
    ],
)  # fmt: skip
def test_the_gate_finds_what_it_is_for(source: str, sleeps: list[int], limits: list[int]) -> None:
    """It finds sleeps and limits, and accepts other code."""
    assert (list(_sleeps(source)), list(_limits(textwrap.dedent(_parsable(source))))) == (sleeps, limits)


def _parsable(source: str) -> str:
    """Return the source; put a source with a bare `await` inside a function."""
    return "" if source.startswith("await") else source
