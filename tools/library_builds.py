"""Find the instrumented libraries that cannot be installed with an interpreter, and the reasons."""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from environments import PipError, pip, python_of

__all__ = ["instrumented", "without_build"]

_AT_ONCE = 4
_KNOWN_SECONDS = 7 * 86_400
_TESTED = """
import re
from signalscope.instrumentation._table import libraries
for library in libraries():
    for version in dict.fromkeys(library.tested or ()):
        print(re.match(r"[\\w.-]+", library.supports[0])[0] + "==" + version)
"""


def instrumented(home: Path) -> list[str]:
    """Return the oldest and the newest tested version of each instrumented library, as requirements."""
    done = subprocess.run([python_of(home), "-c", _TESTED], check=True, capture_output=True, text=True)
    return done.stdout.split()


def without_build(home: Path, requirements: list[str]) -> dict[str, str]:
    """Return the requirements that pip cannot install here, with the reasons; they are cached for a week.

    pip builds a library without a wheel for the interpreter, since its sources may work.

    Raises:
        PipError: The package index cannot be reached.
    """
    file = home / "libraries.json"
    known: dict[str, str] = {}
    if file.exists() and time.time() - file.stat().st_mtime < _KNOWN_SECONDS:
        known = json.loads(file.read_text(encoding="utf-8"))
    wanted = [requirement for requirement in requirements if requirement not in known]
    if wanted:
        print(f"asking pip for {len(wanted)} versions of instrumented libraries", flush=True)
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            try:
                known |= zip(
                    wanted, pool.map(lambda requirement: _failure(home, requirement), wanted), strict=True
                )
            except PipError:
                pool.shutdown(cancel_futures=True)
                raise
        file.write_text(json.dumps(known, indent=1), encoding="utf-8")
    return {requirement: known[requirement] for requirement in requirements if known[requirement]}


def _failure(home: Path, requirement: str) -> str:
    """Return why a requirement cannot be installed; empty if it can."""
    try:
        report = json.loads(
            pip(home, "--retries=1", "install", "--dry-run", "--ignore-installed", "--report=-", requirement)
        )
        urls = [item["download_info"]["url"] for item in report["install"]]
        if sources := [url for url in urls if not url.endswith(".whl")]:
            with tempfile.TemporaryDirectory() as folder:
                pip(home, "wheel", "--no-deps", f"--wheel-dir={folder}", *sources)
    except PipError as error:
        if error.is_of_the_network:
            raise
        return error.reason
    return ""
