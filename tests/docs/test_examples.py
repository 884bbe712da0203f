"""Each public function and class has an example in its docstring, and the example works."""

from __future__ import annotations

import doctest
import importlib
import inspect
import subprocess
import sys
from collections.abc import Iterator

import pytest
from tests.docs.pages import ROOT
from tools.docs import PUBLIC

#: What changes the whole process: its examples run in one of their own.
_OF_THE_PROCESS = {
    "SignalscopeConfigurator", "SignalscopeDistro", "allow", "configure", "extend", "extensions", "initialise",
    "instrument_children", "shutdown",
}  # fmt: skip


def _public() -> Iterator[object]:
    """Every public function and class, once, under the first name that it has."""
    seen = set()
    for package in PUBLIC:
        module = importlib.import_module(package)
        for name in module.__all__:
            member = getattr(module, name)
            if (inspect.isclass(member) or inspect.isroutine(member)) and id(member) not in seen:
                seen.add(id(member))
                yield pytest.param(name, member, id=f"{package}.{name}")


def _example(name: str, member: object) -> doctest.DocTest:
    """Return the example; its line is that of the source."""
    target = inspect.unwrap(member) if callable(member) else member
    path = inspect.getsourcefile(target) or ""  # type: ignore[arg-type]  # it is a function or a class
    doctests = doctest.DocTestFinder(recurse=False).find(member, name, module=False, globs={})
    assert doctests, f"{path}: {name} has no docstring"
    examples = doctests[0]
    _, line = inspect.getsourcelines(target)  # type: ignore[arg-type]  # as above
    assert examples.examples, f"{path}:{line}: {name} is public and has no example"
    examples.filename, examples.lineno = path, line
    return examples


@pytest.mark.parametrize(("name", "member"), list(_public()))
def test_a_public_name_has_an_example_that_works(
    name: str, member: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is a doctest; what it prints is what it says."""
    monkeypatch.setenv(
        "SIGNALSCOPE_CPU_SECOND_PRICE", "0"
    )  # restored afterwards, also if the example sets it
    monkeypatch.delenv("SIGNALSCOPE_PROMETHEUS_URL", raising=False)
    example = _example(name, member)
    if name in _OF_THE_PROCESS:
        program = (
            f"import doctest\n__test__ = {{{name!r}: {member.__doc__!r}}}\n"
            "raise SystemExit(doctest.testmod().failed)"
        )
        done = subprocess.run(
            [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert not done.returncode, f"{example.filename}:{example.lineno}: {done.stdout}{done.stderr}"
        return
    report: list[str] = []
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    runner.run(example, out=report.append)
    assert not runner.failures, "".join(report)
