"""`make test-python` with fake interpreters: what it finds, runs, and reports as not run."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

import pytest

from signalscope import binaries

_TOOL = binaries.ROOT / "tools" / "interpreters.py"
#: A fake interpreter, which also creates environments with a copy of itself; it records its arguments.
_STAND_IN = """#!{python}
import os, pathlib, shutil, sys
arguments = sys.argv[1:]
with open({log!r}, "a") as log:
    print("{release}", *arguments, file=log)
if "venv" in arguments:
    folder = pathlib.Path(arguments[-1], "bin")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    shutil.copy(__file__, folder / "python")
elif "pip" in arguments:
    for word, line in {failures!r}.items():
        if any(each.startswith(word) for each in arguments):
            sys.exit(line)
    if "--dry-run" in arguments:
        print('{{"install": []}}')
elif "pytest" in arguments:
    print("TESTED", "{release}", *arguments[-2:], "WITHOUT", os.environ["SIGNALSCOPE_TESTS_WITHOUT"], flush=True)
    sys.exit({status})
elif "libraries()" in arguments[-1]:
    print("old==1.0", "new==2.0")
else:
    print("{release}")
"""


@dataclass
class Machine:
    """A machine with some interpreters.

    Args:
        folder: The folder for all its files.
    """

    folder: Path

    def add(
        self,
        version: str,
        release: str,
        *,
        folder: str = "bin",
        status: int = 0,
        failures: dict[str, str] | None = None,
    ) -> None:
        """Add an interpreter.

        Args:
            version: The name.
            release: The full version.
            folder: The folder of the interpreter.
            status: The exit status of its pytest.
            failures: Beginning of an argument of pip -> the output of pip when it fails.
        """
        path = self.folder / folder / f"python{version}"
        path.parent.mkdir(parents=True, exist_ok=True)
        text = _STAND_IN.format(
            python=sys.executable,
            log=str(self.folder / "log"),
            release=release,
            failures=failures or {},
            status=status,
        )
        path.write_text(text, encoding="utf-8")
        path.chmod(0o755)

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the tool on this machine."""
        return subprocess.run(
            [sys.executable, _TOOL, *arguments],
            env={
                **os.environ,
                "PATH": str(self.folder / "bin"),
                "PYENV_ROOT": str(self.folder / "pyenv"),
                "XDG_CACHE_HOME": str(self.folder / "cache"),
            },
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    def asked(self, word: str) -> list[str]:
        """Return the recorded calls of interpreters that contain a word."""
        return [
            line for line in (self.folder / "log").read_text(encoding="utf-8").splitlines() if word in line
        ]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A machine without any interpreter."""
    return Machine(tmp_path)


def test_every_supported_interpreter_that_is_found_runs_the_tests(machine: Machine) -> None:
    """Missing interpreters are named; that is a failure only if they are required."""
    machine.add("3.12", "3.12.9")
    machine.add("3.13", "3.13.4")
    done = machine.run()
    assert done.returncode == 0, done.stdout + done.stderr
    assert [line.split()[1] for line in done.stdout.splitlines() if line.startswith("TESTED")] == [
        "3.12.9",
        "3.13.4",
    ]
    assert "note: NOT RUN with Python 3.11: not found" in done.stdout
    assert re.search(r"Python 3\.13 \(.*/bin/python3\.13, 3\.13\.4\): passed", done.stdout)


def test_one_is_chosen_and_further_arguments_are_those_of_pytest(machine: Machine) -> None:
    """`make test-python ARGS='3.13 tests/decorators -x'` runs one interpreter."""
    machine.add("3.12", "3.12.9")
    machine.add("3.13", "3.13.4")
    done = machine.run("3.13", "tests/decorators", "-k", "one or two", "-x", "--durations=3")
    assert done.returncode == 0, done.stdout + done.stderr
    (asked,) = machine.asked("pytest -o")
    assert asked.startswith("3.13.4 ")
    assert asked.endswith(" tests/decorators -k one or two -x --durations=3")


@pytest.mark.parametrize("arguments", [("3.12",), ("--required=3.12,3.13",)])
def test_one_that_is_asked_for_or_required_must_be_there(
    arguments: tuple[str, ...], machine: Machine
) -> None:
    """CI lists the interpreters that it requires."""
    machine.add("3.13", "3.13.4")
    done = machine.run(*arguments)
    assert done.returncode == 1
    assert "error: NOT RUN with Python 3.12: not found" in done.stdout


def test_the_tests_of_the_others_are_left_to_make_test(machine: Machine) -> None:
    """`.ci/run` does not run the tests of one interpreter twice, also if it requires that interpreter."""
    own = f"{sys.version_info.major}.{sys.version_info.minor}"
    machine.add("3.99", "3.99.0")
    machine.add(own, f"{own}.1")
    done = machine.run("--others", f"--required={own},3.99")
    assert done.returncode == 0, done.stdout + done.stderr
    assert [line.split()[1] for line in done.stdout.splitlines() if line.startswith("TESTED")] == ["3.99.0"]
    assert f"Python {own}: left to `make test`" in done.stdout


def test_failing_tests_are_a_failure_and_the_next_interpreter_still_runs(machine: Machine) -> None:
    """The last lines name the interpreter that failed."""
    machine.add("3.12", "3.12.9", status=1)
    machine.add("3.13", "3.13.4")
    done = machine.run()
    assert done.returncode == 1
    assert re.search(r"Python 3\.12 .*: failed \(pytest: exit status 1\)", done.stdout)
    assert re.search(r"Python 3\.13 .*: passed", done.stdout)


def test_the_newest_of_pyenv_is_used_where_path_has_only_a_shim(machine: Machine) -> None:
    """A shim of pyenv exists for every name, but works only for a selected version."""
    for release in ("3.13.2", "3.13.10"):
        machine.add("3.13", release, folder=f"pyenv/versions/{release}/bin")
    shim = machine.folder / "bin" / "python3.13"
    shim.parent.mkdir()
    shim.write_text(
        "#!/bin/sh\necho 'pyenv: python3.13: command not found' >&2\nexit 127\n", encoding="ascii"
    )
    shim.chmod(0o755)
    done = machine.run("3.13")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "TESTED 3.13.10" in done.stdout


def test_one_that_cannot_make_environments_says_what_to_install(machine: Machine) -> None:
    """Debian has the module for environments in a separate package."""
    broken = machine.folder / "bin" / "python3.12"
    broken.parent.mkdir()
    text = "#!/bin/sh\necho \"ModuleNotFoundError: No module named 'ensurepip'\" >&2\nexit 1\n"
    broken.write_text(text, encoding="ascii")
    broken.chmod(0o755)
    done = machine.run("3.12")
    assert done.returncode == 1
    assert "No module named 'ensurepip' (Debian and Ubuntu: apt-get install python3.12-venv)" in done.stdout


def test_an_environment_is_made_once(machine: Machine) -> None:
    """The environment and pip's answers about libraries are cached, by interpreter and packages."""
    machine.add("3.13", "3.13.4")
    assert machine.run("3.13").returncode == machine.run("3.13").returncode == 0
    assert len(machine.asked(" venv ")) == 1
    assert len(machine.asked("--dry-run")) == 2
    assert len(machine.asked("pytest -o")) == 2


def test_a_library_that_has_no_build_is_named_and_its_tests_know(machine: Machine) -> None:
    """The reason of pip is in the report and in the skipped tests."""
    machine.add("3.13", "3.13.4", failures={"old==1.0": "ERROR: Failed building wheel for old"})
    done = machine.run("3.13")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "no build for Python 3.13: old==1.0 (Failed building wheel for old)" in done.stdout
    assert done.stdout.count("WITHOUT old==1.0\n") == 1
    assert "new==2.0" not in done.stdout


def test_a_package_of_the_tests_that_has_no_build_is_named_and_the_others_are_installed(
    machine: Machine,
) -> None:
    """If all packages together fail, each is tried alone; a package that every test needs must install."""
    machine.add("3.13", "3.13.4", failures={"scipy": "ERROR: No matching distribution found for scipy"})
    done = machine.run("3.13")
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"no build for Python 3\.13: scipy\S* \(No matching distribution found", done.stdout)
    assert machine.asked("install --no-compile hypothesis")
    machine.add("3.12", "3.12.4", failures={"wrapt": "ERROR: No matching distribution found for wrapt"})
    done = machine.run("3.12")
    assert done.returncode == 1
    assert re.search(
        r"Python 3\.12 .*: no environment: No matching distribution found for wrapt", done.stdout
    )


def test_a_package_index_that_cannot_be_reached_says_nothing_about_packages(machine: Machine) -> None:
    """No package is reported without a build; the run fails if it needs a package."""
    unreachable = "WARNING: Retrying (Retry(total=4 ...\nERROR: No matching distribution found for old"
    machine.add("3.13", "3.13.4", failures={"scipy": unreachable})
    machine.add("3.12", "3.12.9", failures={"old==1.0": unreachable})
    done = machine.run()
    assert done.returncode == 1
    assert re.search(r"Python 3\.13 .*: no environment: No matching", done.stdout)
    assert re.search(r"Python 3\.12 .*: passed", done.stdout)
    assert "cannot find out which libraries have no build" in done.stdout
    assert "no build for Python" not in done.stdout


def test_what_it_runs_is_there() -> None:
    """Every path exists; pytest runs no test at all if one path is missing."""
    code = "import interpreters, oldest; print(*interpreters.TESTS, *oldest.TESTS, sep='\\n')"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=_TOOL.parent, capture_output=True, text=True, check=True, timeout=60
    )
    assert [path for path in done.stdout.split() if not (binaries.ROOT / path).exists()] == []
    assert "tests/recording" in done.stdout.split()


def test_ci_must_have_every_supported_interpreter() -> None:
    """The classifiers list the supported versions; pip requires the oldest of these."""
    project = tomllib.loads((binaries.ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    supported = re.findall(r"Python :: (3\.\d+)", "\n".join(project["classifiers"]))
    assert supported == ["3.11", "3.12", "3.13"]
    assert project["requires-python"] == f">={supported[0]}"
    script = (binaries.ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert f"must_have={','.join(supported)}\n" in script
