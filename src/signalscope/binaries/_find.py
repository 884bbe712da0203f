"""Finding a binary: on PATH, where only the pinned version counts, then in the cache."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

from ._projects import BinaryError, Project, projects, projects_for_tests

__all__ = ["find", "missing"]


def find(name: str) -> Path:
    """Where a binary is: ``signalscope-otelcol``, ``prometheus``, ``promtool``, ``alertmanager`` or ``amtool``.

    Raises:
        BinaryError: It is not there at the pinned version.
    """
    for project in (*projects(), *projects_for_tests()):
        for binary, aliases in project.binaries:
            if binary == name:
                found = _on_path(aliases, project.version) or _cached(project, binary)
                if found is None:
                    raise BinaryError(f"{name} {project.version} is missing; `make setup` gets it")
                return found
    raise BinaryError(f"no binary {name!r}")


def missing(*, tests: bool = False) -> list[Project]:
    """The parts of which something is not there; with what only the tests need, if asked."""
    return [
        project
        for project in (*projects(), *(projects_for_tests() if tests else ()))
        if not all(
            _on_path(aliases, project.version) or _cached(project, binary)
            for binary, aliases in project.binaries
        )
    ]


def _on_path(names: Iterable[str], version: str) -> Path | None:
    for name in names:
        found = shutil.which(name)
        if found is None:
            continue
        try:
            answer = subprocess.run(
                [found, "--version"], capture_output=True, text=True, check=False, timeout=10
            )
        except (OSError, subprocess.TimeoutExpired, UnicodeDecodeError):  # something else of that name
            continue
        if re.search(rf"\bv?{re.escape(version)}\b", answer.stdout + answer.stderr):
            return Path(found)
    return None


def _cached(project: Project, binary: str) -> Path | None:
    path = project.folder / binary
    return path if path.is_file() and os.access(path, os.X_OK) else None
