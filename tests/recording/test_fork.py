"""A forked child starts at zero and never hangs, whatever the parent's threads were doing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

_HERE = Path(__file__).parent
_ENVIRONMENT = {
    **os.environ,
    "PYTHONPATH": os.pathsep.join(str(_HERE.parents[1] / each) for each in (".", "src")),
}


def test_thousands_of_forks_while_threads_record_and_collect() -> None:
    """Every child counts its own calls exactly, and the parent loses none of its own."""
    run = subprocess.run(
        [sys.executable, str(_HERE / "fork_storm.py"), "2000"],
        env=_ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert (run.returncode, run.stdout.strip()) == (0, "2000"), run.stderr
