"""Find a binary of the pinned version: on PATH first, then in the cache."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

from ._projects import BinaryError, Project, projects, projects_for_tests


def find(name: str) -> Path:
    """Return the path of a binary at its pinned version.

    Args:
        name: ``signalscope-otelcol``, ``prometheus``, ``promtool``, ``alertmanager`` or ``amtool``; the tests also
            use ``docker-compose`` and ``pint``.

    Raises:
        BinaryError: The name is unknown, or the binary is missing.
    """
    for project in (*projects(), *projects_for_tests()):
        if name in project.binaries:
            if path := _find(project, name):
                return path
            raise BinaryError(f"{name} {project.version} is missing; run `make setup` to get it [SS750]")
    raise BinaryError(f"{name!r} is not a name of a binary [SS750]")


def missing(*, tests: bool = False) -> list[Project]:
    """Return the projects with a missing binary.

    Args:
        tests: True to include the projects that only the tests need.
    """
    return [
        project
        for project in (*projects(), *(projects_for_tests() if tests else ()))
        if not all(_find(project, binary) for binary in project.binaries)
    ]


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
