"""Virtual environments for tests with other packages or another interpreter than those of .venv.

Each is cached outside the checkout, keyed by its interpreter and packages. One run at a time uses it.
An editable install of the checkout that runs the tests puts signalscope into it.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
#: The packages of an editable install without build isolation, which is quick and works offline.
BUILD = ("hatchling>=1.27", "editables")
_PROGRESS_SECONDS = 10
_UNUSED_SECONDS = 14 * 86_400


class PipError(RuntimeError):
    """pip failed; the message is the output of pip."""

    @property
    def reason(self) -> str:
        """The last line of the output that names an error."""
        lines = [line.strip() for line in str(self).splitlines() if line.strip()]
        errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
        errors = [
            line for line in errors if not line.startswith("Failed to build one or more")
        ]  # no line names an error
        return (errors or lines or ["no reason given"])[-1]

    @property
    def is_of_the_network(self) -> bool:
        """True if pip did not reach the package index; its output then says nothing about packages."""
        return "Retrying (Retry(" in str(self) or "Could not fetch URL" in str(self)


@contextlib.contextmanager
def environment(
    name: str, python: str | Path, packages: Iterable[str], install: Callable[[Path], None] | None = None
) -> Iterator[Path]:
    """Yield the folder of an environment, created if it is missing; no other run uses it meanwhile.

    Args:
        name: The first part of the name: the purpose.
        python: The interpreter to create it with.
        packages: Requirements in the syntax of pip.
        install: Installs the packages with a given interpreter; by default one call of pip.

    Raises:
        PipError: A package cannot be installed.
        subprocess.CalledProcessError: The interpreter cannot create virtual environments.
    """
    packages = (*packages, *BUILD)
    version = subprocess.run(
        [python, "-c", "import sys; print(sys.version)"], check=True, capture_output=True, text=True
    )
    key = hashlib.sha256(" ".join((*packages, version.stdout)).encode()).hexdigest()[:12]
    home = cache() / f"{name}-{key}"
    home.parent.mkdir(parents=True, exist_ok=True)
    with home.with_name(f"{home.name}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"{name}: another run uses {home}; waiting for it", flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        stamp = home / "installed"
        if not stamp.exists():
            remove_unused(name)
            print(f"{name}: making an environment in {home}", flush=True)
            subprocess.run([python, "-m", "venv", "--clear", home], check=True)
            if install is None:
                pip(home, "install", "--no-compile", *packages, what=f"{name}: installing packages")
            else:
                install(home)
        stamp.touch()  # also says when it was last used
        pip(home, "install", "--no-deps", "--no-build-isolation", "-e", str(ROOT), what=f"{name}: installing")
        yield home


def cache() -> Path:
    """Return the folder of all environments."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "signalscope"


def remove_unused(name: str) -> None:
    """Remove the environments with a name that no run has used for two weeks."""
    for stamp in cache().glob(f"{name}-*/installed"):
        home = stamp.parent
        if time.time() - stamp.stat().st_mtime < _UNUSED_SECONDS:
            continue
        with home.with_name(f"{home.name}.lock").open("w") as lock, contextlib.suppress(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(home)


def pip(home: Path, *arguments: str, what: str = "") -> str:
    """Run the pip of an environment, report every ten seconds that it still runs, and return its output.

    Raises:
        PipError: pip failed.
    """
    command = [python_of(home), "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments]
    started = time.monotonic()
    step = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while True:
        try:
            output, errors = step.communicate(timeout=_PROGRESS_SECONDS)
            break
        except subprocess.TimeoutExpired:
            if what:
                print(f"{what}: {time.monotonic() - started:.0f} s", flush=True)
        except BaseException:
            step.terminate()
            raise
    if step.returncode:
        raise PipError(output + errors)
    return output


def python_of(home: Path) -> Path:
    """Return the interpreter of an environment."""
    return home / "bin" / "python"
