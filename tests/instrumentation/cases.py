"""Test cases: a library, a program that uses it, and the expected metrics."""

from __future__ import annotations

import subprocess
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import pytest
from tests.collector.conftest import Collector
from tests.instrumentation.environments import environment
from tests.instrumentation.programs import Ran, launch

__all__ = ["Case", "assert_identity", "each_version", "run"]

Measured = Mapping[tuple[str, ...], float]


@dataclass(frozen=True)
class Case:
    """Test case for one library.

    Attributes:
        versions: Requirements to install, for the oldest and the newest tested version.
        instrumentor: Module and class in `signalscope.instrumentation`.
        program: Source of a user's program; it prints every value that it gets.
        expected: For each metric and its compared labels: every series that is not 0.
        names: Patched objects: ``module:name``.
        call: Source of one measured call.
        counted: The metric that `call` increases by 1.
        variables: Environment variables.
    """

    versions: tuple[tuple[str, ...], ...]
    instrumentor: str
    program: str
    expected: Mapping[tuple[str, ...], Measured]
    names: tuple[str, ...]
    call: str
    counted: str
    variables: Mapping[str, str] = field(default_factory=dict)


class _HasVersions(Protocol):
    @property
    def versions(self) -> tuple[tuple[str, ...], ...]:
        """Requirements to install, for each tested version."""


def each_version(cases: Mapping[str, _HasVersions]) -> pytest.MarkDecorator:
    """Parametrize a test with `case` and `versions`, for each tested version of each library."""
    parameters = [
        pytest.param(case, versions, id=versions[0]) for case in cases.values() for versions in case.versions
    ]
    return pytest.mark.parametrize(("case", "versions"), parameters)


def run(
    case: Case, versions: tuple[str, ...], collector: Collector, folder: Path, *arguments: str, **more: str
) -> Ran:
    """Run the program with and without the launcher; assert equal output and the expected metrics.

    Args:
        case: The library.
        versions: Requirements to install.
        collector: A running Collector.
        folder: The folder for the program's file.
        arguments: The program's arguments.
        more: Further environment variables.
    """
    where = environment(*versions)
    ran = launch(collector, where, case.program, folder, *arguments, **{**case.variables, **more})
    assert ran.returncode == 0, ran.stderr
    plain = subprocess.run(
        [where.python, folder / "program.py", *arguments],
        capture_output=True, text=True, check=False, timeout=120, cwd=folder,
    )  # fmt: skip
    assert plain.returncode == 0, plain.stderr
    assert ran.stdout == plain.stdout
    for (metric, *labels), expected in case.expected.items():
        values = ran.series.by(metric, *labels)
        assert values == expected, f"{metric}: {values}"
    assert ran.series.by("signalscope_internal_errors_total", "where") == {}
    return ran


def assert_identity(case: Case, versions: tuple[str, ...], folder: Path) -> None:
    """Assert that a second `instrument` changes nothing, and that `uninstrument` restores the same objects."""
    module, _, name = case.instrumentor.partition(":")
    program = f"""
        import importlib, logging, operator, os
        logging.disable()
        os.environ.update({dict(case.variables)!r})
        from signalscope.instrumentation.{module} import {name} as Instrumentor
        from signalscope.testing import capture
        names = {case.names!r}
        def objects():
            objects = []
            for qualified in names:
                module, _, path = qualified.partition(":")
                holder, *parts = importlib.import_module(module), *path.split(".")
                for part in parts[:-1]:
                    holder = getattr(holder, part)
                objects.append(vars(holder).get(parts[-1]))
            return objects
        def counted():
            with capture() as captured:
                exec({textwrap.dedent(case.call)!r}, {{}})
                points = captured.points({case.counted!r})
                return sum(point.value if point.count is None else point.count for point in points)
        originals = objects()
        assert counted() == 0
        for _ in range(2):
            Instrumentor().instrument()
            Instrumentor().instrument()
            assert counted() == 1, counted()
            changed = list(map(operator.is_not, objects(), originals))
            assert all(changed), list(zip(names, changed))
            Instrumentor().uninstrument()
            assert all(map(operator.is_, objects(), originals)), list(zip(names, objects(), originals))
            assert counted() == 0
    """
    path = folder / "identity.py"
    path.write_text(textwrap.dedent(program), encoding="utf-8")
    done = subprocess.run(
        [environment(*versions).python, path], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
