"""Run the unit tests with each supported interpreter of the machine: `make test-python`.

    make test-python                                    every supported interpreter
    make test-python ARGS=3.13                          this one; it must exist
    make test-python ARGS='3.13 tests/decorators -x'    more arguments go to pytest

The environments are cached outside the checkout. Two options are for CI. `--required=3.12,3.13` fails if one of these
is missing. `--others` leaves the interpreter of .venv to `make test`.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from environments import BUILD, ROOT, PipError, environment, pip, python_of
from library_builds import instrumented, without_build

#: Arguments that select the tests that need no server, in the folders whose tests depend on the interpreter.
MARKS = "not needs and not e2e"
TESTS = (
    "tests/contract", "tests/recording", "tests/decorators", "tests/distro", "tests/fastapi",
    "tests/instrumentation", "tests/breakers", "tests/derived", "tests/users", "tests/mixin",
)  # fmt: skip
PARALLEL = ("-n", str(os.cpu_count() or 1), "--dist", "loadscope", "--no-loadscope-reorder")
_VERSION = re.compile(r"3\.\d+t?")
_PROBE = "import ensurepip, sys, venv; print('.'.join(map(str, sys.version_info[:3])))"
_PROBE_SECONDS = 30


@dataclass
class Run:
    """The tests with one interpreter.

    Args:
        version: The name: 3.13, or 3.13t for a free-threaded build.
        python: The path of the interpreter.
        release: The full version.

    Attributes:
        status: The exit status of pytest, or of an earlier step that failed.
        outcome: The result, in words.
        without_build: Requirements that cannot be installed with the interpreter, and the reason of pip.
    """

    version: str
    python: Path
    release: str
    status: int = 1
    outcome: str = "interrupted"
    without_build: dict[str, str] = field(default_factory=dict)

    def __call__(self, arguments: Sequence[str]) -> None:
        """Run pytest in an environment of the interpreter, which is created if it is missing."""
        print(f"\n=== Python {self.release}, {self.python}", flush=True)
        began = time.monotonic()
        try:
            with environment(f"python-{self.version}", self.python, requirements(), self._install) as home:
                self._ask_for_libraries(home)
                self.status = self._test(home, arguments)
                self.outcome = "passed" if self.status == 0 else f"failed (pytest: exit status {self.status})"
        except (PipError, subprocess.CalledProcessError) as error:
            self.outcome = f"no environment: {getattr(error, 'reason', error)}"
            print(error, file=sys.stderr)
        self.outcome += f", {time.monotonic() - began:.0f} s"

    def _install(self, home: Path) -> None:
        """Install the packages of the tests; if that fails, install each alone, without those that have no build."""
        needed, optional = (
            core(),
            [requirement for requirement in requirements() if requirement not in core()],
        )
        what = f"Python {self.version}: installing packages"
        try:
            pip(home, "install", "--no-compile", *needed, *optional, *BUILD, what=what)
        except PipError as error:
            if error.is_of_the_network:
                raise
            print(f"{what} failed ({error.reason}); trying each", flush=True)
            pip(home, "install", "--no-compile", *needed, *BUILD, what=what)
            (home / "missing").write_text("".join(f"{line}\n" for line in self._one_by_one(home, optional)))

    def _one_by_one(self, home: Path, optional: Sequence[str]) -> Iterator[str]:
        for requirement in optional:
            try:
                pip(
                    home,
                    "install",
                    "--no-compile",
                    requirement,
                    what=f"Python {self.version}: installing {requirement}",
                )
            except PipError as error:
                yield f"{requirement}\t{error.reason}"

    def _ask_for_libraries(self, home: Path) -> None:
        missing = home / "missing"
        if missing.exists():
            self.without_build |= (line.split("\t") for line in missing.read_text().splitlines())
        try:
            self.without_build |= without_build(home, instrumented(home))
        except PipError as error:
            print(f"cannot find out which libraries have no build: {error.reason}", flush=True)

    def _test(self, home: Path, arguments: Sequence[str]) -> int:
        command = [python_of(home), "-m", "pytest", "-o", f"cache_dir={home / 'pytest'}"]
        command += arguments or [*PARALLEL, "-q", "-m", MARKS, *TESTS]
        # Tests of library versions that have no build are skipped, with that as the reason.
        variables = os.environ | {"SIGNALSCOPE_TESTS_WITHOUT": " ".join(self.without_build)}
        return subprocess.run(command, cwd=ROOT, env=variables, check=False).returncode


def project() -> dict[str, Any]:
    """Return the project table of pyproject.toml."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def supported() -> list[str]:
    """Return the versions of Python that the classifiers name."""
    prefix = "Programming Language :: Python :: "
    return [
        classifier.removeprefix(prefix)
        for classifier in project()["classifiers"]
        if classifier.startswith(f"{prefix}3.")
    ]


def core() -> list[str]:
    """Return the requirements that every test needs."""
    return list(project()["dependencies"])


def requirements() -> list[str]:
    """Return the requirements of the extra `dev`, including those of other extras in it."""
    extras, listed, seen = project()["optional-dependencies"], core(), set()
    waiting = ["dev"]
    while waiting:
        extra = waiting.pop()
        if extra in seen:
            continue
        seen.add(extra)
        for requirement in extras[extra]:
            own = re.fullmatch(r"signalscope\[(.+)\]", requirement)
            if own:
                waiting += own[1].split(",")
            elif requirement not in listed:
                listed.append(requirement)
    return listed


def find(version: str) -> tuple[Path, str] | str:
    """Find an interpreter: on PATH, then the newest one of pyenv.

    Returns:
        The path and the full version; or the reason why none is found.
    """
    name = f"python{version}"
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    releases = sorted((pyenv / "versions").glob(f"{version.rstrip('t')}.*"), key=_by_number, reverse=True)
    folders = [Path(folder) for folder in os.environ.get("PATH", "").split(os.pathsep) if folder]
    why = "not found"
    for folder in (*folders, *(release / "bin" for release in releases)):
        if not (folder / name).is_file():
            continue
        try:
            asked = subprocess.run(
                [folder / name, "-I", "-c", _PROBE],
                capture_output=True, text=True, check=False, timeout=_PROBE_SECONDS, stdin=subprocess.DEVNULL,
            )  # fmt: skip
        except (OSError, subprocess.TimeoutExpired) as error:
            why = f"{folder / name}: {error}"
            continue
        if asked.returncode == 0 and asked.stdout.startswith(f"{version.rstrip('t')}."):
            return folder / name, asked.stdout.strip()
        if (
            asked.returncode and folder != pyenv / "shims"
        ):  # a shim fails unless pyenv has selected this version
            lines = (asked.stderr or f"exit status {asked.returncode}").strip().splitlines()
            why = f"{folder / name} cannot make environments: {lines[-1]}"
            if "ensurepip" in lines[-1] or "venv" in lines[-1]:
                why += f" (Debian and Ubuntu: apt-get install {name}-venv)"
    return why


def _by_number(folder: Path) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", folder.name)]


def report(runs: Sequence[Run], absent: dict[str, str], required: set[str]) -> None:
    """Print the results, the missing interpreters, and the libraries without a build for an interpreter."""
    for run in runs:
        print(f"Python {run.version} ({run.python}, {run.release}): {run.outcome}")
        for requirement, reason in run.without_build.items():
            print(f"  no build for Python {run.version}: {requirement} ({reason})")
    for version, why in absent.items():
        level = "error" if version in required else "note"
        print(f"{level}: NOT RUN with Python {version}: {why}")


def main() -> int:
    """Return 0 if every interpreter that was found passed, and no chosen or required one is missing."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False, add_help=False)
    parser.add_argument("--required", default="", help="versions, with commas: a missing one is a failure")
    parser.add_argument("--others", action="store_true", help="without the version that runs this")
    options, arguments = parser.parse_known_args()
    asked_for: list[str] = []
    while arguments and _VERSION.fullmatch(arguments[0]):
        asked_for.append(arguments.pop(0))
    required = {*asked_for, *filter(None, options.required.split(","))}
    versions = dict.fromkeys(asked_for or (*supported(), *sorted(required)))
    if options.others:
        own = f"{sys.version_info.major}.{sys.version_info.minor}"
        versions.pop(own, None)
        print(f"Python {own}: left to `make test`, which uses it")
    results = {version: find(version) for version in versions}
    absent = {version: why for version, why in results.items() if isinstance(why, str)}
    runs = [Run(version, *where) for version, where in results.items() if not isinstance(where, str)]
    try:
        for run in runs:
            run(arguments)
    except KeyboardInterrupt:
        return 130
    print()
    report(runs, absent, required)
    nothing_ran = not runs and not options.others
    return int(nothing_ran or any(run.status for run in runs) or bool(required & absent.keys()))


if __name__ == "__main__":
    sys.exit(main())
