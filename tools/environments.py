"""Virtual environments for the tests, with other packages or another interpreter than .venv has.

Each is cached outside the checkout, keyed by its interpreter and packages, and used by one run at a time: signalscope
is installed into it editable, from the checkout that uses it.
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
#: What an editable install needs, so that it neither takes long nor asks the package index.
BUILD = ("hatchling>=1.27", "editables")
_PROGRESS_SECONDS = 10
_UNUSED_SECONDS = 14 * 86_400


class PipError(RuntimeError):
    """pip failed; the message is what it said."""

    @property
    def reason(self) -> str:
        """Its last line that names an error."""
        lines = [line.strip() for line in str(self).splitlines() if line.strip()]
        errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
        errors = [
            line for line in errors if not line.startswith("Failed to build one or more")
        ]  # it names none
        return (errors or lines or ["no reason given"])[-1]

    @property
    def is_of_the_network(self) -> bool:
        """Whether pip did not reach the package index: then it says nothing about packages."""
        return "Retrying (Retry(" in str(self) or "Could not fetch URL" in str(self)


@contextlib.contextmanager
def environment(
    name: str, python: str | Path, packages: Iterable[str], install: Callable[[Path], None] | None = None
) -> Iterator[Path]:
    """Give the folder of an environment, made first if it is missing, while no other run uses it.

    Args:
        name: The first part of its name: what it is for.
        python: The interpreter to make it with.
        packages: Requirements, as pip takes them.
        install: Installs them with the interpreter that it gets; by default one call of pip.

    Raises:
        PipError: Packages could not be installed.
        subprocess.CalledProcessError: The interpreter cannot make virtual environments.
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
    """Give the folder that has all of them."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "signalscope"


def remove_unused(name: str) -> None:
    """Remove the environments of that name that no run has used for two weeks."""
    for stamp in cache().glob(f"{name}-*/installed"):
        home = stamp.parent
        if time.time() - stamp.stat().st_mtime < _UNUSED_SECONDS:
            continue
        with home.with_name(f"{home.name}.lock").open("w") as lock, contextlib.suppress(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(home)


def pip(home: Path, *arguments: str, what: str = "") -> str:
    """Run the pip of an environment, saying every ten seconds that it still runs; give what it printed.

    Raises:
        PipError: It failed.
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
    """Give the interpreter of an environment."""
    return home / "bin" / "python"
