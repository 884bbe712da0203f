"""Find a binary of the pinned version: on PATH first, then in the cache."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

from ._projects import BinaryError, Project, projects, projects_for_demo, projects_for_tests


def find(name: str) -> Path:
    """Return the path of a binary at its pinned version.

    Args:
        name: ``signalscope-otelcol``, ``prometheus``, ``promtool``, ``alertmanager`` or ``amtool``; the tests also
            use ``docker-compose`` and ``pint``.

    Raises:
        BinaryError: The name is unknown, or the binary is missing.
    """
    sources = [
        project
        for project in (*projects(), *projects_for_tests(), *projects_for_demo())
        if name in project.binaries
    ]
    if not sources:
        raise BinaryError(f"{name!r} is not a name of a binary [SS750]")
    for project in sources:
        if path := _find(project, name):
            return path
    raise BinaryError(f"{name} {sources[0].version} is missing; run `make setup` to get it [SS750]")


def missing_for_demo() -> list[Project]:
    """Return the parts of the demo that are neither on PATH nor in the cache."""
    lacking = []
    for project in projects_for_demo():
        try:
            for binary in project.binaries:
                find(binary)
        except BinaryError:
            lacking.append(project)
    return lacking


def missing(*, tests: bool = False) -> list[Project]:
    """Return the projects with a missing binary, each with its missing binaries only.

    Args:
        tests: True to include the projects that only the tests need.
    """
    every = (*projects(), *(projects_for_tests() if tests else ()))
    return [lacking for project in every if (lacking := _lacking(project)).binaries]


def _lacking(project: Project) -> Project:
    """Return the project with only its missing binaries, and their packages."""
    names = [binary for binary in project.binaries if _find(project, binary) is None]
    packages = dict(zip(project.binaries, project.packages, strict=False))
    return replace(
        project,
        binaries={name: project.binaries[name] for name in names},
        packages=tuple(packages[name] for name in names if name in packages),
    )


def _find(project: Project, binary: str) -> Path | None:
    path = shutil.which(binary)
    if path is not None and _has_version(path, project.version):
        return Path(path)
    path = shutil.which(project.folder / binary)
    return None if path is None else Path(path)


def _has_version(program: str, version: str) -> bool:
    try:
        answer = subprocess.run(
            [program, "--version"], capture_output=True, text=True, check=False, timeout=10
        )
    except (OSError, subprocess.TimeoutExpired, UnicodeDecodeError):  # another program of the same name
        return False
    return re.search(rf"\bv?{re.escape(version)}\b", answer.stdout + answer.stderr) is not None
