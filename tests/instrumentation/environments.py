"""Environments with other versions of libraries than the tests' own, made by pip and cached.

Each has the wanted packages in a folder of its own, in front of everything that the tests' environment has:
signalscope and OpenTelemetry are those under test, and what is not asked for is not installed again.
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
        python: Its interpreter.
        launcher: Its `opentelemetry-instrument`.
    """

    python: Path
    launcher: Path


def environment(*requirements: str) -> Environment:
    """The environment with these packages, made if it is not there; without any, the tests' own.

    Args:
        requirements: As pip takes them, with exact versions: they are the key of the cache.

    Raises:
        RuntimeError: pip failed; the message has what it said.
    """
    if not requirements:
        return Environment(Path(sys.executable), Path(sys.executable).with_name("opentelemetry-instrument"))
    # tools/interpreters.py has asked pip which versions have no build for its interpreter, and names them at the end.
    for requirement in set(requirements).intersection(
        os.environ.get("SIGNALSCOPE_TESTS_WITHOUT", "").split()
    ):
        pytest.skip(
            f"{requirement} has no build for Python {sys.version_info.major}.{sys.version_info.minor}"
        )
    # What the base has is part of the key, since it is not installed again.
    base = sorted(f"{package.name}=={package.version}" for package in metadata.distributions())
    parts = (*sorted(requirements), sys.version, sys.prefix, *base)
    key = hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
    home = _cache() / key
    home.parent.mkdir(parents=True, exist_ok=True)
    with (home.parent / f"{key}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two test processes may want the same one
        if not (home / "complete").exists():
            _make(home, requirements)
    return Environment(home / "bin" / "python", home / "bin" / "opentelemetry-instrument")


def _make(home: Path, requirements: tuple[str, ...]) -> None:
    print(f"making an environment with {', '.join(requirements)}", flush=True)
    venv.create(home, with_pip=False, clear=True)
    python = home / "bin" / "python"
    packages = home / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
    # `addsitedir`, so that the base's own .pth files (the editable install) count too; it appends.
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
