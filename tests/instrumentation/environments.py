"""Environments with other versions of libraries than in the tests' environment, made by pip and cached.

Each environment has its packages in its own folder. This folder comes before the packages of the tests' environment.
All other packages, such as signalscope and OpenTelemetry, come from the tests' environment.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import site
import subprocess
import sys
import venv
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import pytest

__all__ = ["Environment", "environment"]

_LAUNCHER = """#!{python}
import sys
from opentelemetry.instrumentation.auto_instrumentation import run
sys.exit(run())
"""


@dataclass(frozen=True)
class Environment:
    """An environment.

    Attributes:
        python: The interpreter.
        launcher: The `opentelemetry-instrument` command.
    """

    python: Path
    launcher: Path


def environment(*requirements: str) -> Environment:
    """Return the environment with some packages, and make it if it is missing; without packages, that of the tests.

    Args:
        requirements: Requirements for pip with exact versions; they are the key of the cache.

    Raises:
        RuntimeError: pip failed; the message has its output.
    """
    if not requirements:
        return Environment(Path(sys.executable), Path(sys.executable).with_name("opentelemetry-instrument"))
    # tools/interpreters.py finds versions without a build for its interpreter, and prints their names at the end.
    for requirement in set(requirements).intersection(
        os.environ.get("SIGNALSCOPE_TESTS_WITHOUT", "").split()
    ):
        pytest.skip(
            f"{requirement} has no build for Python {sys.version_info.major}.{sys.version_info.minor}"
        )
    # The packages of the base are part of the key, since they are not installed again.
    base = sorted(f"{package.name}=={package.version}" for package in metadata.distributions())
    parts = (*sorted(requirements), sys.version, sys.prefix, *base)
    key = hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
    home = _cache() / key
    home.parent.mkdir(parents=True, exist_ok=True)
    with (home.parent / f"{key}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two test processes may make the same environment
        if not (home / "complete").exists():
            _make(home, requirements)
    return Environment(home / "bin" / "python", home / "bin" / "opentelemetry-instrument")


def _make(home: Path, requirements: tuple[str, ...]) -> None:
    print(f"making an environment with {', '.join(requirements)}", flush=True)
    venv.create(home, with_pip=False, clear=True)
    python = home / "bin" / "python"
    packages = home / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
    # `addsitedir` appends the folder, and also reads the .pth files of the base (the editable install).
    lines = [f"import site; site.addsitedir({folder!r})\n" for folder in site.getsitepackages()]
    (packages / "base.pth").write_text("".join(lines), encoding="utf-8")
    launcher = home / "bin" / "opentelemetry-instrument"
    launcher.write_text(_LAUNCHER.format(python=python), encoding="utf-8")
    launcher.chmod(0o755)
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--disable-pip-version-check"]
    done = subprocess.run(
        [*pip, "--quiet", *requirements], capture_output=True, text=True, check=False, timeout=300
    )
    if done.returncode:
        raise RuntimeError(f"pip install {' '.join(requirements)}:\n{done.stdout}{done.stderr}")
    (home / "complete").touch()


def _cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "signalscope" / "libraries"
