"""What `make setup` does: the virtual environment and the binaries, side by side, each saying how far it is.

Standard library only. Both are left alone when they are up to date, so that it takes no time the second time.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import threading
import time
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / ".signalscope"
_OLDEST = (3, 11)

sys.path.insert(0, str(ROOT / "src" / "signalscope" / "demo"))

import binaries  # noqa: E402  # only its own folder: the package may not be installed yet


def environment(failures: list[str]) -> None:
    """Make the virtual environment and install signalscope into it, editable, with everything it can use."""
    wanted = hashlib.sha256((ROOT / "pyproject.toml").read_bytes() + str(ROOT).encode()).hexdigest()
    if STAMP.is_file() and STAMP.read_text(encoding="ascii") == wanted and PYTHON.exists():
        return
    begun = time.monotonic()
    say("python: making .venv and installing packages")
    if not PYTHON.exists():
        venv.create(VENV, with_pip=True, clear=True)
    command = [str(PYTHON), "-m", "pip", "install", "--disable-pip-version-check", "--quiet", "-e", ".[dev]"]
    step = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    running.append(step)
    while True:
        try:
            output, _ = step.communicate(timeout=10)
            break
        except subprocess.TimeoutExpired:
            say(f"python: {time.monotonic() - begun:.0f} s: installing packages")
    if step.returncode:
        failures.append(f"pip failed:\n{output}")
        return
    STAMP.write_text(wanted, encoding="ascii")
    say(f"python: ready after {time.monotonic() - begun:.0f} s")


def tools(failures: list[str]) -> None:
    """Get the binaries; without them the demo runs embedded, and tests say what they did not run."""
    try:
        binaries.install(say, tests="--tests" in sys.argv)
    except binaries.BinaryError as error:
        failures.append(str(error))


def say(line: str) -> None:
    """Print a line with the time since the start."""
    print(f"[{time.monotonic() - STARTED:4.0f} s] {line}", flush=True)


STARTED = time.monotonic()
running: list[subprocess.Popen[str]] = []


def main() -> int:
    """The exit status: 0 when the environment is there; missing binaries are told, and are no failure."""
    if sys.version_info < _OLDEST:
        found = ".".join(map(str, sys.version_info[:3]))
        print(f"error: Python {_OLDEST[0]}.{_OLDEST[1]} or newer is needed, this is {found}", file=sys.stderr)
        return 1
    broken: list[str] = []
    lacking: list[str] = []
    parts = [
        threading.Thread(target=environment, args=(broken,), daemon=True),
        threading.Thread(target=tools, args=(lacking,), daemon=True),
    ]
    for part in parts:
        part.start()
    try:
        for part in parts:
            while part.is_alive():
                part.join(0.2)
    except KeyboardInterrupt:
        for step in running:
            step.terminate()
        return 130
    for problem in lacking:
        print(f"note: {problem}", file=sys.stderr)
    for problem in broken:
        print(f"error: {problem}", file=sys.stderr)
    return 1 if broken else 0


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    os._exit(code)  # a build that is still running in a thread ends with the process
