"""Create the virtual environment and get the binaries, both at the same time, with progress: `make setup`.

`--tests` also gets what only the tests need. `--demo ARGUMENTS` starts the demo as soon as Python is ready. Missing
binaries are built beside it, and join it. `--python` only creates the environment, which is enough for the
documentation and the lint.

Needs only the standard library. It changes nothing that is up to date, so a second run takes no time.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import venv
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / ".signalscope"
_OLDEST = (3, 11)

sys.path.append(str(ROOT / "src" / "signalscope"))

import binaries  # noqa: E402  # not signalscope.binaries: signalscope may not be installed yet


class SetupError(RuntimeError):
    """An error that the user can correct; the message says how."""


def environment(extra: str = "dev") -> None:
    """Create the virtual environment and install signalscope in it, editable.

    Args:
        extra: The extra to install; ``dev`` includes all others.
    """
    dev = hashlib.sha256((ROOT / "pyproject.toml").read_bytes() + str(ROOT).encode()).hexdigest()
    wanted = dev if extra == "dev" else f"{dev} {extra}"
    if is_ready(dev) or is_ready(wanted):
        return
    lock = os.open(ROOT, os.O_RDONLY)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("python: another setup of this checkout is running; waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        if not is_ready(wanted):
            install_packages(wanted, extra)
    finally:
        os.close(lock)


def is_ready(wanted: str) -> bool:
    """Return True if the environment exists for this path and these dependencies."""
    return STAMP.is_file() and STAMP.read_text(encoding="ascii") == wanted and PYTHON.exists()


def install_packages(wanted: str, extra: str) -> None:
    """Create what is missing, and record the path and the dependencies."""
    begun = time.monotonic()
    say("python: making .venv and installing packages")
    STAMP.unlink(missing_ok=True)
    place = VENV / ".place"
    # An environment that was moved with its checkout has commands with the old path of Python.
    has_moved = place.is_file() and place.read_text(encoding="utf-8") != str(ROOT)
    if (
        has_moved
        or not PYTHON.exists()
        or subprocess.run([PYTHON, "-c", "import pip"], check=False).returncode
    ):
        make_environment()
    place.write_text(str(ROOT), encoding="utf-8")
    command = [
        str(PYTHON), "-m", "pip", "install", "--disable-pip-version-check", "--quiet", "-e", f".[{extra}]",
        # Python compiles what it imports; most modules are never imported by the demo.
        *(["--no-compile"] if extra == "demo" else []),
    ]  # fmt: skip
    step = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    running.append(step)
    while True:
        try:
            output, _ = step.communicate(timeout=10)
            break
        except subprocess.TimeoutExpired:
            say(f"python: {time.monotonic() - begun:.0f} s: installing packages")
    if step.returncode:
        raise SetupError(f"pip failed:\n{output}")
    STAMP.write_text(wanted, encoding="ascii")
    say(f"python: ready after {time.monotonic() - begun:.0f} s")


def make_environment() -> None:
    """Create an empty virtual environment with pip."""
    try:
        venv.create(VENV, with_pip=True, clear=True)
    except subprocess.CalledProcessError:  # Debian has pip for environments in a separate package
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        raise SetupError(
            f"Python {version} cannot make virtual environments with pip; on Debian and Ubuntu: "
            f"apt-get install python{version}-venv"
        ) from None


def tools() -> None:
    """Get the binaries; without these the demo runs embedded, and tests report what they did not run."""
    binaries.install(say, tests="--tests" in sys.argv)


class Part:
    """A part of the setup, in its own thread.

    Attributes:
        failure: The reason for its failure; None if it succeeded.
        ended: Set when it has ended. (In Python 3.11, a `Thread.join` that a signal interrupts forgets its thread.)
    """

    def __init__(self, act: Callable[[], None]) -> None:
        self.failure = ""
        self.ended = threading.Event()
        self._act = act
        threading.Thread(target=self._attempt, daemon=True).start()

    def _attempt(self) -> None:
        try:
            self._act()
        except (SetupError, binaries.BinaryError) as error:
            self.failure = str(error)
        except Exception as error:
            self.failure = f"{self._act.__name__}: {type(error).__name__}: {error}"
        finally:
            self.ended.set()


def say(line: str) -> None:
    """Print a line with the time since the start."""
    print(f"[{time.monotonic() - STARTED:4.0f} s] {line}", flush=True)


def interrupted(number: int, frame: object) -> None:
    """Handle other signals that end a program like Ctrl-C."""
    raise KeyboardInterrupt


STARTED = time.monotonic()
running: list[subprocess.Popen[str]] = []


def start_builds() -> subprocess.Popen[bytes] | None:
    """Start to build what the demo lacks, in a process that the demo adopts; None if nothing is missing."""
    if not binaries.missing_for_demo():
        return None
    path = Path(tempfile.mkstemp(prefix="signalscope-builds-", suffix=".json")[1])
    with path.with_suffix(".log").open("wb") as log:
        command = [sys.executable, ROOT / "src" / "signalscope" / "binaries", "--demo", path]
        builds = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
    os.environ["SIGNALSCOPE_DEMO_BUILDS"] = f"{builds.pid}:{path}"
    say("building the missing servers beside the rest; each joins the demo when it is ready")
    return builds


def demo(arguments: list[str]) -> int:
    """Make the environment, and become the demo; return the exit status only if that fails."""
    builds = start_builds()
    python = Part(lambda: environment("demo"))
    try:
        python.ended.wait()
        if not python.failure:
            command = [str(VENV / "bin" / "signalscope"), "demo", *arguments]
            os.execv(command[0], command)  # noqa: S606  # no shell is needed
    except KeyboardInterrupt:
        for step in running:
            step.terminate()
        python.ended.wait(5)
        return 130
    finally:
        if builds is not None:
            builds.terminate()
            builds.wait()
    print(f"error: {python.failure}", file=sys.stderr)
    return 1


def main() -> int:
    """Return the exit status: 0 if the environment is ready; missing binaries are only reported."""
    if sys.version_info < _OLDEST:
        version = ".".join(map(str, sys.version_info[:3]))
        print(
            f"error: Python {_OLDEST[0]}.{_OLDEST[1]} or newer is needed, this is {version}", file=sys.stderr
        )
        return 1
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupted)
    if "--demo" in sys.argv:
        return demo(sys.argv[sys.argv.index("--demo") + 1 :])
    parts: list[Part] = []
    try:
        parts += [Part(act) for act in ((environment,) if "--python" in sys.argv else (environment, tools))]
        for part in parts:
            part.ended.wait()
    except KeyboardInterrupt:
        binaries.cancelled.set()
        for step in running:
            step.terminate()
        for part in parts:
            part.ended.wait(5)  # time to remove unfinished files
        return 130
    python, *others = parts
    for failure in filter(None, (part.failure for part in others)):
        print(f"note: {failure}", file=sys.stderr)
    if python.failure:
        print(f"error: {python.failure}", file=sys.stderr)
    return 1 if python.failure else 0


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    os._exit(code)  # ends the process even if a build still runs in a thread
