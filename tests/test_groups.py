"""Tests of a group stay in one worker, however pytest and pytest-xdist treat ids and marks."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("xdist", reason="pytest-xdist is not installed: no workers")

ROOT = Path(__file__).parents[1]
_CONFTEST = """
import os
from pathlib import Path
from tests.groups import Scheduling
def pytest_xdist_make_scheduler(config, log):
    return Scheduling(config, log)
def pytest_runtest_call(item):
    with Path(__file__).with_name("ran").open("a") as ran:
        ran.write(f"{item.path.name} {os.environ['PYTEST_XDIST_WORKER']}\\n")
"""
_TESTS = "import pytest\n@pytest.mark.parametrize('number', range(10))\ndef test_it(number): ...\n"


def test_one_worker_runs_the_stack_and_all_of_them_the_rest(tmp_path: Path) -> None:
    """Pytest runs as `make test` starts it, in a folder with generated tests."""
    (tmp_path / "conftest.py").write_text(_CONFTEST, encoding="utf-8")
    for folder, name in (("e2e", "test_stack.py"), ("other", "test_rest.py")):
        (tmp_path / "tests" / folder).mkdir(parents=True)
        (tmp_path / "tests" / folder / name).write_text(_TESTS, encoding="utf-8")
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --import-mode=importlib\n", encoding="utf-8")
    own = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-n", "2", "--dist", "loadscope", "--no-loadscope-reorder", "tests"],
        cwd=tmp_path, env=own | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert "20 passed" in done.stdout
    ran = [line.split() for line in (tmp_path / "ran").read_text(encoding="utf-8").splitlines()]
    assert len({worker for name, worker in ran if name == "test_stack.py"}) == 1
    assert len({worker for _, worker in ran}) == 2
