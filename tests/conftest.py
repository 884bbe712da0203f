"""Real parts: a test that needs one says so; one that is missing is told in the last lines, and fails in CI."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from signalscope import binaries

_BINARIES = {
    "collector": "signalscope-otelcol",
    "prometheus": "prometheus",
    "promtool": "promtool",
    "alertmanager": "alertmanager",
    "amtool": "amtool",
    "docker-compose": "docker-compose",
    "pint": "pint",
}
_PACKAGES = {"redis": "redis-server", "chromium": "chromium"}
_not_run: dict[str, list[str]] = {}


def _why_missing(part: str) -> str | None:
    """Why a part cannot be used; None when it can."""
    if part in _BINARIES:
        try:
            binaries.find(_BINARIES[part])
        except binaries.BinaryError as error:
            return str(error)
        return None
    if part == "postgresql":
        debian = list(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
        return (
            None
            if debian or shutil.which("postgres")
            else "postgres is not installed (apt-get install postgresql)"
        )
    if part in _PACKAGES:
        found = shutil.which(_PACKAGES[part])
        return None if found else f"{_PACKAGES[part]} is not installed (apt-get install {_PACKAGES[part]})"
    known = ", ".join((*_BINARIES, *_PACKAGES, "postgresql"))
    raise pytest.UsageError(f"unknown part {part!r}; there are: {known}")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Leave out, aloud, a test whose parts are missing."""
    parts = [part for mark in item.iter_markers("needs") for part in mark.args]
    for part in parts:
        reason = _why_missing(part)
        if reason is None:
            continue
        if os.environ.get("CI"):
            pytest.fail(f"{part} is missing, and in CI nothing may be: {reason}", pytrace=False)
        _not_run.setdefault(f"{part}: {reason}", []).append(item.nodeid)
        pytest.skip(f"{part}: {reason}")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say in the last lines what was not run, and why."""
    write: Callable[[str], None] = terminalreporter.write_line
    for reason, tests in sorted(_not_run.items()):
        write(f"NOT RUN: {len(tests)} tests, for want of {reason}")
