"""Real parts, long forms, groups of tests that run together, and a separate home directory for the tests.

A test names the real parts that it needs. A missing part is named in the last lines, and fails the test in CI.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from tests.progress import Progress

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
_PACKAGES = {"redis": "redis-server", "chromium": "chromium", "go": "go"}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option --long."""
    parser.addoption("--long", action="store_true", help="run the long forms too: `make test-long`")


def pytest_configure(config: pytest.Config) -> None:
    """Prepare the environment, and print the progress of a long run."""
    _move_home(config)
    if config.getoption("dist", "no") != "no" and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Progress(config))


def _move_home(config: pytest.Config) -> None:
    """Set another home directory for programs that the tests start; caches stay where they were.

    Browsers and servers write files to the home directory.
    """
    home = Path.home()
    cache = Path(os.environ.setdefault("XDG_CACHE_HOME", str(home / ".cache")))
    os.environ.setdefault("GOPATH", str(home / "go"))
    os.environ.setdefault("HYPOTHESIS_STORAGE_DIRECTORY", str(cache / "signalscope" / "hypothesis"))
    settings = home / ".config" / "pip" / "pip.conf"
    if settings.is_file():
        os.environ.setdefault("PIP_CONFIG_FILE", str(settings))
    own = tempfile.mkdtemp(prefix="signalscope-home-")
    config.add_cleanup(lambda: shutil.rmtree(own, ignore_errors=True))
    os.environ["HOME"] = own
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"):
        os.environ.pop(name, None)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out long forms without --long; in a worker, put the groups of tests first."""
    if not config.getoption("--long"):
        long = [item for item in items if item.get_closest_marker("long")]
        items[:] = [item for item in items if item not in long]
        config.hook.pytest_deselected(items=long)
    if hasattr(config, "workerinput"):
        from tests.groups import group  # noqa: PLC0415  # it needs pytest-xdist, which a run without workers may lack

        # A group takes longest, so it starts first: the other workers run all other tests meanwhile.
        items.sort(key=lambda item: group(item.nodeid) is None)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Keep the tests of a group in one worker."""
    from tests.groups import Scheduling  # noqa: PLC0415  # as above

    return Scheduling(config, log)


def _why_missing(part: str) -> str | None:
    """Return why a part cannot be used; None if it can."""
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
        path = shutil.which(_PACKAGES[part])
        return None if path else f"{_PACKAGES[part]} is not installed (apt-get install {_PACKAGES[part]})"
    known = ", ".join((*_BINARIES, *_PACKAGES, "postgresql"))
    raise pytest.UsageError(f"unknown part {part!r}; there are: {known}")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test with a missing part, and put the reason in its report; in CI, fail the test."""
    parts = [part for mark in item.iter_markers("needs") for part in mark.args]
    for part in parts:
        reason = _why_missing(part)
        if reason is None:
            continue
        if os.environ.get("CI"):
            pytest.fail(f"{part} is missing, and CI requires every part: {reason}", pytrace=False)
        item.user_properties.append(("missing", f"{part}: {reason}"))
        pytest.skip(f"{part}: {reason}")


_CHECKOUT = pytest.StashKey[str]()


def _checkout() -> str:
    """Return the changes in the checkout according to git; empty without git."""
    done = subprocess.run(
        ["git", "status", "--porcelain"], cwd=binaries.ROOT, capture_output=True, text=True, check=False
    )
    return done.stdout


def pytest_sessionstart(session: pytest.Session) -> None:
    """In CI, record the state of the checkout."""
    if os.environ.get("CI") and not hasattr(session.config, "workerinput"):
        session.config.stash[_CHECKOUT] = _checkout()


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """In CI, fail if a test has written into the checkout instead of `tmp_path`."""
    before = session.config.stash.get(_CHECKOUT, None)
    if before is not None and (after := _checkout()) != before:
        reporter = session.config.pluginmanager.getplugin("terminalreporter")
        reporter.write_line(f"\nthe tests have changed the checkout:\n{after}")
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print in the last lines which tests did not run, and why."""
    missing = Counter(
        reason
        for report in terminalreporter.stats.get("skipped", ())
        for name, reason in report.user_properties
        if name == "missing"
    )
    for reason, number in sorted(missing.items()):
        terminalreporter.write_line(f"NOT RUN: {number} tests, because {reason}")
    if not config.getoption("--long"):
        terminalreporter.write_line("NOT RUN: the long forms; `make test-long` runs them")
